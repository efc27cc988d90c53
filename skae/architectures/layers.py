"""Layers whose first weights come from a generator of our own."""

from __future__ import annotations

import math

import torch
from torch import nn


def linear(n_inputs: int, n_outputs: int, generator: torch.Generator) -> nn.Linear:
    """Return a linear layer; weights and biases uniform in ``+-1/sqrt(n_inputs)``, as torch's.

    ``torch.nn.Linear`` by itself draws from torch's global generator, which a fit must not touch.
    """
    layer = nn.utils.skip_init(nn.Linear, n_inputs, n_outputs)
    bound = 1 / math.sqrt(n_inputs)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)
    return layer


def silence(module: nn.Module) -> None:
    """Set the last layer of `module` that has weights to zero, so that it gives zero."""
    layers = [m for m in module.modules() if isinstance(getattr(m, "weight", None), nn.Parameter)]
    with torch.no_grad():
        for parameter in layers[-1].parameters(recurse=False):
            parameter.zero_()
