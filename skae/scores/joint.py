"""The Mahalanobis distances of residual and latent code."""

from __future__ import annotations

from typing import Any, Self

import torch

from skae.scores.scatter import Scatter
from skae.scores.score import Score, n_known, residuals


class Joint(Score):
    r"""Sum of the squared Mahalanobis distances of the residual and of the latent code.

    .. math:: a(x) = \frac{1}{d + k} \left(
              (r - \mu_r)^T \Sigma_r^{-1} (r - \mu_r)
              + (z - \mu_z)^T \Sigma_z^{-1} (z - \mu_z) \right), \qquad r = x - \hat{x}

    with the means and the shrunk covariances of normal rows. It is large for rows that violate the
    relations between the features, and for rows that satisfy them but are far from all others.
    Normal rows have scores of about 1. With missing values, `r` and `d` are those
    of the known values, whose covariance is a part of :math:`\Sigma_r`.

    Attributes
    ----------
    residual_scatter_, code_scatter_ : Scatter
        Means and covariances of residuals and codes.
    """

    scatters = {"residual_scatter_": "features", "code_scatter_": "code"}
    relative = True

    def fit(self, residuals: torch.Tensor, codes: torch.Tensor) -> Self:
        """Estimate means and covariances of residuals and codes."""
        self.by_known_ = True
        self.residual_scatter_ = Scatter.of(residuals.numpy())
        self.code_scatter_ = Scatter.of(codes.numpy())
        return self

    def of_features(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the squared whitened residuals, divided by the number of columns."""
        known = self.known(network, X)
        squares = self.residual_scatter_.squares(residuals(network, X, codes), known)
        return squares / (n_known(X, known) + codes.shape[1])

    def of_code(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the squared Mahalanobis distance of the code, divided by the number of columns."""
        distances = self.code_scatter_.mahalanobis(codes.cpu().double())
        return distances / (n_known(X, self.known(network, X))[:, 0] + codes.shape[1])
