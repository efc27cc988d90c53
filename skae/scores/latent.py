"""The Mahalanobis distance of the latent code."""

from __future__ import annotations

from typing import Any, Self

import torch

from skae.scores.scatter import Scatter
from skae.scores.score import Score


class Latent(Score):
    r"""Squared Mahalanobis distance of the latent code.

    .. math:: a(x) = \frac{1}{k} (z - \mu_z)^T \Sigma_z^{-1} (z - \mu_z)

    with the mean and the shrunk covariance of the codes of normal rows. It detects rows that are
    far from normal rows in the directions that the code represents, and no others.

    Attributes
    ----------
    scatter_ : Scatter
        Mean and covariance of the codes.
    """

    scatters = {"scatter_": "code"}
    relative = True

    def fit(self, residuals: torch.Tensor, codes: torch.Tensor) -> Self:
        """Estimate mean and covariance of the codes."""
        self.scatter_ = Scatter.of(codes.numpy())
        return self

    def of_features(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> None:
        """Return None."""
        return None

    def of_code(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the squared Mahalanobis distance, divided by the size of the code."""
        return self.scatter_.mahalanobis(codes.cpu().double()) / codes.shape[1]
