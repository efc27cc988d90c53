"""The name of the argument in errors of other libraries."""

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
        Its name in the signature of the public method.

    Raises
    ------
    ValueError
        In the place of ValueError and ArithmeticError.

    TypeError
        In the place of TypeError.
    """
    try:
        yield
    except (ValueError, ArithmeticError, TypeError) as error:
        if _names(argument, str(error)):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{argument} cannot be used: {error}") from error


def _names(argument: str, message: str) -> bool:
    """Return whether a message has the argument as a word; between quotes it is some value."""
    return re.search(rf"(?<![\w'\"]){re.escape(argument)}(?![\w'\"])", message) is not None
