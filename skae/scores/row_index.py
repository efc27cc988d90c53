"""Rows of the training data, and the distances of other rows to the nearest of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

# Largest number of rows and of entries of an index.
_MOST_ROWS, _MOST_ENTRIES = 5000, 2**23
# So many rows with few missing values are enough, or half of all rows.
_ENOUGH_ROWS = 500
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

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features), dtype float32 or float64
        Scaled rows, NaN for missing values.
    """

    rows: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> RowIndex:
        """Return an index of at most 5,000 of the rows, fewer with more than 1,677 features.

        If values are missing, it has the rows with the fewest missing ones: of two rows that have
        few values in common, no distance says whether they are alike.
        """
        rows = rows[_with_fewest_missing(rows)]
        most = max(2, min(_MOST_ROWS, _MOST_ENTRIES // rows.shape[1]))
        places = np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int)
        return cls(np.ascontiguousarray(rows[places]))

    def squared_distances(self, X: torch.Tensor, n_neighbors: int) -> torch.Tensor:
        """Return the squared distance of each row to its n-th nearest neighbour.

        Distances are those of the values that both rows have, extrapolated to all features. They
        are differentiable: the neighbours are taken as given.

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
        index = torch.from_numpy(self.rows).to(X.dtype)
        n_nearest = min(n_neighbors + 1, len(index))
        if torch.compiler.is_compiling():  # an exported graph has any number of rows
            return _of_rows(X, index, n_nearest)
        some = max(1, _MOST_DISTANCES // max(len(index), X.shape[1] * n_nearest))
        return torch.cat([_of_rows(rows, index, n_nearest) for rows in X.split(some)])


def _with_fewest_missing(rows: np.ndarray) -> np.ndarray:
    """Return the places of rows with at most so many missing values that enough rows have."""
    n_missing = np.isnan(rows).sum(axis=1)
    enough = min(len(rows) // 2, _ENOUGH_ROWS)
    return np.flatnonzero(n_missing <= np.partition(n_missing, enough)[enough])


def _of_rows(X: torch.Tensor, index: torch.Tensor, n_nearest: int) -> torch.Tensor:
    with torch.no_grad():
        nearest = _places_of_smallest(_comparable(X, index), n_nearest)
    # Again, since differences of large products are not exact.
    neighbours = index[nearest].double()
    rows = X.double()[:, None, :]
    differences = torch.nan_to_num(rows - neighbours)
    both = ~torch.isnan(rows) & ~torch.isnan(neighbours)
    n_both = both.double().sum(2)
    squares = differences.square().sum(2) * X.shape[1] / n_both.clamp_min(1)
    size = torch.nan_to_num(rows).square().sum(2) + torch.nan_to_num(neighbours).square().sum(2)
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


def _comparable(X: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Return squared distances of all pairs, up to a number for each row if no value is missing."""
    # A graph cannot choose by the data.
    if torch.compiler.is_compiling() or torch.isnan(index).any() or torch.isnan(X).any():
        return _of_known(X, index)
    # Large values lose the small ones in float32.
    centre = index.mean(0)
    X, index = (X - centre).clamp(-1e15, 1e15), index - centre
    return torch.addmm(index.square().sum(1), X, index.T, alpha=-2)


def _of_known(X: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Return squared distances of the values that both rows have, extrapolated to all."""
    known, of_index = (~torch.isnan(rows) for rows in (X, index))
    known, of_index = known.to(X.dtype), of_index.to(X.dtype)
    X, index = torch.nan_to_num(X).clamp(-1e15, 1e15), torch.nan_to_num(index)
    n_both = known @ of_index.T
    squares = X.square() @ of_index.T - 2 * X @ index.T + known @ index.square().T
    return torch.where(n_both > 0, squares * X.shape[1] / n_both.clamp_min(1), torch.inf)
