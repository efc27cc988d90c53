"""The best weights of a training, by the loss of the validation rows."""

from __future__ import annotations

import math

import torch
from torch import nn


class BestWeights:
    """The weights with the lowest validation loss.

    The weights before the first epoch take part, so training cannot make things worse.

    Attributes
    ----------
    weights : dict of str to torch.Tensor
        A true copy of the best weights.

    loss : float
        Their loss.

    epoch : int
        Their epoch; 0 is before the first.
    """

    weights: dict[str, torch.Tensor]

    def __init__(self) -> None:
        self.weights, self.loss, self.epoch = {}, math.inf, 0

    def offer(self, network: nn.Module, loss: float, epoch: int) -> bool:
        """Keep the weights of a network if they are the first or better; return whether so."""
        if self.weights and not loss < self.loss:
            return False
        state = network.state_dict()
        self.weights = {name: tensor.detach().clone() for name, tensor in state.items()}
        self.loss, self.epoch = loss, epoch
        return True
