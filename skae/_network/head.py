"""What stands on the code of a classifier: from codes to classes."""

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
    """What a head is to be: the number of classes, its hidden layers, and what it counts.

    ``weight`` is the share of the classification in the objective, in (0, 1].
    """

    n_classes: int
    hidden_layer_sizes: tuple[int, ...]
    weight: float


class Head(nn.Module):
    r"""Classes of codes: ``logits(z) = A z + b + h(z)``, with a small dense network `h`.

    All logits start at zero: before training every class is as likely as any other.

    Parameters
    ----------
    plan : HeadPlan
        What it is to be. Without hidden layers there is no `h`.

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
            How likely each class is, times how much the row counts: zeros where nothing is known.
        """
        return -(targets * self(code).log_softmax(dim=1)).sum(dim=1)

    def objective(
        self, losses: torch.Tensor, code: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        """Return what is to be small for each row, a tensor of shape (n_samples,).

        ``(1 - weight) * loss + weight * cross_entropy``.

        Parameters
        ----------
        losses : torch.Tensor of shape (n_samples,)
            Losses of the reconstructions, each per feature.

        code, targets : torch.Tensor
            As in :meth:`cross_entropy`.
        """
        of_classes = self.cross_entropy(code, targets)
        return (1 - self.weight) * losses + self.weight * of_classes
