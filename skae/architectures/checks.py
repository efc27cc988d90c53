"""What architectures ask of their parameters."""

from __future__ import annotations

from collections.abc import Sequence

import skae._utils.checks as checks
from skae._utils.checks import LARGEST, is_size

# Layers one after the other beyond which a network is not built.
MOST_LAYERS = 1000


def check_boolean(architecture, name: str) -> bool:
    """Return a parameter that is True or False."""
    value = getattr(architecture, name)
    checks.check_boolean(value, _name(architecture, name))
    return value


def check_choice(architecture, name: str, choices: tuple[str, ...]) -> str:
    """Return a parameter that is one of some words."""
    value = getattr(architecture, name)
    checks.check_choice(value, _name(architecture, name), choices)
    return value


def check_size(architecture, name: str, *, low: int = 1, high: int = LARGEST) -> int:
    """Return a parameter that is an integer from `low` to `high`."""
    value = getattr(architecture, name)
    if high == LARGEST:
        checks.check_size(value, _name(architecture, name), low=low)
    else:
        checks.check_integer(value, _name(architecture, name), low=low, high=high)
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
    checks.check_number(value, _name(architecture, "dropout"), low=0, high=1, open_high=True)
    return float(value)


def _name(architecture, name: str) -> str:
    return f"{name} of {type(architecture).__name__}"
