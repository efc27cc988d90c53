"""Values of a fitted estimator as a document and arrays.

JSON has null, booleans, numbers, strings and lists. Every other value is a dictionary whose first
key says what it is, such as ``{"tuple": [1, 2]}``; ``decode`` reads the same keys.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.impute import MissingIndicator

from skae._persistence.parts import BASES, name_of, parameters_of
from skae._persistence.records import RECORDS, fields_of
from skae.columns import TableColumns

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    name: cls
    for name, cls in vars(torch.optim).items()
    if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer)
}
# Kinds of dtypes that the format of arrays has.
_KINDS = "fiub"
# Fields of records whose objects users may have written, and arguments of skae.load for them.
_GIVEN_IN = {
    "kind": "kind",
    "architecture": "architecture",
    "loss": "loss",
    "score": "scoring",
}


class Encoder:
    """Turns values into nodes of a document, and collects the arrays.

    Attributes
    ----------
    arrays : dict of str to ndarray
        The arrays so far, named by their place.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        # With the arrays themselves, which must live as long as their ids are compared.
        self._names: dict[int, tuple[str, object]] = {}

    def encode(self, value: Any, place: str, given: str = "") -> Any:
        """Return the node of a value.

        Parameters
        ----------
        value : object
            The value.

        place : str
            Its place, such as "_fitted.scaling.centre".

        given : str, default=""
            Argument of ``skae.load`` that stands for the value if it is code, such as "loss".

        Raises
        ------
        TypeError
            If a file cannot hold it.
        """
        if type(value) in (type(None), bool, int, float, str):
            return value
        if isinstance(value, BASES):
            return self._part(value, place, given)
        if RECORDS.get(type(value).__name__) is type(value):
            return self._record(value, place)
        encode = _ENCODERS.get(type(value))
        if encode is not None:
            return encode(self, value, place)
        if isinstance(value, np.generic) and value.dtype.kind in _KINDS:
            return {"scalar": self._array_name(np.asarray(value), place, value)}
        if isinstance(value, type) and value in OPTIMIZERS.values():
            return {"optimizer": value.__name__}
        if given and callable(value):
            return {_code(value): [given, getattr(value, "__qualname__", type(value).__qualname__)]}
        raise _refusal(value, place)

    def _part(self, part: Any, place: str, given: str) -> dict:
        parameters, registered = parameters_of(part), name_of(part)
        if registered is None and not given:
            raise _refusal(part, place)
        named = [given, type(part).__qualname__]
        head = {"own": named} if registered is None else {registered[0]: registered[1]}
        # Fitted attributes end in an underscore, as everywhere in scikit-learn.
        fitted = {n: v for n, v in vars(part).items() if n not in parameters and n.endswith("_")}
        node = {**head, "parameters": self._by_name(parameters, place, given)}
        return {**node, "fitted": self._by_name(fitted, place)} if fitted else node

    def _record(self, record: Any, place: str) -> dict:
        cls: Any = type(record)
        fields = {
            name: self.encode(getattr(record, name), f"{place}.{name}", _GIVEN_IN.get(name, ""))
            for name in fields_of(cls)
        }
        return {"record": type(record).__name__, "fields": fields}

    def _by_name(self, values: dict, place: str, given: str = "") -> dict:
        return {
            name: self.encode(value, f"{place}.{name}", given and f"{given}.{name}")
            for name, value in sorted(values.items())
        }

    def _tuple(self, value: Any, place: str) -> dict:
        return {"tuple": self._list(value, place)}

    def _list(self, value: Any, place: str) -> list:
        return [self.encode(item, f"{place}.{i}") for i, item in enumerate(value)]

    def _dict(self, value: Any, place: str) -> dict:
        if not all(type(key) in (int, str) for key in value):
            raise _refusal(value, place)
        return {"dict": [[k, self.encode(v, f"{place}.{k}")] for k, v in value.items()]}

    def _array(self, value: Any, place: str) -> dict:
        if value.dtype.kind in _KINDS:
            if value.flags.f_contiguous and not value.flags.c_contiguous:
                return {"transposed": self._array_name(value.T, place, value)}
            return {"array": self._array_name(value, place, value)}
        if value.dtype.kind == "U" and value.ndim and value.itemsize:
            characters = np.ascontiguousarray(value).view(np.uint32)
            characters = characters.reshape(*value.shape, value.itemsize // 4)
            return {"text": self._array_name(characters, place, value)}
        if value.dtype == object and value.ndim == 1 and all(type(v) is str for v in value):
            return {"strings": list(value)}
        raise _refusal(value, place)

    def _array_name(self, array: np.ndarray, place: str, owner: object) -> str:
        """Return the name of an array, the same name for the same array."""
        if id(owner) not in self._names:
            name, n = place, 1
            while name in self.arrays:
                n += 1
                name = f"{place}~{n}"
            self._names[id(owner)], self.arrays[name] = (name, owner), array
        return self._names[id(owner)][0]

    def _random_state(self, value: Any, place: str) -> dict:
        state = value.get_state(legacy=False)
        if state["bit_generator"] != "MT19937":
            raise _refusal(value, place)
        inner = {**state["state"], **{n: state[n] for n in ("has_gauss", "gauss")}}
        return {"random_state": self._by_name(inner, place)}

    def _device(self, value: Any, place: str) -> dict:
        return {"device": str(value)}

    def _table(self, value: Any, place: str) -> dict:
        return {"table": value.plain()}

    def _indicator(self, value: Any, place: str) -> dict:
        features = self.encode(value.features_, f"{place}.features_")
        return {"indicator": [int(value.n_features_in_), features]}


_ENCODERS = {
    tuple: Encoder._tuple,
    list: Encoder._list,
    dict: Encoder._dict,
    np.ndarray: Encoder._array,
    np.random.RandomState: Encoder._random_state,
    torch.device: Encoder._device,
    MissingIndicator: Encoder._indicator,
    TableColumns: Encoder._table,
}


def _code(value: Any) -> str:
    """Return the key of code that the user passes again at loading."""
    is_optimizer = isinstance(value, type) and issubclass(value, torch.optim.Optimizer)
    return "own_optimizer" if is_optimizer else "given"


def _refusal(value: Any, place: str) -> TypeError:
    return TypeError(
        f"A file cannot hold {place}={value!r}, of type {type(value).__name__}: use pickle, "
        f"joblib or skops instead, or register a part of your own."
    )
