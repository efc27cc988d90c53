"""From a document and arrays to the values of a fitted estimator; nothing is taken on trust."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from sklearn.impute import MissingIndicator

from skae._persistence.checks import check_all
from skae._persistence.classes import BASES, FITTED_PARTS, OPTIMIZERS, PARTS, RECORDS
from skae._persistence.given import Given
from skae._storage import FileFormatError

_HIGHEST_CHARACTER = 0x10FFFF
_FITTED_NAME = re.compile(r"[a-z][a-z0-9_]*[a-z0-9]_")
_MOST_COLUMNS = 1000


class Reader:
    """Turns what a document holds into values.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Those of the file.

    given : Given
        What no file can hold.
    """

    def __init__(self, arrays: dict[str, np.ndarray], given: Given):
        self._arrays, self._given = arrays, given
        self._read: dict[str, np.ndarray] = {}

    def read(self, node):
        """Return the value that stands in a document.

        Raises
        ------
        FileFormatError
            If it is nothing that ``Writer`` writes.
        """
        if isinstance(node, list):
            return [self.read(item) for item in node]
        if not isinstance(node, dict):
            return node
        for tag, (names, read) in _READERS.items():
            optional = {"fitted"} if tag in _HAVE_FITTED else set()
            if tag in node and set(node) - optional == {tag, *names}:
                return read(self, node)
        raise FileFormatError(f"The file holds a value of no known sort: {sorted(node)[:9]}.")

    def by_name(self, node, what: str) -> dict:
        """Return values by names, of which each is read."""
        if not isinstance(node, dict):
            raise FileFormatError(f"The file's {what} are no dictionary.")
        return {name: self.read(value) for name, value in node.items()}

    def check_all_read(self) -> None:
        """Refuse arrays that nothing speaks of."""
        if set(self._arrays) != set(self._read):
            unknown = sorted(set(self._arrays) - set(self._read))
            raise FileFormatError(f"The file holds arrays that belong nowhere: {unknown[:9]}.")

    def _part(self, node):
        name = _text(node["part"])
        if name not in PARTS:
            raise FileFormatError(f"The file names the class {name[:99]!r}, which is not known.")
        part = self._built(PARTS[name], node)
        fitted = self.by_name(node.get("fitted", {}), "fitted attributes")
        if fitted:
            _checked(fitted, FITTED_PARTS.get(name, {}), name)
        vars(part).update(fitted)
        return part

    def _own(self, node):
        path, name = _texts(node["own"], 2)
        part = self._built(self._given.class_at(path, name, BASES), node)
        fitted = self.by_name(node.get("fitted", {}), "fitted attributes")
        if not all(_FITTED_NAME.fullmatch(n) for n in fitted):
            raise FileFormatError(f"The file has attributes of {name[:99]} that can not be.")
        vars(part).update(fitted)
        return part

    def _built(self, cls: type, node):
        parameters = self.by_name(node["parameters"], "parameters")
        known = set(inspect.signature(cls).parameters)
        if set(parameters) != known:
            differing = sorted(set(parameters) ^ known)
            raise FileFormatError(
                f"The file has other parameters of {cls.__name__} than expected: {differing[:9]}."
            )
        return cls(**parameters)

    def _record(self, node):
        name = _text(node["record"])
        if name not in RECORDS:
            raise FileFormatError(f"The file names the class {name[:99]!r}, which is not known.")
        fields = self.by_name(node["fields"], "fields")
        _checked(fields, RECORDS[name].fields, name)
        return RECORDS[name].built_by(**fields)

    def _tuple(self, node):
        return tuple(self.read(item) for item in _list(node["tuple"]))

    def _dict(self, node):
        pairs = [_list(pair, 2) for pair in _list(node["dict"])]
        if not all(type(key) in (int, str) for key, _ in pairs):
            raise FileFormatError("The file holds a dictionary with keys that can not be.")
        found = {key: self.read(value) for key, value in pairs}
        if len(found) != len(pairs):
            raise FileFormatError("The file holds a dictionary with a key twice.")
        return found

    def _named(self, name) -> np.ndarray:
        name = _text(name)
        if name not in self._arrays:
            raise FileFormatError(f"The file speaks of an array {name[:99]!r} that is not there.")
        return self._arrays[name]

    def _array(self, node):
        return self._once(node["array"], lambda array: array)

    def _transposed(self, node):
        return self._once(node["transposed"], lambda array: array.T)

    def _once(self, name, view):
        """Return the same array wherever there was the same one."""
        if name not in self._read if isinstance(name, str) else True:
            found = view(self._named(name))
            self._read[name] = found
        return self._read[name]

    def _text_array(self, node):
        def as_text(array):
            if array.dtype != np.uint32 or array.ndim < 2 or not array.shape[-1]:
                raise FileFormatError("The file holds text that can not be.")
            if array.size and array.max() > _HIGHEST_CHARACTER:
                raise FileFormatError("The file holds characters that can not be.")
            return array.view(f"U{array.shape[-1]}")[..., 0]

        return self._once(node["text"], as_text)

    def _strings(self, node):
        values = _texts(node["strings"])
        strings = np.empty(len(values), dtype=object)
        strings[:] = values
        return strings

    def _scalar(self, node):
        array = self._named(node["scalar"])
        if array.ndim:
            raise FileFormatError("The file holds a number that is an array.")
        self._read[node["scalar"]] = array
        return array[()]

    def _frame(self, node):
        pairs = [_list(pair, 2) for pair in _list(node["frame"])]
        columns = {_text(name): self.read(values) for name, values in pairs}
        arrays = [c for c in columns.values() if isinstance(c, np.ndarray) and c.ndim == 1]
        one_length = len({len(array) for array in arrays}) == 1
        if not len(columns) == len(pairs) == len(arrays) <= _MOST_COLUMNS or not one_length:
            raise FileFormatError("The file holds a table that can not be.")
        return pd.DataFrame(columns)

    def _csr(self, node):
        parts = self.by_name(node["csr"], "entries")
        shape = parts.pop("shape", None)
        arrays = all(isinstance(a, np.ndarray) and a.ndim == 1 for a in parts.values())
        sizes = isinstance(shape, list) and len(shape) == 2 and all(type(n) is int for n in shape)
        if set(parts) != {"data", "indices", "indptr"} or not arrays or not sizes:
            raise FileFormatError("The file holds a sparse matrix that can not be.")
        if any(parts[name].dtype not in (np.int32, np.int64) for name in ("indices", "indptr")):
            raise FileFormatError("The file holds a sparse matrix whose places are no integers.")
        try:
            return _checked_csr(shape, **parts)
        except ValueError as error:
            raise FileFormatError(
                f"The file holds a sparse matrix that can not be: {error}"
            ) from error

    def _random_state(self, node):
        state = self.by_name(node["random_state"], "random state")
        random_state = np.random.RandomState(0)
        try:
            inner = {name: state.pop(name) for name in ("key", "pos")}
            if not isinstance(inner["key"], np.ndarray) or not 0 <= inner["pos"] <= 624:
                raise ValueError("no such state")
            random_state.set_state({"bit_generator": "MT19937", "state": inner, **state})
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise FileFormatError("The file holds a random state that can not be.") from error
        return random_state

    def _device(self, node):
        try:
            return torch.device(_text(node["device"]))
        except RuntimeError as error:
            raise FileFormatError("The file holds a device that can not be.") from error

    def _indicator(self, node):
        n_features, features = _list(node["indicator"], 2)
        features = self.read(features)
        good = type(n_features) is int and isinstance(features, np.ndarray)
        if not good or features.dtype != np.int64 or features.ndim != 1:
            raise FileFormatError("The file holds an indicator that can not be.")
        if len(features) and not (features.min() >= 0 and features.max() < n_features):
            raise FileFormatError("The file holds an indicator of features that are not there.")
        # There is a mask of all features, so that what is made here is not much larger.
        if not 0 < n_features <= max(array.size for array in self._arrays.values()):
            raise FileFormatError("The file holds an indicator of more features than there are.")
        return fitted_indicator(n_features, features)

    def _optimizer(self, node):
        name = _text(node["optimizer"])
        if name not in OPTIMIZERS:
            raise FileFormatError(f"The file names the optimizer {name[:99]!r}, unknown here.")
        return OPTIMIZERS[name]

    def _own_optimizer(self, node):
        path, name = _texts(node["own_optimizer"], 2)
        return self._given.class_at(path, name, torch.optim.Optimizer)

    def _function(self, node):
        return self._given.function_at(*_texts(node["given"], 2))


# By their key: the other keys, and what reads them.
_READERS = {
    "part": (("parameters",), Reader._part),
    "own": (("parameters",), Reader._own),
    "record": (("fields",), Reader._record),
    "tuple": ((), Reader._tuple),
    "dict": ((), Reader._dict),
    "array": ((), Reader._array),
    "transposed": ((), Reader._transposed),
    "text": ((), Reader._text_array),
    "strings": ((), Reader._strings),
    "scalar": ((), Reader._scalar),
    "frame": ((), Reader._frame),
    "csr": ((), Reader._csr),
    "random_state": ((), Reader._random_state),
    "device": ((), Reader._device),
    "indicator": ((), Reader._indicator),
    "optimizer": ((), Reader._optimizer),
    "own_optimizer": ((), Reader._own_optimizer),
    "given": ((), Reader._function),
}

# What a fit may leave attributes on.
_HAVE_FITTED = ("part", "own")


def fitted_indicator(n_features: int, features: np.ndarray) -> MissingIndicator:
    """Return what a fit to a table with missing values in some features leaves."""
    row = np.zeros((1, n_features))
    row[:, features] = np.nan
    return MissingIndicator(error_on_new=False).fit(row)


def _checked_csr(shape, data, indices, indptr) -> sp.csr_matrix:
    # Looked at before scipy does: its own check of places is in compiled code that trusts them.
    if len(indptr) != shape[0] + 1 or indptr[0] != 0 or indptr[-1] != len(data):
        raise ValueError("its rows do not add up.")
    if len(indices) != len(data) or (np.diff(indptr) < 0).any():
        raise ValueError("its rows do not add up.")
    if len(indices) and not (indices.min() >= 0 and indices.max() < shape[1]):
        raise ValueError("it has entries outside of its columns.")
    return sp.csr_matrix((data, indices, indptr), shape=tuple(shape))


def _checked(values: dict, checks: dict, name: str) -> None:
    try:
        check_all(values, checks, {}, name)
    except ValueError as error:
        raise FileFormatError(f"The file holds what can not be: {error}") from error


def _text(node) -> str:
    if not isinstance(node, str):
        raise FileFormatError("The file holds something else where a text is expected.")
    return node


def _list(node, length: int | None = None) -> list:
    if not isinstance(node, list) or length not in (None, len(node)):
        raise FileFormatError("The file holds something else where a list is expected.")
    return node


def _texts(node, length: int | None = None) -> list[str]:
    return [_text(item) for item in _list(node, length)]
