"""Values of a fitted estimator from a document and arrays, none of which is trusted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.impute import MissingIndicator

from skae._persistence import versions
from skae._persistence.encode import OPTIMIZERS
from skae._persistence.given import Given
from skae._persistence.parts import AXES, BASES, class_named
from skae._persistence.records import RECORDS, built
from skae._storage import FileFormatError
from skae.columns import TableColumns

_HIGHEST_CHARACTER = 0x10FFFF
_FITTED_NAME = re.compile(r"[a-z][a-z0-9_]*[a-z0-9]_")


class Decoder:
    """Turns nodes of a document into values.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Arrays of the file.

    given : Given
        Code that is given again.
    """

    def __init__(self, arrays: dict[str, np.ndarray], given: Given):
        self._arrays, self._given = arrays, given
        self._decoded: dict[str, np.ndarray] = {}

    def decode(self, node: Any) -> Any:
        """Return the value of a node.

        Raises
        ------
        FileFormatError
            If ``Encoder`` does not write such a node.
        """
        if isinstance(node, list):
            return [self.decode(item) for item in node]
        if not isinstance(node, dict):
            return node
        for tag, (names, decode) in _DECODERS.items():
            optional = {"fitted"} if names == _OF_PARTS else set()
            if tag in node and set(node) - optional == {tag, *names}:
                return decode(self, node)
        raise FileFormatError(f"The file holds an unknown type of value: keys {sorted(node)[:9]}.")

    def by_name(self, node: Any, what: str) -> dict:
        """Return values by their names."""
        if not isinstance(node, dict):
            raise FileFormatError(f"The file's {what} are not a dictionary.")
        return {name: self.decode(value) for name, value in node.items()}

    def check_all_read(self) -> None:
        """Refuse arrays that no node names."""
        if set(self._arrays) != set(self._decoded):
            unknown = sorted(set(self._arrays) - set(self._decoded))
            raise FileFormatError(f"The file holds arrays that belong nowhere: {unknown[:9]}.")

    def _part(self, node: Any) -> BaseEstimator:
        axis = next(axis for axis in AXES if axis in node)
        return self._with_fitted(class_named(axis, _name(axis, node)), node)

    def _own(self, node: Any) -> BaseEstimator:
        path, name = _strings_of(node["own"], 2)
        return self._with_fitted(self._given.class_at(path, name, BASES), node)

    def _with_fitted(self, cls: type, node: Any) -> BaseEstimator:
        """Return a part with these parameters, and with the attributes that a fit set on it."""
        parameters = self.by_name(node["parameters"], "parameters")
        part = cls(**versions.arguments_of(cls, parameters))
        fitted = versions.renamed(cls, self.by_name(node.get("fitted", {}), "fitted attributes"))
        for name in fitted:
            if not _FITTED_NAME.fullmatch(name):
                raise FileFormatError(f"{name[:99]!r} is not a fitted attribute of {cls.__name__}.")
        vars(part).update(fitted)
        return part

    def _record(self, node: Any) -> Any:
        name = _name("record", node)
        if name not in RECORDS:
            raise FileFormatError(f"The file names the record {name[:99]!r}, which is not known.")
        fields = versions.fields_of_today(RECORDS[name], self.by_name(node["fields"], "fields"))
        try:
            return built(RECORDS[name], fields)
        except Exception as error:  # a constructor may raise any error for a wrong value
            raise FileFormatError(f"The file holds an invalid {name}: {error}") from error

    def _tuple(self, node: Any) -> tuple:
        return tuple(self.decode(item) for item in _list(node["tuple"]))

    def _dict(self, node: Any) -> dict:
        pairs = [_list(pair, 2) for pair in _list(node["dict"])]
        if not all(type(key) in (int, str) for key, _ in pairs):
            raise FileFormatError("The file holds a dictionary with keys of another type.")
        found = {key: self.decode(value) for key, value in pairs}
        if len(found) != len(pairs):
            raise FileFormatError("The file holds a dictionary with a key twice.")
        return found

    def _array(self, node: Any) -> np.ndarray:
        return self._once(node["array"], lambda array: array)

    def _transposed(self, node: Any) -> np.ndarray:
        return self._once(node["transposed"], lambda array: array.T)

    def _text(self, node: Any) -> np.ndarray:
        return self._once(node["text"], _as_text)

    def _once(self, name: Any, view: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return the same array wherever the file names the same one."""
        if _string(name) not in self._arrays:
            raise FileFormatError(f"The file names an array {name[:99]!r} that it does not hold.")
        if name not in self._decoded:
            self._decoded[name] = view(self._arrays[name])
        return self._decoded[name]

    def _strings(self, node: Any) -> np.ndarray:
        values = _strings_of(node["strings"])
        strings = np.empty(len(values), dtype=object)
        strings[:] = values
        return strings

    def _scalar(self, node: Any) -> Any:
        array = self._once(node["scalar"], lambda array: array)
        if array.ndim:
            raise FileFormatError("The file holds an array instead of a number.")
        return array[()]

    def _random_state(self, node: Any) -> np.random.RandomState:
        state = self.by_name(node["random_state"], "random state")
        random_state = np.random.RandomState(0)
        try:
            inner = {name: state.pop(name) for name in ("key", "pos")}
            if not isinstance(inner["key"], np.ndarray) or not 0 <= inner["pos"] <= 624:
                raise ValueError("no such state")
            random_state.set_state({"bit_generator": "MT19937", "state": inner, **state})
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise FileFormatError("The file holds an invalid random state.") from error
        return random_state

    def _device(self, node: Any) -> torch.device:
        try:
            return torch.device(_string(node["device"]))
        except RuntimeError as error:
            raise FileFormatError("The file holds an invalid device.") from error

    def _table(self, node: Any) -> TableColumns:
        try:
            return TableColumns.from_plain(node["table"])
        except Exception as error:  # a wrong value may raise any error
            raise FileFormatError(f"The file holds an invalid table: {error}") from error

    def _indicator(self, node: Any) -> MissingIndicator:
        n_features, features = _list(node["indicator"], 2)
        features = self.decode(features)
        good = type(n_features) is int and isinstance(features, np.ndarray)
        if not good or features.dtype != np.int64 or features.ndim != 1:
            raise FileFormatError("The file holds an invalid indicator of missing values.")
        # The file has a mask of all features, so this allocates little more than that.
        if not 0 < n_features <= max(array.size for array in self._arrays.values()):
            raise FileFormatError("The file holds an indicator of more features than it has.")
        if len(features) and not (features.min() >= 0 and features.max() < n_features):
            raise FileFormatError("The file holds an indicator of features that it does not have.")
        row = np.zeros((1, n_features))
        row[:, features] = np.nan
        return MissingIndicator(error_on_new=False).fit(row)

    def _optimizer(self, node: Any) -> type[torch.optim.Optimizer]:
        name = _string(node["optimizer"])
        if name not in OPTIMIZERS:
            raise FileFormatError(f"The file names the optimizer {name[:99]!r}, unknown here.")
        return OPTIMIZERS[name]

    def _own_optimizer(self, node: Any) -> type:
        path, name = _strings_of(node["own_optimizer"], 2)
        return self._given.class_at(path, name, torch.optim.Optimizer)

    def _function(self, node: Any) -> Callable:
        return self._given.function_at(*_strings_of(node["given"], 2))


