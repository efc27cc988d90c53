"""The absolute error."""

from __future__ import annotations

import torch

from skae.losses.loss import Loss


class MAE(Loss):
    r"""Absolute error, :math:`|x - \hat{x}|`: less moved by single large errors than MSE."""

    def elementwise(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the absolute error of each entry."""
        return torch.abs(output - target)
