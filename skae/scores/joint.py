"""The Mahalanobis length of residual and code."""

from __future__ import annotations

from typing import Any, Self

import torch

from skae.scores.scatter import Scatter
from skae.scores.score import Score, residuals


class Joint(Score):
    r"""Squared Mahalanobis length of the residual and of the code.

    .. math:: a(x) = \frac{1}{d + k} \left(
              (r - \mu_r)^T \Sigma_r^{-1} (r - \mu_r)
              + (z - \mu_z)^T \Sigma_z^{-1} (z - \mu_z) \right), \qquad r = x - \hat{x}

    with the means and the shrunk covariances of normal rows: what does not obey the relations
    among the features, and what does but is far away. Normal rows have about 1.

    Attributes
    ----------
    residual_scatter_, code_scatter_ : Scatter
        Means and covariances.
    """

    def fit(self, residuals: torch.Tensor, codes: torch.Tensor) -> Self:
        """Learn the scatter of the residuals and of the codes."""
        self.residual_scatter_ = Scatter.of(residuals.numpy())
        self.code_scatter_ = Scatter.of(codes.numpy())
        return self

    def of_features(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the squared whitened residuals, over the number of columns."""
        whitened = self.residual_scatter_.whitened(residuals(network, X, codes))
        return whitened.square() / (X.shape[1] + codes.shape[1])

    def of_code(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the squared length of the code, over the number of columns."""
        lengths = self.code_scatter_.lengths(codes.cpu().double())
        return lengths / (X.shape[1] + codes.shape[1])
