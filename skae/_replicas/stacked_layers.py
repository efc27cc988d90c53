"""Layers of several networks in one: each acts on the rows of its own network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from skae._replicas.sections import Sections
from skae._replicas.stacked_weights import StackedWeights
from skae.architectures.activations import ACTIVATIONS
from skae.architectures.dense import Skip
from skae.architectures.layers import Dropout, TiedLinear

# Rows of all networks, of shape (n_networks, n_rows, n_features).
Rows = torch.Tensor


class Stack(NamedTuple):
    """What stacked layers share.

    Parameters
    ----------
    weights : StackedWeights
        The weights of the networks.

    names : dict of int to str
        Names of parameters, by the ``id`` of the parameter in the first network.

    sections : Sections
        Where the rows of each network are.

    generators : list of torch.Generator
        The generators of the trainings.
    """

    weights: StackedWeights
    names: dict[int, str]
    sections: Sections
    generators: Sequence[torch.Generator]


class StackedLinear(nn.Module):
    """A linear layer of each network; `tied` if its weights are those of another, transposed."""

    def __init__(self, stack: Stack, weight: str, bias: str | None, *, tied: bool = False):
        super().__init__()
        self.factors = stack.weights.of[weight]
        if tied:
            self.factors = stack.weights.seen_as(weight, lambda of: of.transpose(1, 2))
        self.bias = None if bias is None else stack.weights.seen_as(bias, as_rows)

    def forward(self, X: Rows) -> Rows:
        """Return ``X W^T + b``."""
        if self.bias is None:
            return torch.bmm(X, self.factors)
        return torch.baddbmm(self.bias, X, self.factors)


class StackedLayerNorm(nn.Module):
    """A layer norm of each network."""

    def __init__(self, stack: Stack, layer: nn.LayerNorm):
        super().__init__()
        self.shape, self.eps = layer.normalized_shape, layer.eps
        self.factors, self.bias = (
            stack.weights.seen_as(stack.names[id(parameter)], as_rows)
            for parameter in (layer.weight, layer.bias)
        )

    def forward(self, X: Rows) -> Rows:
        """Return normalised rows."""
        normal = nn.functional.layer_norm(X, self.shape, eps=self.eps)
        return torch.addcmul(self.bias, normal, self.factors)


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
        parts = self.stack.sections.own(kept.view(-1, X.shape[-1]))
        for part, generator in zip(parts, self.stack.generators, strict=True):
            part.bernoulli_(1 - self.p, generator=generator)
        return X * kept.div_(1 - self.p)


def as_rows(vectors: torch.Tensor) -> torch.Tensor:
    """Return a vector of each network as a row of each, of shape (n_networks, 1, n)."""
    return vectors.unsqueeze(1)


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


class OfAllRows(nn.Module):
    """Stacked layers for rows of shape (n_networks * n_rows, n_features).

    Parameters
    ----------
    module : torch.nn.Module
        The layers of the first network.

    stack : Stack
        What stacked layers share.
    """

    def __init__(self, module: nn.Module, stack: Stack):
        super().__init__()
        self.layers, self.n_networks = stacked(module, stack), stack.sections.n_networks

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the output of each row's network."""
        return self.layers(X.reshape(self.n_networks, -1, X.shape[1])).flatten(0, 1)
