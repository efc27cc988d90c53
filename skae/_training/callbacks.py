"""Which callbacks a training takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from skorch.callbacks import Callback


def checked_callbacks(callbacks: Iterable[Any] | None) -> list[Callback]:
    """Return the callbacks that a user gave, refusing what is none of skorch's.

    Raises
    ------
    TypeError
        If one is not.
    """
    for callback in callbacks or []:
        if not isinstance(callback, Callback):
            raise TypeError(
                f"callbacks must be a list of skorch.callbacks.Callback, got {callback!r}"
                + (" (a class: add parentheses)." if isinstance(callback, type) else ".")
            )
    return list(callbacks or [])
