"""What a fit says of its progress: printed with ``verbose``, and always logged."""

from __future__ import annotations

import logging
from typing import Any

_LOGGER = logging.getLogger("skae")


def announce(estimator: Any, message: str) -> None:
    """Log a message at the level INFO; also print it if the estimator is verbose.

    Parameters
    ----------
    estimator : BaseAutoencoder
        The estimator that is being fitted.

    message : str
        One line.
    """
    if estimator.verbose:
        print(message)
    _LOGGER.info(message)


def is_heard(estimator: Any) -> bool:
    """Return whether anybody would notice a message: on the terminal or in the log."""
    return bool(estimator.verbose) or _LOGGER.isEnabledFor(logging.INFO)
