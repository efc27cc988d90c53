"""The absolute error."""

from __future__ import annotations

import math

import torch

from skae.losses.loss import Loss


class MAE(Loss):
    r"""Absolute error, :math:`|x - \hat{x}|`: less moved by single large errors than MSE.

    The distribution that goes with it is Laplace's,
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
        """Return the logarithm of Laplace's density of each entry."""
        assert log_scale is not None  # has_scale
        return -torch.abs(output - target) * torch.exp(-log_scale) - log_scale - math.log(2)
