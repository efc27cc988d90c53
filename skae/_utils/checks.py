"""The sentences about parameters that are out of range."""

from __future__ import annotations

import math
from numbers import Integral, Real

# Sizes beyond are refused before anything is computed with them.
LARGEST = 2**31 - 1
# Weights, rates and the like beyond are out of the range of float32 after a few products.
LARGEST_NUMBER = 1e30


def is_auto(value) -> bool:
    """Return whether a parameter is "auto"."""
    return isinstance(value, str) and value == "auto"


def is_number(value) -> bool:
    """Return whether a parameter is a finite real number; True and False are none."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no floating point number comes near to
        return False


def is_size(value, low: int = 1, high: int = LARGEST) -> bool:
    """Return whether a value is an integer from `low` to `high`."""
    return isinstance(value, Integral) and not isinstance(value, bool) and low <= value <= high


def check_number(
    value,
    name: str,
    *,
    low: float,
    high: float = LARGEST_NUMBER,
    open_low: bool = False,
    open_high=False,
) -> None:
    """Refuse what is not a real number between two limits.

    Parameters
    ----------
    value : object
        What the user gave.

    name : str
        Parameter and class, such as "weight of Sparse".

    low, high : float
        The limits.

    open_low, open_high : bool, default=False
        Whether a limit itself is refused.

    Raises
    ------
    ValueError
        If it is not.
    """
    if is_number(value):
        above = value > low if open_low else value >= low
        below = value < high if open_high else value <= high
        if above and below:
            return
    left, right = "(" if open_low else "[", ")" if open_high or math.isinf(high) else "]"
    raise ValueError(f"{name} must be a number in {left}{low:g}, {high:g}{right}, got {value!r}.")


def check_integer(value, name: str, *, low: int, high: int, reason: str = "") -> None:
    """Refuse what is not an integer between two limits, both included."""
    if not is_size(value, low, high):
        raise ValueError(f"{name} must be an integer from {low} to {high}{reason}, got {value!r}.")


def check_size(value, name: str, *, low: int = 1) -> None:
    """Refuse what is not an integer of at least `low`, or larger than any size can be."""
    if is_size(value, low):
        return
    limits = f"from {low} to {LARGEST}" if is_number(value) and value > LARGEST else f">= {low}"
    raise ValueError(f"{name} must be an integer {limits}, got {value!r}.")


def check_boolean(value, name: str) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}.")


def check_choice(value, name: str, choices) -> None:
    """Refuse what is none of some names."""
    if not (isinstance(value, str) and value in choices):
        raise ValueError(f"{name} must be one of {sorted(choices)}, got {value!r}.")
