"""The Mahalanobis distance of the residual, and the distance to the nearest training rows."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch

from skae._utils.checks import check_size
from skae.kinds import Kind
from skae.scores.row_index import RowIndex
from skae.scores.scatter import Scatter
from skae.scores.score import Score, n_known, residuals

# Distances to neighbours are relative to their median over at most so many training rows.
_MOST_ROWS = 1000


class ResidualNeighbours(Score):
    r"""Squared sum of the Mahalanobis distance of the residual and the distance to a neighbour.

    .. math:: a(x) = \left( \sqrt{\tfrac{1}{d}
              (r - \mu_r)^T \Sigma_r^{-1} (r - \mu_r)}
              + \lVert x - x_{(n)} \rVert / m \right)^2 / 4, \qquad r = x - \hat{x}

    with the mean and the shrunk covariance of the residuals of normal rows, the n-th nearest
    :math:`x_{(n)}` of at most 5,000 training rows, in scaled features, and the median `m` of this
    distance among training rows. The residual is large for rows that violate the relations between
    the features, the distance for rows that satisfy them where there are no normal rows.

    Parameters
    ----------
    n_neighbors : int, default=1
        `n`. With outliers among the training rows, which may be alike, more than 1 is better.

    Attributes
    ----------
    scatter_ : Scatter
        Mean and covariance of the residuals.

    index_ : RowIndex
        The training rows; a saved detector holds them.

    distance_ : float
        `m`.
    """

    scatters = {"scatter_": "features"}
    takes_rows = True
    relative = True
    indices = ("index_",)

    def __init__(self, n_neighbors: int = 1):
        self.n_neighbors = n_neighbors

    def check(self, kind: Kind) -> None:
        """Refuse a number of neighbours out of range."""
        check_size(self.n_neighbors, "n_neighbors of ResidualNeighbours")

    def fit(self, residuals: torch.Tensor, codes: torch.Tensor, rows: np.ndarray) -> Self:
        """Estimate mean and covariance of the residuals, and keep training rows."""
        self.by_known_ = True
        self.scatter_ = Scatter.of(residuals.numpy())
        self.index_ = RowIndex.of(rows)
        some = torch.from_numpy(rows[:: -(-len(rows) // _MOST_ROWS)])
        squares = self.index_.squared_distances(some, self.n_neighbors)
        self.distance_ = float(squares.median().sqrt()) or 1.0
        return self

    def of_features(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> None:
        """Return None: the parts of the features do not add up."""
        return None

    def of_code(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the squared sum of both distances."""
        known = self.known(network, X)
        squares = self.scatter_.squares(residuals(network, X, codes), known)
        of_residual = (squares / n_known(X, known)).sum(1)
        of_neighbour = self.index_.squared_distances(X, self.n_neighbors) / self.distance_**2
        return (_root(of_residual) + _root(of_neighbour)).square() / 4


def _root(squares: torch.Tensor) -> torch.Tensor:
    """Return square roots with a finite gradient at zero."""
    return squares.clamp_min(torch.finfo(torch.float64).tiny).sqrt()
