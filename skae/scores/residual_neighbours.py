"""The Mahalanobis distance of the residual, and the distance to the nearest training rows."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np
import torch

from skae._utils.checks import check_size
from skae.kinds import Kind
from skae.scores.row_index import RowIndex
from skae.scores.scatter import Scatter
from skae.scores.score import Score, n_known, residuals


class ResidualNeighbours(Score):
    r"""Squared mean of the Mahalanobis distance of the residual and the distance to a neighbour.

    .. math:: a(x) = \frac{1}{4} \left( \sqrt{\frac{a_r(x)}{m_r}}
              + \sqrt{\frac{a_n(x)}{m_n}} \right)^2

    with the squared Mahalanobis distance :math:`a_r` of :class:`Residual`, the squared distance
    :math:`a_n` of :class:`Neighbours`, and their medians :math:`m_r, m_n` over the calibration
    rows. The residual is large for rows that violate the relations between the features, the
    distance to the training rows for rows that satisfy them where there are no normal rows.

    Parameters
    ----------
    n_neighbors : int, default=1
        Which neighbour of :class:`Neighbours`. With outliers among the training rows, which may be
        alike, more than 1 is better.

    Attributes
    ----------
    scatter_ : Scatter
        Mean and covariance of the residuals.

    index_ : RowIndex
        The training rows; a saved detector holds them.

    medians_ : tuple of float
        :math:`m_r` and :math:`m_n`.
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

    def fit(
        self, residuals: torch.Tensor, codes: torch.Tensor, rows: np.ndarray | None = None
    ) -> Self:
        """Estimate mean and covariance of the residuals, and keep training rows."""
        self.by_known_ = True
        self.scatter_ = Scatter.of(residuals.numpy())
        assert rows is not None  # since takes_rows
        self.index_ = RowIndex.of(rows)
        self.medians_: tuple[float, ...] = (1.0, 1.0)
        return self

    def balanced(self, medians: np.ndarray) -> ResidualNeighbours:
        """Return the score with these medians of both distances."""
        again = copy.copy(self)
        again.medians_ = tuple(float(m) if 0 < m < np.inf else 1.0 for m in medians)
        return again

    def of_features(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> None:
        """Return None: the parts of the features do not add up."""
        return None

    def of_code(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the squared mean of both distances."""
        parts = self._of_codes(network, X, codes) / torch.tensor(self.medians_, dtype=torch.float64)
        # Roots have a finite gradient at zero.
        return parts.clamp_min(torch.finfo(torch.float64).tiny).sqrt().mean(1).square()

    def parts(self, network: Any, X: torch.Tensor) -> torch.Tensor:
        """Return both squared distances."""
        return self._of_codes(network, X, network.encode(X))

    def _of_codes(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        known = self.known(network, X)
        squares = self.scatter_.squares(residuals(network, X, codes), known)
        of_residual = (squares / n_known(X, known)).sum(1)
        of_neighbour = self.index_.squared_distances(X, self.n_neighbors)
        return torch.stack([of_residual, of_neighbour], dim=1)
