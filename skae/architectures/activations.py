"""The nonlinearities, by name."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

# Below, what SiLU and ELU give differs by less than the rounding of float32 from their limits,
# and so do their derivatives. Farther below, derivatives, and products of several of them, are so
# small that processors compute with them many times slower: epochs took four times as long.
_LOWEST = -20.0


def _limited(X: torch.Tensor) -> torch.Tensor:
    """Return numbers no lower than that; its derivative takes one pass less than that of clamp."""
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
    """Return the class that the `activation` of an architecture stands for."""
    try:
        return ACTIVATIONS[architecture.activation]
    except (KeyError, TypeError):
        raise ValueError(
            f"activation of {type(architecture).__name__} must be one of {sorted(ACTIVATIONS)}, "
            f"got {architecture.activation!r}."
        ) from None
