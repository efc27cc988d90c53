"""The nonlinearities, by name."""

from __future__ import annotations

from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "identity": nn.Identity,
}


def activation_of(architecture) -> type[nn.Module]:
    """Return the class that the `activation` of an architecture stands for."""
    try:
        return ACTIVATIONS[architecture.activation]
    except (KeyError, TypeError):
        raise ValueError(
            f"activation of {type(architecture).__name__} must be one of {sorted(ACTIVATIONS)}, "
            f"got {architecture.activation!r}."
        ) from None
