"""Which argument an error is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def naming(argument: str) -> Iterator[None]:
    """Name an argument in errors of numpy, scikit-learn and others that do not.

    Parameters
    ----------
    argument : str
        What the user calls it.

    Raises
    ------
    ValueError
        In the place of ValueError and ArithmeticError.

    TypeError
        In the place of TypeError.
    """
    try:
        yield
    except (ValueError, ArithmeticError) as error:
        if is_named(argument, error):
            raise
        raise ValueError(f"{argument} can not be used: {error}") from error
    except TypeError as error:
        if is_named(argument, error):
            raise
        raise TypeError(f"{argument} can not be used: {error}") from error


def is_named(argument: str, error: Exception) -> bool:
    """Return whether an error of our own, or of scikit-learn, names the argument."""
    frame = error.__traceback__
    while frame.tb_next is not None:
        frame = frame.tb_next
    raised_in = str(frame.tb_frame.f_globals.get("__name__", ""))
    ours = raised_in.partition(".")[0] in ("skae", "sklearn")
    return ours and re.search(rf"(?<!\w){re.escape(argument)}(?!\w)", str(error)) is not None
