"""Timing of alternating runs, synchronised with the device, with median and spread."""

from __future__ import annotations

import contextlib
import io
import logging
import time
import warnings
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import torch

# Seconds between two runs.
_PAUSE = 0.5


@dataclass(frozen=True)
class Settings:
    """Settings of a measurement: number of timed runs, device, and divisor of the rows."""

    repeats: int
    device: torch.device
    divisor: int = 1

    def rows(self, n_rows: int) -> int:
        """Return the number of rows to use, out of a number of rows."""
        return max(50, n_rows // self.divisor)


class Spread:
    """Median and range of several runs.

    Parameters
    ----------
    values : array-like of shape (n_runs,)
        Result of each run.
    """

    def __init__(self, values):
        self.values = np.asarray(values, dtype=float)

    @property
    def median(self) -> float:
        """The median of the runs."""
        return float(np.median(self.values))

    def __str__(self) -> str:
        if len(self.values) == 1:
            return _short(self.median)
        low, high = self.values.min(), self.values.max()
        return f"{_short(self.median)} ({_short(low)} to {_short(high)})"


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def take_turns(
    methods: dict[Hashable, Callable], repeats: int, warm_up: bool = True
) -> dict[Hashable, np.ndarray]:
    """Run methods alternately in several rounds, and return the figures of each.

    Parameters
    ----------
    methods : dict of name to callable
        Functions that measure one run and return its seconds or a tuple of several figures.

    repeats : int
        Number of timed rounds.

    warm_up : bool
        Whether to run one round first that is not timed.

    Returns
    -------
    figures : dict of name to ndarray of shape (repeats,) or (repeats, n_figures)
    """
    n_rounds = repeats + warm_up
    rounds = [
        {name: _after_a_pause(run) for name, run in methods.items()} for _ in range(n_rounds)
    ][-repeats:]
    return {name: np.array([figures[name] for figures in rounds]) for name in methods}


def _after_a_pause(run: Callable):
    """Run a function after busy-waiting threads of other libraries have gone to sleep."""
    time.sleep(_PAUSE)
    return run()


def seconds_of(call: Callable, device: torch.device) -> float:
    """Return the seconds of a call, with the device synchronised before and after."""
    synchronise(device)
    start = time.perf_counter()
    call()
    synchronise(device)
    return time.perf_counter() - start


def synchronise(device: torch.device) -> None:
    """Wait until the device has completed all its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@contextlib.contextmanager
def silence():
    """Hide warnings, logs and progress bars."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
