"""The schedule of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

# Fraction of the batches in which the rate of one cycle rises.
WARM_UP = 0.1
# The factor it starts from.
_START = 0.04


class LearningRate:
    """Sets the learning rate of an optimizer to ``learning_rate * factor(completed fraction)``.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        The optimizer; its current rates become the highest ones.

    factor : callable
        Maps the completed fraction of the planned batches, in [0, 1], to a factor.

    n_batches : int
        Number of planned batches.

    Attributes
    ----------
    n_done : int
        Number of batches that have begun.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, factor: Callable[[float], float], n_batches: int
    ):
        self.optimizer, self.factor, self.n_batches = optimizer, factor, n_batches
        self.rates = [group["lr"] for group in optimizer.param_groups]
        self.n_done = 0

    def step(self) -> float:
        """Set the rate for the next batch, and return the completed fraction of the training."""
        done = self.n_done / self.n_batches
        factor = self.factor(done)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        self.n_done += 1
        return min(1.0, done)

    def resume(self, n_done: int) -> None:
        """Set the rate for the last of `n_done` batches, to resume a training after it."""
        self.n_done = n_done - 1
        self.step()


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
