"""Ctrl-C: the first one ends a fit, a second one soon after it ends whatever runs the fits."""

from __future__ import annotations

from time import monotonic

# Seconds within which a second Ctrl-C also ends a search or a loop.
_SECOND_WITHIN = 2.0

_last = -float("inf")


class NothingToKeepError(KeyboardInterrupt):
    """Ctrl-C ended a fit before there was anything to keep."""


def end_fit_or_raise(interrupt: KeyboardInterrupt) -> None:
    """Return if Ctrl-C should end this fit only; raise it if it was pressed twice.

    Signals are not handled here, so that the handlers of Python, Jupyter and others stay in place.
    All of them raise ``KeyboardInterrupt``, and whoever catches it asks this function.

    Parameters
    ----------
    interrupt : KeyboardInterrupt
        The exception that was caught. ``NothingToKeepError`` is no further Ctrl-C.

    Raises
    ------
    KeyboardInterrupt
        If the last Ctrl-C came less than two seconds ago.
    """
    global _last
    if isinstance(interrupt, NothingToKeepError):
        return
    before, _last = _last, monotonic()
    if _last - before < _SECOND_WITHIN:
        raise interrupt
