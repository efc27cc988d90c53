"""What values must be: each check raises a ValueError that says what is wrong.

A check is called with a value and with sizes by name. Where an array has a size of a name that is
not known yet, it is noted, and must be the same wherever the name comes again.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real

import numpy as np

Check = Callable[[object, dict[str, int]], None]


def check_all(values: dict, checks: dict[str, Check], sizes: dict[str, int], of: str) -> None:
    """Check values by name.

    Parameters
    ----------
    values : dict of str to object
        What is there.

    checks : dict of str to callable
        What is expected: the same names.

    sizes : dict of str to int
        Sizes that are known; more are noted.

    of : str
        What the values belong to, for the message.

    Raises
    ------
    ValueError
        If names are missing or too many, or if a value is not as expected.
    """
    if set(values) != set(checks):
        differing = sorted(set(values) ^ set(checks), key=str)
        raise ValueError(f"{of} has other fields than expected: {differing[:9]}.")
    for name, check in checks.items():
        try:
            check(values[name], sizes)
        except ValueError as error:
            raise ValueError(f"{name} of {of} {error}") from None


def instance(*classes: type) -> Check:
    """Check for an object of some classes."""

    def check(value, sizes):
        if not isinstance(value, classes):
            names = " or ".join(c.__name__ for c in classes)
            raise ValueError(f"must be {names}, got {type(value).__name__}.")

    return check


def integer(low: int) -> Check:
    """Check for an integer of at least `low`."""

    def check(value, sizes):
        if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
            raise ValueError(f"must be an integer >= {low}, got {_shown(value)}.")

    return check


def number(*, positive: bool = False, finite: bool = True) -> Check:
    """Check for a number that is no NaN."""

    def check(value, sizes):
        real = isinstance(value, Real) and not isinstance(value, bool)
        if not real or value != value or (finite and abs(value) == float("inf")):
            raise ValueError(f"must be a {'finite ' * finite}number, got {_shown(value)}.")
        if positive and value <= 0:
            raise ValueError(f"must be above zero, got {_shown(value)}.")

    return check


def choice(*words: str) -> Check:
    """Check for one of some words."""

    def check(value, sizes):
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"must be one of {list(words)}, got {_shown(value)}.")

    return check


def either(*checks: Check | None) -> Check:
    """Check for what one of some checks accepts; None stands for None."""

    def check(value, sizes):
        errors = []
        for one in checks:
            if one is None:
                if value is None:
                    return
                continue
            try:
                one(value, sizes)
                return
            except ValueError as error:
                errors.append(str(error))
        raise ValueError(" ".join(errors))

    return check


def sequence(kind: type, item: Check, *, least: int = 1) -> Check:
    """Check for a list or a tuple, each item of which is as another check says."""

    def check(value, sizes):
        if type(value) is not kind or len(value) < least:
            raise ValueError(f"must be a {kind.__name__} of {least} or more, got {_shown(value)}.")
        for one in value:
            item(one, sizes)

    return check


def dictionary(key: type, item: Check) -> Check:
    """Check for a dictionary with keys of a type."""

    def check(value, sizes):
        if type(value) is not dict or not all(type(k) is key for k in value):
            raise ValueError(f"must be a dictionary with keys of {key.__name__}.")
        for one in value.values():
            item(one, sizes)

    return check


def array(kinds: str, *shape, check: Callable[[np.ndarray], None] | None = None) -> Check:
    """Check for an array.

    Parameters
    ----------
    kinds : str
        Kinds of dtypes as numpy has them, such as "f" for floats; "d" is float64 alone.

    *shape : int, str or Ellipsis
        Lengths, or names of them; Ellipsis is any shape.

    check : callable or None
        Looks at the entries.
    """

    def check_array(value, sizes):
        if type(value) is not np.ndarray:
            raise ValueError(f"must be an array, got {type(value).__name__}.")
        if value.dtype.kind not in kinds and not (kinds == "d" and value.dtype == np.float64):
            raise ValueError(f"must not be an array of {value.dtype}.")
        if shape != (...,):
            _check_shape(value.shape, shape, sizes)
        if check is not None:
            check(value)

    return check_array


def _check_shape(found: tuple[int, ...], shape: tuple, sizes: dict[str, int]) -> None:
    wanted = [sizes.get(length, length) for length in shape]
    fits = len(found) == len(wanted) and all(
        isinstance(w, str) or w == f for f, w in zip(found, wanted, strict=True)
    )
    if not fits:
        raise ValueError(f"must have the shape {tuple(wanted)}, got {found}.")
    sizes.update((name, f) for name, f in zip(shape, found, strict=True) if isinstance(name, str))


def finite(*, positive: bool = False, ascending: bool = False) -> Callable[[np.ndarray], None]:
    """Return a check of the entries of an array."""

    def check(values):
        if not np.isfinite(values).all():
            raise ValueError("must be finite.")
        if positive and not (values > 0).all():
            raise ValueError("must be above zero.")
        if ascending and not (values.size and (np.diff(values) >= 0).all()):
            raise ValueError("must be one or more numbers in ascending order.")

    return check


def no_nan(values: np.ndarray) -> None:
    """Refuse NaN among the entries of an array."""
    if np.isnan(values).any():
        raise ValueError("must hold no NaN.")


def _shown(value) -> str:
    return repr(value)[:99]
