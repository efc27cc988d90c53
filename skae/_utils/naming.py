"""Argument names in error messages of other libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def naming(argument: str) -> Iterator[None]:
    """Add the name of an argument to errors of other libraries that do not mention it.

    Parameters
    ----------
    argument : str
        Its name in the signature of the public method.

    Raises
    ------
    ValueError
        Instead of ValueError and ArithmeticError.

    TypeError
        Instead of TypeError.
    """
    try:
        yield
    except (ValueError, ArithmeticError, TypeError) as error:
        if _names(argument, str(error)):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{argument} cannot be used: {error}") from error


def _names(argument: str, message: str) -> bool:
    """Return whether a message contains the argument as a word, not as a quoted value."""
    return re.search(rf"(?<![\w'\"]){re.escape(argument)}(?![\w'\"])", message) is not None