# Parts may have fitted attributes besides their parameters.
_OF_PARTS = ("parameters",)
# By the first key of a node: its other keys, and the method that reads it.
_DECODERS = {
    **{axis: (_OF_PARTS, Decoder._part) for axis in AXES},
    "own": (_OF_PARTS, Decoder._own),
    "record": (("fields",), Decoder._record),
    "tuple": ((), Decoder._tuple),
    "dict": ((), Decoder._dict),
    "array": ((), Decoder._array),
    "transposed": ((), Decoder._transposed),
    "text": ((), Decoder._text),
    "strings": ((), Decoder._strings),
    "scalar": ((), Decoder._scalar),
    "random_state": ((), Decoder._random_state),
    "device": ((), Decoder._device),
    "indicator": ((), Decoder._indicator),
    "table": ((), Decoder._table),
    "optimizer": ((), Decoder._optimizer),
    "own_optimizer": ((), Decoder._own_optimizer),
    "given": ((), Decoder._function),
}


def _as_text(array: np.ndarray) -> np.ndarray:
    if array.dtype != np.uint32 or array.ndim < 2 or not array.shape[-1]:
        raise FileFormatError("The file holds an array of text with an invalid shape or dtype.")
    if array.size and array.max() > _HIGHEST_CHARACTER:
        raise FileFormatError("The file holds an array of text with invalid characters.")
    return array.view(f"U{array.shape[-1]}")[..., 0]


def _name(of: str, node: dict) -> str:
    return versions.class_name(of, _string(node[of]))


def _string(node: Any) -> str:
    if not isinstance(node, str):
        raise FileFormatError(f"The file holds {type(node).__name__} instead of a string.")
    return node


def _list(node: Any, length: int | None = None) -> list:
    if not isinstance(node, list) or length not in (None, len(node)):
        expected = "a list" if length is None else f"a list of {length}"
        raise FileFormatError(f"The file holds {type(node).__name__} instead of {expected}.")
    return node


def _strings_of(node: Any, length: int | None = None) -> list[str]:
    return [_string(item) for item in _list(node, length)]
