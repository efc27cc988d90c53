"""The mean of the weights of the last epochs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

# Epochs after which the influence of an earlier epoch is halved, as a fraction of all epochs.
_HALF_LIFE = 0.06


class AverageWeights:
    """An exponential mean of the parameters of a network over the epochs, its start included.

    With few rows, the parameters after an epoch are largely noise of its last batches, which the
    mean reduces (Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM
    Journal on Control and Optimization 30(4), 1992).

    Parameters
    ----------
    network : torch.nn.Module
        The network at its start.

    n_epochs : int
        Number of epochs of the schedule.
    """

    def __init__(self, network: nn.Module, n_epochs: int):
        self.decay = 0.5 ** (1 / (_HALF_LIFE * n_epochs))
        self.mean = {name: weights.clone() for name, weights in self._of(network)}

    def update(self, network: nn.Module) -> None:
        """Include the parameters after an epoch."""
        for name, weights in self._of(network):
            self.mean[name].lerp_(weights, 1 - self.decay)

    @contextmanager
    def shown(self, network: nn.Module) -> Iterator[None]:
        """Give the network the mean of its parameters, until the end of the context."""
        latest = {name: weights.clone() for name, weights in self._of(network)}
        self.give(network)
        try:
            yield
        finally:
            _copy(latest, network)

    def give(self, network: nn.Module) -> None:
        """Give the network the mean of its parameters."""
        _copy(self.mean, network)

    @staticmethod
    def _of(network: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
        return ((name, weights.detach()) for name, weights in network.named_parameters())


def _copy(weights: dict[str, torch.Tensor], network: nn.Module) -> None:
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(weights[name])
