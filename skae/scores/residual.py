"""The Mahalanobis distance of the residual."""

from __future__ import annotations

from typing import Any, Self

import torch

from skae.scores.scatter import Scatter
from skae.scores.score import Score, n_known, residuals


class Residual(Score):
    r"""Squared Mahalanobis distance of the residual.

    .. math:: a(x) = \frac{1}{d} (r - \mu_r)^T \Sigma_r^{-1} (r - \mu_r), \qquad r = x - \hat{x}

    with the mean and the shrunk covariance :math:`\Sigma_r` of the residuals of normal rows. It
    measures how unusual the errors are, given the usual errors of each feature and their
    correlations. Normal rows have scores of about 1. With missing values, `r` and `d` are those
    of the known values, whose covariance is a part of :math:`\Sigma_r`.

    Attributes
    ----------
    scatter_ : Scatter
        Mean and covariance of the residuals.
    """

    scatters = {"scatter_": "features"}
    relative = True

    def fit(self, residuals: torch.Tensor, codes: torch.Tensor) -> Self:
        """Estimate mean and covariance of the residuals."""
        self.by_known_ = True
        self.scatter_ = Scatter.of(residuals.numpy())
        return self

    def of_features(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the squared whitened residuals, divided by the number of known values."""
        known = self.known(network, X)
        squares = self.scatter_.squares(residuals(network, X, codes), known)
        return squares / n_known(X, known)

    def of_code(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> None:
        """Return None."""
        return None
