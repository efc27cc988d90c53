"""The squared error."""

from __future__ import annotations

import torch

from skae.losses.loss import Loss


class MSE(Loss):
    r"""Squared error, :math:`(x - \hat{x})^2`: the loss of PCA."""

    def elementwise(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the squared error of each entry."""
        return torch.square(output - target)
