"""Layers that draw their initial weights and random numbers from a given generator."""

from __future__ import annotations

import math

import torch
from torch import nn

from skae.architectures.memory import Layer, unfilled

# A stack of more layers is not built.
MOST_LAYERS = 1000


def linear(n_inputs: int, n_outputs: int, generator: torch.Generator) -> nn.Linear:
    """Return a linear layer; weights and biases uniform in ``+-1/sqrt(n_inputs)``, as in torch.

    ``torch.nn.Linear`` draws from torch's global generator, whose state a fit must not change.
    """
    layer = unfilled(nn.Linear, n_inputs, n_outputs)
    return uniform_like_torch(layer, n_inputs, generator)


def uniform_like_torch(layer: Layer, fan_in: int, generator: torch.Generator) -> Layer:
    """Draw all weights of a layer uniformly in ``+-1/sqrt(fan_in)``, torch's default."""
    bound = 1 / math.sqrt(fan_in)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-bound, bound, generator=generator)
    return layer


class RandomLayer(nn.Module):
    """Base class of layers that draw random numbers in training.

    The network sets ``generator`` for the time of a training. Without it, layers are deterministic.
    """

    generator: torch.Generator | None = None


class Dropout(RandomLayer):
    """Set entries to zero with probability `p` in training, and divide the others by ``1 - p``.

    ``torch.nn.Dropout`` draws from torch's global generator, whose state a fit must not change.

    Parameters
    ----------
    p : float
        Dropout probability, in [0, 1).
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return `X` with entries dropped."""
        if not self.training or self.generator is None or self.p == 0:
            return X
        kept = torch.empty_like(X).bernoulli_(1 - self.p, generator=self.generator)
        return X * kept.div_(1 - self.p)


class TiedLinear(nn.Module):
    """A linear layer whose weight matrix is that of another layer, transposed.

    Parameters
    ----------
    partner : torch.nn.Linear
        The layer with the weights. The tied layer has its own bias, which starts at zero.
    """

    def __init__(self, partner: nn.Linear):
        super().__init__()
        self._partner = [partner]  # in a list, so that its weights are not registered twice
        self.bias = nn.Parameter(torch.zeros(partner.in_features))

    @property
    def partner(self) -> nn.Linear:
        """The layer with the weights."""
        return self._partner[0]

    @property
    def weight(self) -> torch.Tensor:
        """The weight matrix, of shape (partner.in_features, partner.out_features)."""
        return self._partner[0].weight.T

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return ``X W^T + b``."""
        return nn.functional.linear(X, self.weight, self.bias)


def silence(module: nn.Module) -> None:
    """Set the weights of the last layer of `module` to zero, so that its output is zero."""
    layers = [m for m in module.modules() if isinstance(getattr(m, "weight", None), nn.Parameter)]
    with torch.no_grad():
        for parameter in layers[-1].parameters(recurse=False):
            parameter.zero_()


class CodeReader(nn.Module):
    """Base class of decoder layers with several weight matrices that multiply the code."""

    def code_weights(self) -> list[torch.Tensor]:
        """Return the weight matrices that multiply the code, each of shape (n, n_components)."""
        raise NotImplementedError


def code_weights(decoder: nn.Module, n_components: int) -> list[torch.Tensor]:
    """Return the weight matrices of a decoder that multiply the code, none if unknown."""
    for layer in decoder.modules():
        if isinstance(layer, CodeReader):
            return layer.code_weights()
    first = first_weight(decoder, n_components)
    return [] if first is None else [first]


def first_weight(module: nn.Module, n_inputs: int) -> torch.Tensor | None:
    """Return the first weight matrix of `module` if it has `n_inputs` columns, otherwise None."""
    for layer in module.modules():
        weight = getattr(layer, "weight", None)
        if isinstance(weight, torch.Tensor):
            return weight if weight.ndim == 2 and weight.shape[1] == n_inputs else None
    return None
