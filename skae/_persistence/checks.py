"""Checks of values from a file against type hints.

The hints are those of Python, such as ``tuple[int, ...]``, ``dict[str, ndarray]``, ``Literal`` or
a class, and :class:`Array`. Integers are never negative and numbers never NaN;
``Annotated[int, 1]`` is an integer of 1 or more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np

from skae._utils.checks import is_integer

SIZE = Annotated[int, 1]
ABOVE_ZERO = Annotated[float, np.finfo(float).tiny]
# Limits of the distribution that fills missing values, in standard deviations: beyond them, systems
# of equations may have no solution. Fits stay far from both.
_LARGEST_FACTOR, _SMALLEST_NOISE = 1e3, 1e-3


@dataclass(frozen=True)
class Array:
    """Hint of an array.

    Parameters
    ----------
    kinds : str, default="f"
        Kinds of its dtype as numpy has them, "f" for floats.

    ndim : int, default=1
        Number of axes.

    finite : bool, default=True
        Whether all entries must be finite.

    positive : bool, default=False
        Whether all entries must be above zero.
    """

    kinds: str = "f"
    ndim: int = 1
    finite: bool = True
    positive: bool = False

    def matches(self, value: Any) -> bool:
        """Return whether a value is such an array."""
        if type(value) is not np.ndarray or value.dtype.kind not in self.kinds:
            return False
        if value.ndim != self.ndim or (self.positive and not (value > 0).all()):
            return False
        return not (self.finite and value.dtype.kind == "f") or bool(np.isfinite(value).all())


def check_values(values: dict, hints: dict, owner: str) -> None:
    """Check values by name.

    Parameters
    ----------
    values : dict of str to object
        Values to check.

    hints : dict of str to hint
        Expected names and types.

    owner : str
        Class that the values belong to, for the message.

    Raises
    ------
    ValueError
        If names are missing or unknown, or if a value is not of its type.
    """
    if set(values) != set(hints):
        missing = sorted(set(hints) - set(values))[:9]
        unknown = [str(name)[:99] for name in sorted(set(values) - set(hints), key=str)[:9]]
        raise ValueError(f"{owner} has missing values {missing} and unknown values {unknown}.")
    for name, hint in hints.items():
        require(matches(values[name], hint), f"{name} of {owner}", hint, values[name])


def require(condition: object, name: str, expected: object, value: Any) -> None:
    """Raise a ValueError that says which value was expected, unless a condition holds."""
    if not condition:
        shown = getattr(expected, "__name__", expected)
        raise ValueError(f"{name} must be {shown}, got {repr(value)[:99]}.")


def fillable(factor: np.ndarray, noise: np.ndarray) -> bool:
    """Return whether distributions with these loadings and noise can fill missing values."""
    # Comparisons with NaN are false.
    small = (np.abs(factor) <= _LARGEST_FACTOR).all()
    return bool(small and ((noise >= _SMALLEST_NOISE) & (noise < np.inf)).all())


def matches(value: Any, hint: Any) -> bool:
    """Return whether a value is of the type of a hint."""
    if isinstance(hint, Array):
        return hint.matches(value)
    if hint in _PLAIN:
        return _PLAIN[hint](value)
    origin = get_origin(hint)
    if origin is None:
        return isinstance(value, hint)
    return _OF_ORIGIN[origin](value, get_args(hint))


def _is_integer(value: Any) -> bool:
    return is_integer(value) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and value == value


def _is_sequence_of(kind: type[list] | type[tuple]) -> Callable[[Any, tuple[Any, ...]], bool]:
    def check(value: Any, arguments: tuple[Any, ...]) -> bool:
        return type(value) is kind and all(matches(item, arguments[0]) for item in value)

    return check


def _is_dictionary(value: Any, arguments: tuple[Any, ...]) -> bool:
    return type(value) is dict and all(
        type(key) is arguments[0] and matches(item, arguments[1]) for key, item in value.items()
    )


def _is_one_of(value: Any, arguments: tuple[Any, ...]) -> bool:
    return any(matches(value, argument) for argument in arguments)


_PLAIN: dict[Any, Callable[[Any], bool]] = {
    Any: lambda value: True,
    None: lambda value: value is None,
    NoneType: lambda value: value is None,
    int: _is_integer,
    float: _is_number,
}
_OF_ORIGIN: dict[Any, Callable[[Any, tuple[Any, ...]], bool]] = {
    list: _is_sequence_of(list),
    tuple: _is_sequence_of(tuple),
    dict: _is_dictionary,
    Literal: lambda value, words: isinstance(value, str) and value in words,
    Annotated: lambda value, bound: matches(value, bound[0]) and value >= bound[1],
    Union: _is_one_of,
    UnionType: _is_one_of,
}
