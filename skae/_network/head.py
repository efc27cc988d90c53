"""The classifier on top of the latent code."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn

from skae._runtime.precision import full_precision
from skae.architectures.activations import SiLU
from skae.architectures.layers import linear, silence


@dataclass(frozen=True)
class HeadPlan:
    """The specification of a head: number of classes, hidden layers, and weight.

    ``weight`` is the weight of the cross-entropy in the objective, in (0, 1].
    """

    n_classes: int
    hidden_layer_sizes: tuple[int, ...]
    weight: float


class Head(nn.Module):
    r"""Logits of the classes: ``logits(z) = A z + b + h(z)``, with a small dense network `h`.

    All logits start at zero: before training, all classes have the same probability.

    Parameters
    ----------
    plan : HeadPlan
        The specification of the head. Without hidden layers, there is no `h`.

    n_components : int
        Size of a code.

    generator : torch.Generator
        Source of the first weights.
    """

    def __init__(self, plan: HeadPlan, n_components: int, generator: torch.Generator):
        super().__init__()
        self.weight = plan.weight
        self.linear = linear(n_components, plan.n_classes, generator)
        silence(self.linear)
        self.residual = None
        if plan.hidden_layer_sizes:
            layers: list[nn.Module] = []
            for n_inputs, n_outputs in pairwise([n_components, *plan.hidden_layer_sizes]):
                layers += [linear(n_inputs, n_outputs, generator), SiLU()]
            layers.append(linear(plan.hidden_layer_sizes[-1], plan.n_classes, generator))
            self.residual = nn.Sequential(*layers)
            silence(self.residual)

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        """Return the logits of codes, of shape (n_samples, n_classes)."""
        with full_precision(code.device):
            code = code.to(self.linear.weight.dtype)
            logits = self.linear(code)
            return logits if self.residual is None else logits + self.residual(code)

    def cross_entropy(self, code: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        r"""Return :math:`-\sum_k t_k \log p_k` of each row.

        Parameters
        ----------
        code : torch.Tensor of shape (n_samples, n_components)
            Codes.

        targets : torch.Tensor of shape (n_samples, n_classes)
            Probability of each class, times the weight of the row; zeros if the class is unknown.
        """
        return -(targets * self(code).log_softmax(dim=1)).sum(dim=1)
