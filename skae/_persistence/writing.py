"""From the values of a fitted estimator to a document and arrays.

JSON has none, true, numbers, texts and lists. Everything else is a dictionary of one key that
says what it is, such as ``{"tuple": [1, 2]}``; ``reading`` has the same keys.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from sklearn.impute import MissingIndicator

from skae._persistence.classes import BASES, OPTIMIZERS, PARTS, RECORDS, parameters_of

_PLAIN = (type(None), bool, int, float, str)
# Kinds of dtypes that the format of the arrays has.
_KINDS = "fiub"
_PART_NAMES = {part: name for name, part in PARTS.items()}
_RECORD_NAMES = {record.built_by: name for name, record in RECORDS.items()}


class Writer:
    """Turns values into what a document holds, and collects the arrays.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Those met so far, by names that say where they are.
    """

    def __init__(self):
        self.arrays: dict[str, np.ndarray] = {}
        # With the arrays themselves, which must live as long as their ids are compared.
        self._names: dict[int, tuple[str, object]] = {}

    def write(self, value, place: str, given: str = ""):
        """Return what stands for a value in a document.

        Parameters
        ----------
        value : object
            The value.

        place : str
            Where it is, such as "_fitted.scaling.centre".

        given : str
            Where it is in what ``skae.load`` can be given, such as "loss"; empty if nowhere.

        Raises
        ------
        TypeError
            If a file can not hold it.
        """
        if type(value) in _PLAIN:
            return value
        if type(value) in _PART_NAMES:
            return self._part(value, "part", _PART_NAMES[type(value)], place, given)
        if type(value) in _RECORD_NAMES:
            return self._record(value, _RECORD_NAMES[type(value)], place, given)
        for kind, write in _WRITERS.items():
            if isinstance(value, kind):
                return write(self, value, place, given)
        if given and isinstance(value, BASES):
            return self._part(value, "own", type(value).__qualname__, place, given)
        if given and callable(value):
            return {"given": [given, getattr(value, "__qualname__", type(value).__qualname__)]}
        raise _no_place(value, place)

    def _part(self, part, tag: str, name: str, place: str, given: str):
        parameters = parameters_of(part)
        # What a fit leaves on a part ends in an underscore, as everywhere in scikit-learn.
        fitted = {n: v for n, v in vars(part).items() if n not in parameters and n.endswith("_")}
        node = {
            tag: name if tag == "part" else [given, name],
            "parameters": self._by_name(parameters, place, given),
        }
        return {**node, "fitted": self._by_name(fitted, place, "")} if fitted else node

    def _record(self, record, name: str, place: str, given: str):
        values = {field: getattr(record, field) for field in RECORDS[name].fields}
        fields = {
            field: self.write(value, _joined(place, field), _GIVEN_IN.get(field, ""))
            for field, value in values.items()
        }
        return {"record": name, "fields": fields}

    def _by_name(self, values: dict, place: str, given: str) -> dict:
        return {
            name: self.write(value, _joined(place, name), _joined(given, name) if given else "")
            for name, value in sorted(values.items())
        }

    def _tuple(self, value, place, given):
        if type(value) is not tuple:
            raise _no_place(value, place)
        return {"tuple": self._list(list(value), place, given)}

    def _list(self, value, place, given):
        if type(value) is not list:
            raise _no_place(value, place)
        return [self.write(v, _joined(place, str(i)), "") for i, v in enumerate(value)]

    def _dict(self, value, place, given):
        if type(value) is not dict or not all(type(key) in (int, str) for key in value):
            raise _no_place(value, place)
        return {"dict": [[k, self.write(v, _joined(place, str(k)), "")] for k, v in value.items()]}

    def _array(self, value, place, given):
        if type(value) is not np.ndarray:
            raise _no_place(value, place)
        if value.dtype.kind in _KINDS:
            if value.flags.f_contiguous and not value.flags.c_contiguous:
                return {"transposed": self._name(value.T, place, value)}
            return {"array": self._name(value, place, value)}
        if value.dtype.kind == "U" and value.ndim and value.itemsize:
            characters = np.ascontiguousarray(value).view(np.uint32)
            characters = characters.reshape(*value.shape, value.itemsize // 4)
            return {"text": self._name(characters, place, value)}
        if value.dtype == object and value.ndim == 1 and all(type(v) is str for v in value):
            return {"strings": list(value)}
        raise _no_place(value, place)

    def _name(self, array: np.ndarray, place: str, owner: np.ndarray) -> str:
        """Return the name of an array, the same for the same one."""
        if id(owner) not in self._names:
            name, n = place, 1
            while name in self.arrays:
                n += 1
                name = f"{place}~{n}"
            self._names[id(owner)], self.arrays[name] = (name, owner), array
        return self._names[id(owner)][0]

    def _scalar(self, value, place, given):
        if value.dtype.kind not in _KINDS:
            raise _no_place(value, place)
        return {"scalar": self._name(np.asarray(value), place, value)}

    def _frame(self, value, place, given):
        if not all(type(name) is str for name in value.columns):
            raise _no_place(value, place)
        columns = {name: value[name].to_numpy() for name in value.columns}
        return {"frame": [[n, self.write(v, _joined(place, n))] for n, v in columns.items()]}

    def _csr(self, value, place, given):
        parts = {name: getattr(value, name) for name in ("data", "indices", "indptr")}
        return {"csr": {**self._by_name(parts, place, ""), "shape": [int(n) for n in value.shape]}}

    def _random_state(self, value, place, given):
        state = value.get_state(legacy=False)
        if state["bit_generator"] != "MT19937":
            raise _no_place(value, place)
        inner = {**state["state"], **{n: state[n] for n in ("has_gauss", "gauss")}}
        return {"random_state": self._by_name(inner, place, "")}

    def _device(self, value, place, given):
        return {"device": str(value)}

    def _indicator(self, value, place, given):
        features = self.write(value.features_, _joined(place, "features_"))
        return {"indicator": [int(value.n_features_in_), features]}

    def _class(self, value, place, given):
        if value in OPTIMIZERS.values():
            return {"optimizer": value.__name__}
        if given and issubclass(value, torch.optim.Optimizer):
            return {"own_optimizer": [given, value.__qualname__]}
        if given:
            return {"given": [given, value.__qualname__]}
        raise _no_place(value, place)


_WRITERS = {
    tuple: Writer._tuple,
    list: Writer._list,
    dict: Writer._dict,
    np.ndarray: Writer._array,
    np.generic: Writer._scalar,
    pd.DataFrame: Writer._frame,
    sp.csr_matrix: Writer._csr,
    np.random.RandomState: Writer._random_state,
    torch.device: Writer._device,
    MissingIndicator: Writer._indicator,
    type: Writer._class,
}
# Fields of records whose objects users may have written.
_GIVEN_IN = {
    "kind": "kind",
    "architecture": "architecture",
    "loss": "loss",
    "score": "scoring",
}


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _no_place(value, place: str) -> TypeError:
    return TypeError(
        f"A file can not hold {place}={value!r}, of type {type(value).__name__}. Use pickle, "
        f"joblib or skops instead."
    )
