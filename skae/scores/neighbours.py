"""The distance to the nearest training rows."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch

from skae._utils.checks import check_size
from skae.kinds import Kind
from skae.scores.row_index import RowIndex
from skae.scores.score import Score


class Neighbours(Score):
    r"""Squared distance to the n-th nearest of the training rows that are treated as normal.

    .. math:: a(x) = \lVert x - x_{(n)} \rVert^2

    where :math:`x_{(n)}` is the n-th nearest of at most 5,000 training rows, in scaled features. It
    needs no network, and serves to compare and to combine; see :class:`ResidualNeighbours`. A
    training row is not its own neighbour. With missing values, distances are those of the known
    values, extrapolated to all features; a missing value of a training row counts with its expected
    squared difference, given the mean and the variance of its column.

    Parameters
    ----------
    n_neighbors : int, default=1
        `n`.

    Attributes
    ----------
    index_ : RowIndex
        The training rows; a saved detector holds them.
    """

    takes_rows = True
    relative = True
    indices = ("index_",)

    def __init__(self, n_neighbors: int = 1):
        self.n_neighbors = n_neighbors

    def check(self, kind: Kind) -> None:
        """Refuse a number of neighbours out of range."""
        check_size(self.n_neighbors, "n_neighbors of Neighbours")

    def fit(
        self, residuals: torch.Tensor, codes: torch.Tensor, rows: np.ndarray | None = None
    ) -> Self:
        """Keep training rows."""
        assert rows is not None  # since takes_rows
        self.index_ = RowIndex.of(rows)
        return self

    def of_features(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> None:
        """Return None."""
        return None

    def of_code(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the squared distance of each row."""
        return self.index_.squared_distances(X, self.n_neighbors)
