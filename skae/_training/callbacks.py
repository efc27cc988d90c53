"""The check of the parameter ``callbacks``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from skorch.callbacks import Callback


def checked_callbacks(callbacks: Iterable[Any] | None) -> list[Callback]:
    """Return the user's callbacks; refuse anything that is not a callback of skorch.

    Raises
    ------
    TypeError
        If an item is not a ``skorch.callbacks.Callback``.
    """
    for callback in callbacks or []:
        if not isinstance(callback, Callback):
            raise TypeError(
                f"callbacks must be a list of skorch.callbacks.Callback, got {callback!r}"
                + (" (a class: add parentheses)." if isinstance(callback, type) else ".")
            )
    return list(callbacks or [])
