"""What architectures ask of their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real


def check_boolean(architecture, name: str) -> bool:
    """Return a parameter that is True or False."""
    value = getattr(architecture, name)
    if not isinstance(value, bool):
        raise ValueError(f"{_name(architecture, name)} must be True or False, got {value!r}.")
    return value


def check_choice(architecture, name: str, choices: tuple[str, ...]) -> str:
    """Return a parameter that is one of some words."""
    value = getattr(architecture, name)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(
            f"{_name(architecture, name)} must be one of {list(choices)}, got {value!r}."
        )
    return value


def check_size(architecture, name: str, *, low: int = 1) -> int:
    """Return a parameter that is an integer of at least `low`."""
    value = getattr(architecture, name)
    if not is_size(value, low):
        raise ValueError(f"{_name(architecture, name)} must be an integer >= {low}, got {value!r}.")
    return int(value)


def check_sizes(architecture, name: str, *, empty: bool) -> tuple[int, ...]:
    """Return a parameter that is a sequence of integers of at least 1."""
    value = getattr(architecture, name)
    listed = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    if listed and (empty or len(value)) and all(is_size(size) for size in value):
        return tuple(int(size) for size in value)
    raise ValueError(
        f"{_name(architecture, name)} must be a sequence of {'' if empty else 'one or more '}"
        f"integers >= 1, such as (64, 32), got {value!r}."
    )


def check_dropout(architecture) -> float:
    """Return `dropout`, a probability below 1."""
    value = architecture.dropout
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 <= value < 1:
        raise ValueError(
            f"{_name(architecture, 'dropout')} must be a number in [0, 1), got {value!r}."
        )
    return float(value)


def is_size(value, low: int = 1) -> bool:
    """Return whether a value is an integer of at least `low`."""
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= low


def _name(architecture, name: str) -> str:
    return f"{name} of {type(architecture).__name__}"
