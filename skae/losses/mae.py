"""The absolute error."""

from __future__ import annotations

import math

import torch

from skae.losses.loss import Loss


class MAE(Loss):
    r"""Absolute error, :math:`|x - \hat{x}|`: less sensitive to single large errors than MSE.

    The corresponding distribution is the Laplace distribution,
    :math:`\log p(x) = -\log 2 b - |x - \hat{x}| / b`.
    """

    has_scale = True
    distribution = "laplace"

    def elementwise(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the absolute error of each entry."""
        return torch.abs(output - target)

    def log_likelihood(
        self, output: torch.Tensor, target: torch.Tensor, log_scale: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the log density of each entry under the Laplace distribution."""
        assert log_scale is not None  # has_scale
        return -torch.abs(output - target) * torch.exp(-log_scale) - log_scale - math.log(2)
