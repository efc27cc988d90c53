"""The schedule of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

# Fraction of the batches in which the rate of one cycle rises.
WARM_UP = 0.1
# The factor it starts from.
_START = 0.04


class LearningRate:
    """Multiplies the rates of an optimizer by ``factor(completed fraction)``, in its steps alone.

    Between steps the optimizer has its highest rates. Callbacks and torch's schedulers thus read
    and change what the schedule is multiplied onto.

    Parameters
    ----------
    factor : callable
        Maps the completed fraction of the planned batches, in [0, 1], to a factor.

    n_batches : int
        Number of planned batches.

    Attributes
    ----------
    n_done : int
        Number of batches that have begun.

    last : float
        The rate of the last step.
    """

    def __init__(self, factor: Callable[[float], float], n_batches: int):
        self.factor, self.n_batches = factor, n_batches
        self.n_done, self.last = 0, math.nan

    @contextmanager
    def step(self, optimizer: torch.optim.Optimizer) -> Iterator[float]:
        """Set the rates for a step, and yield the completed fraction of the training."""
        done = self.n_done / self.n_batches
        factor, groups = self.factor(done), optimizer.param_groups
        highest = [group["lr"] for group in groups]
        scaled = [rate * factor for rate in highest]
        for group, rate in zip(groups, scaled, strict=True):
            group["lr"] = rate
        self.n_done += 1
        yield min(1.0, done)
        self.last = groups[0]["lr"]
        for group, rate, before in zip(groups, scaled, highest, strict=True):
            if group["lr"] == rate:  # otherwise a callback changed it in the middle of the step
                group["lr"] = before

    def capture(self, optimizer: torch.optim.Optimizer) -> dict:
        """Return the state as numbers."""
        rates = [float(group["lr"]) for group in optimizer.param_groups]
        return {"n_done": self.n_done, "last": float(self.last), "rates": rates}

    def restore(self, optimizer: torch.optim.Optimizer, state: dict) -> None:
        """Continue from the state that :meth:`capture` returned."""
        self.n_done, self.last = state["n_done"], state["last"]
        for group, rate in zip(optimizer.param_groups, state["rates"], strict=True):
            group["lr"] = rate


def one_cycle(done: float) -> float:
    """Return the factor of the learning rate after a fraction of the batches.

    It rises along a half cosine from 0.04 to 1 and then falls along another to 0 [1]_.

    References
    ----------
    .. [1] L. N. Smith and N. Topin, "Super-convergence: very fast training of neural networks
       using large learning rates", 2018, arXiv:1708.07120.
    """
    if done < WARM_UP:
        return _START + (1 - _START) * _half_cosine(done / WARM_UP)
    return 1 - _half_cosine((done - WARM_UP) / (1 - WARM_UP))


def constant(done: float) -> float:
    """Return 1, for a constant learning rate."""
    return 1.0


def _half_cosine(x: float) -> float:
    """Return a value that rises from 0 to 1 along a half cosine, for `x` from 0 to 1."""
    return 0.5 - 0.5 * math.cos(math.pi * x)
