"""Rows of the training data, and the distances of other rows to the nearest of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

# Largest number of rows and of entries of an index.
_MOST_ROWS, _MOST_ENTRIES = 5000, 2**23
# Number of distances that are computed at once: they stay in the cache of a processor.
_MOST_DISTANCES = 2**20
# Number of rows of the index of which the nearest is looked for first.
_BLOCK = 64
# Rows are the same if their squared distance is below this fraction of the sum of their squares.
_SAME = 1e-10


@dataclass(frozen=True)
class RowIndex:
    """Rows of the training data, and the distances of other rows to the nearest of them.

    One row that is the same as the given one is left out: a row of the training data is not its own
    neighbour, neither in the fit nor afterwards.

    Distances are those of the known values of the given row, extrapolated to all features. A
    missing value of a training row counts with its expected squared difference, that from the mean
    of the column plus the variance of the column: without it, rows with hardly any value in common
    would be the nearest.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features), dtype float32 or float64
        Scaled rows, NaN for missing values.
    """

    rows: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> RowIndex:
        """Return an index of at most 5,000 of the rows, fewer with more than 1,677 features."""
        most = max(2, min(_MOST_ROWS, _MOST_ENTRIES // rows.shape[1]))
        places = np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int)
        return cls(np.ascontiguousarray(rows[places]))

    def squared_distances(self, X: torch.Tensor, n_neighbors: int) -> torch.Tensor:
        """Return the squared distance of each row to its n-th nearest neighbour.

        They are differentiable: the neighbours are taken as given.

        Parameters
        ----------
        X : torch.Tensor of shape (n_samples, n_features)
            Scaled rows.

        n_neighbors : int
            Which neighbour. If there are not as many, the farthest.

        Returns
        -------
        torch.Tensor of shape (n_samples,), dtype float64
        """
        X = X.cpu()
        index, variances = (torch.from_numpy(of).to(X.dtype) for of in self._expected())
        n_nearest = min(n_neighbors + 1, len(index))
        if torch.compiler.is_compiling():  # an exported graph has any number of rows
            return _of_rows(X, index, variances, n_nearest)
        some = max(1, _MOST_DISTANCES // max(len(index), X.shape[1] * n_nearest))
        return torch.cat([_of_rows(rows, index, variances, n_nearest) for rows in X.split(some)])

    def _expected(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows with means for missing values, and the variances of their values."""
        missing = np.isnan(self.rows)
        if not missing.any():
            return self.rows, np.zeros((1, 1), self.rows.dtype)
        n_known = np.maximum((~missing).sum(axis=0), 1)
        means = np.where(missing, 0.0, self.rows).sum(axis=0) / n_known
        variances = np.square(np.where(missing, 0.0, self.rows - means)).sum(axis=0) / n_known
        return np.where(missing, means, self.rows), np.where(missing, variances, 0.0)


def _of_rows(
    X: torch.Tensor, index: torch.Tensor, variances: torch.Tensor, n_nearest: int
) -> torch.Tensor:
    variances = variances.expand_as(index)
    with torch.no_grad():
        nearest = _places_of_smallest(_comparable(X, index, variances), n_nearest)
    # Again, since differences of large products are not exact.
    neighbours = index[nearest].double()
    rows = X.double()[:, None, :]
    known = (~torch.isnan(rows)).double()
    squares = torch.nan_to_num(rows - neighbours).square() + known * variances[nearest]
    squares = squares.sum(2) * (X.shape[1] / known.sum(2).clamp_min(1))
    size = torch.nan_to_num(rows).square().sum(2) + neighbours.square().sum(2)
    same = squares <= _SAME * size
    squares = squares.sort(dim=1).values
    if n_nearest == 1:
        return squares[:, 0]
    return torch.where(same.any(1), squares[:, -1], squares[:, -2])


def _places_of_smallest(values: torch.Tensor, n: int) -> torch.Tensor:
    """Return the places of the n smallest values of each row, in any order, (n_rows, n).

    They are in the n blocks with the smallest minima: looking for these first is five times faster.
    """
    n_rows, n_values = values.shape
    n_blocks = n_values // _BLOCK
    if torch.compiler.is_compiling() or n_blocks <= 2 * n:
        return values.topk(n, dim=1, largest=False).indices
    blocks = values[:, : n_blocks * _BLOCK].reshape(n_rows, n_blocks, _BLOCK)
    chosen = blocks.amin(2).topk(n, dim=1, largest=False).indices
    places = (chosen[:, :, None] * _BLOCK + torch.arange(_BLOCK)).reshape(n_rows, -1)
    rest = torch.arange(n_blocks * _BLOCK, n_values).expand(n_rows, -1)
    places = torch.cat([places, rest], dim=1)
    return places.gather(1, values.gather(1, places).topk(n, dim=1, largest=False).indices)


def _comparable(X: torch.Tensor, index: torch.Tensor, variances: torch.Tensor) -> torch.Tensor:
    """Return expected squared distances of all pairs, up to a number for each row."""
    # Large values lose the small ones in float32.
    centre = index.mean(0)
    X, index = (X - centre).clamp(-1e15, 1e15), index - centre
    squares = index.square() + variances
    # A graph cannot choose by the data.
    if torch.compiler.is_compiling() or torch.isnan(X).any():
        known = (~torch.isnan(X)).to(X.dtype)
        return torch.addmm(known @ squares.T, torch.nan_to_num(X), index.T, alpha=-2)
    return torch.addmm(squares.sum(1), X, index.T, alpha=-2)
