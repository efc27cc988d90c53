"""Checks of parameters, with the same error message for each type of parameter."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from numbers import Integral, Real
from typing import Any, TypeGuard

from skae._utils.synonyms import did_you_mean

# Larger sizes are refused at once.
LARGEST = 2**31 - 1
# Larger weights and rates leave the range of float32 after a few products.
LARGEST_NUMBER = 1e30


def is_auto(value: object) -> TypeGuard[str]:
    """Return whether a parameter is "auto"."""
    return isinstance(value, str) and value == "auto"


def is_number(value: Any) -> TypeGuard[float]:
    """Return whether a parameter is a finite real number; True and False are not."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond the range of floating-point numbers
        return False


def is_integer(value: Any) -> TypeGuard[int]:
    """Return whether a parameter is an integer; True and False are not."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_size(value: Any, low: int = 1, high: int = LARGEST) -> TypeGuard[int]:
    """Return whether a value is an integer from `low` to `high`."""
    return is_integer(value) and low <= value <= high


def check_number(
    value: Any,
    name: str,
    *,
    low: float,
    high: float = LARGEST_NUMBER,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """Return a real number between two limits, as a float.

    Parameters
    ----------
    value : object
        The value from the user.

    name : str
        Parameter and class, such as "weight of Sparse".

    low, high : float
        The limits.

    open_low, open_high : bool, default=False
        Whether to refuse the limit itself.

    Raises
    ------
    ValueError
        If the value is not such a number.
    """
    if is_number(value):
        above = value > low if open_low else value >= low
        below = value < high if open_high else value <= high
        if above and below:
            return float(value)
    left, right = "(" if open_low else "[", ")" if open_high or math.isinf(high) else "]"
    raise ValueError(f"{name} must be a number in {left}{low:g}, {high:g}{right}, got {value!r}.")


def check_size(
    value: Any,
    name: str,
    *,
    low: int = 1,
    high: int = LARGEST,
    reason: str = "",
    instead: str = "",
) -> int:
    """Return an integer between two limits, both included.

    Parameters
    ----------
    value : object
        The value from the user.

    name : str
        Parameter and class, such as "k of Sparse".

    low, high : int
        The limits.

    reason : str, default=""
        Why `high` is the limit, for the message.

    instead : str, default=""
        Other values of the parameter, for the message, such as "'auto' or ".

    Raises
    ------
    ValueError
        If the value is not such an integer.
    """
    if is_size(value, low, high):
        return int(value)
    too_large = is_number(value) and value > LARGEST
    limits = f"from {low} to {high}{reason}" if high < LARGEST or too_large else f">= {low}"
    raise ValueError(f"{name} must be {instead}an integer {limits}, got {value!r}.")


def check_sizes(
    value: Any,
    name: str,
    *,
    empty: bool = True,
    instead: str = "",
    example: tuple[int, ...] = (64, 32),
) -> tuple[int, ...]:
    """Return a sequence of integers of at least 1 as a tuple.

    Parameters
    ----------
    value : object
        The value from the user.

    name : str
        Parameter and class, such as "channels of Convolutional".

    empty : bool, default=True
        Whether the sequence may be empty.

    instead : str, default=""
        Other values of the parameter, for the message, such as "'auto' or ".

    example : tuple of int, default=(64, 32)
        A valid value, for the message.

    Raises
    ------
    ValueError
        If the value is not such a sequence.
    """
    listed = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    if listed and (empty or len(value)) and all(is_size(size) for size in value):
        return tuple(int(size) for size in value)
    raise ValueError(
        f"{name} must be {instead}a sequence of {'' if empty else 'one or more '}integers >= 1, "
        f"such as {example}, got {value!r}."
    )


def check_boolean(value: object, name: str) -> bool:
    """Return True or False; refuse any other value."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}.")
    return value


def check_choice(value: object, name: str, choices: Collection[str]) -> str:
    """Return one of the names in `choices`; refuse any other value."""
    if not (isinstance(value, str) and value in choices):
        hint = did_you_mean(value, choices)
        raise ValueError(f"{name} must be one of {sorted(choices)}, got {value!r}{hint}")
    return value
