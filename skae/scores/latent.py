"""The Mahalanobis length of the code."""

from __future__ import annotations

from typing import Any, Self

import torch

from skae.scores.scatter import Scatter
from skae.scores.score import Score


class Latent(Score):
    r"""Squared Mahalanobis length of the code.

    .. math:: a(x) = \frac{1}{k} (z - \mu_z)^T \Sigma_z^{-1} (z - \mu_z)

    with the mean and the shrunk covariance of the codes of normal rows. What is far from them in
    the directions that the network knows; what it does not know goes unseen.

    Attributes
    ----------
    scatter_ : Scatter
        Mean and covariance of the codes.
    """

    def fit(self, residuals: torch.Tensor, codes: torch.Tensor) -> Self:
        """Learn the scatter of the codes."""
        self.scatter_ = Scatter.of(codes.numpy())
        return self

    def of_features(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> None:
        """Return None."""
        return None

    def of_code(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the squared length, over the size of the code."""
        return self.scatter_.lengths(codes.cpu().double()) / codes.shape[1]
