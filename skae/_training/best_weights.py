"""The weights with the lowest validation loss."""

from __future__ import annotations

import math

import torch
from torch import nn


class BestWeights:
    """The weights with the lowest validation loss.

    The weights before the first epoch are included, so training never makes them worse.

    Attributes
    ----------
    weights : dict of str to torch.Tensor
        A copy of the best weights.

    loss : float
        Their loss.

    epoch : int
        Their epoch; 0 means before the first epoch.
    """

    weights: dict[str, torch.Tensor]

    def __init__(self) -> None:
        self.weights, self.loss, self.epoch = {}, math.inf, 0

    def offer(self, network: nn.Module, loss: float, epoch: int) -> bool:
        """Keep the weights of a network if they are the best so far; return whether they are."""
        if self.weights and not loss < self.loss:
            return False
        state = network.state_dict()
        self.weights = {name: tensor.detach().clone() for name, tensor in state.items()}
        self.loss, self.epoch = loss, epoch
        return True


def digest_of(network: nn.Module) -> float:
    """Return a number by which the weights of one epoch are told from those of another."""
    return float(sum(tensor.detach().double().sum() for tensor in network.parameters()))
