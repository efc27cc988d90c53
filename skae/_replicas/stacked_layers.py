"""Layers of several networks in one: each acts on the rows of its own network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from skae._replicas.sections import Sections
from skae.architectures.activations import ACTIVATIONS
from skae.architectures.dense import Skip
from skae.architectures.layers import Dropout, TiedLinear

# Rows of all networks, one network after the other.
Rows = torch.Tensor


class Stack(NamedTuple):
    """What stacked layers share.

    Parameters
    ----------
    of : dict of str to torch.Tensor of shape (n_networks, ...)
        The weights of the networks, by the names of the parameters.

    names : dict of int to str
        Names of parameters, by the ``id`` of the parameter in the first network.

    sections : Sections
        Where the rows of each network are.

    generators : list of torch.Generator
        The generators of the trainings.
    """

    of: dict[str, torch.Tensor]
    names: dict[int, str]
    sections: Sections
    generators: Sequence[torch.Generator]


class StackedLinear(nn.Module):
    """A linear layer of each network; `tied` if its weights are those of another, transposed."""

    def __init__(self, stack: Stack, weight: str, bias: str | None, *, tied: bool = False):
        super().__init__()
        self.stack, self.names, self.tied = stack, (weight, bias), tied

    def forward(self, X: Rows) -> Rows:
        """Return ``X W^T + b``."""
        weight, bias = self.names
        matrices = self.stack.of[weight]
        rows = X.view(len(matrices), -1, X.shape[-1])
        factors = matrices if self.tied else matrices.transpose(1, 2)
        if bias is None:
            return torch.bmm(rows, factors).flatten(0, 1)
        return torch.baddbmm(self.stack.of[bias].unsqueeze(1), rows, factors).flatten(0, 1)


class StackedLayerNorm(nn.Module):
    """A layer norm of each network."""

    def __init__(self, stack: Stack, layer: nn.LayerNorm):
        super().__init__()
        self.stack, self.shape, self.eps = stack, layer.normalized_shape, layer.eps
        self.names = stack.names[id(layer.weight)], stack.names[id(layer.bias)]

    def forward(self, X: Rows) -> Rows:
        """Return normalised rows."""
        weight, bias = (self.stack.of[name].unsqueeze(1) for name in self.names)
        normal = nn.functional.layer_norm(X, self.shape, eps=self.eps)
        return torch.addcmul(bias, normal.view(len(weight), -1, X.shape[-1]), weight).flatten(0, 1)


class StackedDropout(nn.Module):
    """Dropout in which each network draws from its own generator."""

    def __init__(self, stack: Stack, layer: Dropout):
        super().__init__()
        self.stack, self.p = stack, layer.p

    def forward(self, X: Rows) -> Rows:
        """Return `X` with entries dropped."""
        if not self.training or self.p == 0:
            return X
        kept = torch.zeros_like(X)
        parts = self.stack.sections.own(kept)
        for part, generator in zip(parts, self.stack.generators, strict=True):
            part.bernoulli_(1 - self.p, generator=generator)
        return X * kept.div_(1 - self.p)


def _linear(layer: nn.Linear, stack: Stack) -> nn.Module:
    bias = None if layer.bias is None else stack.names[id(layer.bias)]
    return StackedLinear(stack, stack.names[id(layer.weight)], bias)


def _tied(layer: TiedLinear, stack: Stack) -> nn.Module:
    weight, bias = stack.names[id(layer.partner.weight)], stack.names[id(layer.bias)]
    return StackedLinear(stack, weight, bias, tied=True)


def _sequence(layer: nn.Sequential, stack: Stack) -> nn.Module:
    return type(layer)(*(stacked(inner, stack) for inner in layer))


# How to stack a layer of exactly this class.
_STACKED: dict[type[nn.Module], Callable[[Any, Stack], nn.Module]] = {
    nn.Linear: _linear,
    TiedLinear: _tied,
    nn.LayerNorm: lambda layer, stack: StackedLayerNorm(stack, layer),
    Dropout: lambda layer, stack: StackedDropout(stack, layer),
    nn.Sequential: _sequence,
    Skip: _sequence,
    # Activations treat each number on its own.
    **dict.fromkeys(ACTIVATIONS.values(), lambda layer, stack: layer),
}


def can_be_stacked(module: nn.Module) -> bool:
    """Return whether all layers of a module are of classes that can be stacked."""
    return all(type(layer) in _STACKED for layer in module.modules())


def stacked(module: nn.Module, stack: Stack) -> nn.Module:
    """Return the layers of all networks for those of the first one."""
    return _STACKED[type(module)](module, stack)
