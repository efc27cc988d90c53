"""The activation functions, by name."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

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


class ELU(nn.Module):
    """``x`` where it is positive, otherwise ``exp(x) - 1``; constant below -20."""

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the activations."""
        return nn.functional.elu(_limited(X))


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "elu": ELU,
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "silu": SiLU,
    "tanh": nn.Tanh,
    "identity": nn.Identity,
}


def activation_of(architecture: Any) -> type[nn.Module]:
    """Return the module class for the `activation` of an architecture."""
    try:
        return ACTIVATIONS[architecture.activation]
    except (KeyError, TypeError):
        raise ValueError(
            f"activation of {type(architecture).__name__} must be one of {sorted(ACTIVATIONS)}, "
            f"got {architecture.activation!r}."
        ) from None
