"""The squared error."""

from __future__ import annotations

import math

import torch

from skae.losses.loss import Loss


class MSE(Loss):
    r"""Squared error, :math:`(x - \hat{x})^2`: the loss of PCA.

    The corresponding distribution is the Gaussian,
    :math:`\log p(x) = -\log \sigma - \frac{1}{2} \log 2 \pi - (x - \hat{x})^2 / 2 \sigma^2`.
    """

    has_scale = True
    distribution = "gaussian"

    def elementwise(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the squared error of each entry."""
        return torch.nn.functional.mse_loss(output, target, reduction="none")

    def log_likelihood(
        self, output: torch.Tensor, target: torch.Tensor, log_scale: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the log density of each entry under the Gaussian distribution."""
        assert log_scale is not None  # has_scale
        distance = torch.square(output - target) * torch.exp(-2 * log_scale)
        return -0.5 * distance - log_scale - 0.5 * math.log(2 * math.pi)
