"""The schedule of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

# Fraction of the batches in which the rate rises, and the factor it starts from.
_WARM_UP, _START = 0.1, 0.04


class LearningRate:
    """Sets the rate of an optimizer to ``learning_rate * factor(fraction done)``.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Its rates are the highest ones.

    factor : callable
        From the fraction of the planned batches that is done, in [0, 1], to a factor.

    n_batches : int
        Number of batches planned.

    Attributes
    ----------
    n_done : int
        Number of batches begun.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, factor: Callable[[float], float], n_batches: int
    ):
        self.optimizer, self.factor, self.n_batches = optimizer, factor, n_batches
        self.rates = [group["lr"] for group in optimizer.param_groups]
        self.n_done = 0

    def step(self) -> float:
        """Set the rate of the next batch, and return the fraction of the training done by then."""
        done = self.n_done / self.n_batches
        factor = self.factor(done)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        self.n_done += 1
        return min(1.0, done)

    def resume(self, n_done: int) -> None:
        """Set the rate of the last batch of a training that had begun so many."""
        self.n_done = n_done - 1
        self.step()


def one_cycle(done: float) -> float:
    """Return the factor of the learning rate when this fraction of the batches is done.

    Rises on a half cosine from 0.04 to 1 and falls on another to 0 [1]_.

    References
    ----------
    .. [1] L. N. Smith and N. Topin, "Super-convergence: very fast training of neural networks
       using large learning rates", 2018, arXiv:1708.07120.
    """
    if done < _WARM_UP:
        return _START + (1 - _START) * _half_cosine(done / _WARM_UP)
    return 1 - _half_cosine((done - _WARM_UP) / (1 - _WARM_UP))


def constant(done: float) -> float:
    """Return 1: the rate stays."""
    return 1.0


def _half_cosine(x: float) -> float:
    """Rise from 0 to 1 as x does."""
    return 0.5 - 0.5 * math.cos(math.pi * x)
