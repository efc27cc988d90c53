"""The activation functions, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from skae._utils.synonyms import did_you_mean

# Below this input, SiLU, ELU and their derivatives differ from their limits by less than the
# rounding error of float32. Their exact derivatives, and products of these, would be subnormal
# numbers, with which processors compute many times slower: epochs took four times as long.
_LOWEST = -20.0


def _limited(X: torch.Tensor) -> torch.Tensor:
    """Return `X` clipped from below; the gradient is faster to compute than that of clamp."""
    return nn.functional.threshold(X, _LOWEST, _LOWEST)


class SiLU(nn.Module):
    """``x * sigmoid(x)``, constant below -20."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the activations."""
        return nn.functional.silu(_limited(X))


class Sigmoid(nn.Sigmoid):
    """``1 / (1 + exp(-x))``, constant below -20."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the activations."""
        return torch.sigmoid(_limited(input))


class ELU(nn.Module):
    """``x`` where it is positive, otherwise ``exp(x) - 1``; constant below -20."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the activations."""
        return nn.functional.elu(_limited(X))


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "elu": ELU,
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,
    "relu": nn.ReLU,
    "sigmoid": Sigmoid,
    "silu": SiLU,
    "tanh": nn.Tanh,
    "identity": nn.Identity,
}

# Those that suit the output of a decoder: the range of their values is that of common data.
OUTPUT_ACTIVATIONS = {name: ACTIVATIONS[name] for name in ("identity", "relu", "sigmoid", "tanh")}


def activation_of(
    architecture: Any,
    parameter: str = "activation",
    choices: Mapping[str, type[nn.Module]] = ACTIVATIONS,
) -> type[nn.Module]:
    """Return the module class for a parameter of an architecture that names an activation."""
    value = getattr(architecture, parameter)
    if isinstance(value, str) and value in choices:
        return choices[value]
    raise ValueError(
        f"{parameter} of {type(architecture).__name__} must be one of {sorted(choices)}, got "
        f"{value!r}{did_you_mean(value, choices)}"
    )
