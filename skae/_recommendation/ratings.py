"""Sparse tables of ratings, with few known entries: their means, scaling and range."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import DTypeLike

from skae._data.blocks import dense_blocks
from skae._data.moments import Moments
from skae._data.scaling import Scaling
from skae._utils.checks import is_number
from skae.losses import Loss

# The mean of a row or column is shrunk towards the mean of all entries, as if it had this many
# additional entries equal to that mean.
_PRIOR_RATINGS = 5.0


class Ratings:
    """A sparse matrix of known entries, whose rows are read with NaN for unknown ones.

    Parameters
    ----------
    entries : csr_matrix of shape (n_rows, n_columns)
        The known entries; explicitly stored zeros are known zeros.
    """

    def __init__(self, entries: sp.csr_matrix):
        self.entries, self.shape, self.dtype = entries, entries.shape, entries.dtype
        self.data = entries.data

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Return some rows as a dense array, with NaN for unknown entries."""
        block = self.entries[rows]
        dense = np.full(block.shape, np.nan, dtype=self.dtype)
        places = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
        dense[places, block.indices] = block.data
        return dense


def known_entries(X: Any) -> sp.csr_matrix:
    """Return the known entries of a table as a matrix of floating point numbers.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_columns)
        NaN, and entries that a sparse matrix does not store, are unknown.
    """
    single = X.dtype.kind == "f" and X.dtype.itemsize == 4
    dtype = np.float32 if single else np.float64
    if sp.issparse(X):
        X = X.tocoo()
        known = ~np.isnan(X.data)
        return _entries(X.data[known], X.row[known], X.col[known], X.shape, dtype)
    blocks = []
    for _, block in dense_blocks(X):
        rows, columns = np.nonzero(~np.isnan(block))
        blocks.append(_entries(block[rows, columns], rows, columns, block.shape, dtype))
    return sp.vstack(blocks, format="csr")


def _entries(
    values: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    shape: tuple[int, int],
    dtype: DTypeLike,
) -> sp.csr_matrix:
    return sp.csr_matrix((values.astype(dtype), (rows, columns)), shape=shape)


def shrunk_means(entries: sp.csr_matrix) -> np.ndarray:
    """Return the mean of each column, shrunk towards the mean of all entries."""
    unit = np.float64(np.abs(entries.data).max()) or 1.0  # avoids overflow of the sums
    ratings = entries.data / unit
    overall = ratings.mean()
    n_columns = entries.shape[1]
    sums = np.bincount(entries.indices, ratings - overall, n_columns)
    counts = np.bincount(entries.indices, minlength=n_columns)
    return (overall + sums / (counts + _PRIOR_RATINGS)) * unit


def row_offsets(entries: sp.csr_matrix) -> np.ndarray:
    """Return the mean of each row minus that of all entries, shrunk towards zero."""
    unit = np.float64(np.abs(entries.data).max()) or 1.0
    overall = (entries.data / unit).mean() * unit
    return shrunk_means(entries.T.tocsr()) - overall


def shifted(entries: sp.csr_matrix, offsets: np.ndarray) -> sp.csr_matrix:
    """Return the entries minus an offset for each row."""
    data = entries.data - np.repeat(offsets, np.diff(entries.indptr))
    places = (data.astype(entries.dtype), entries.indices, entries.indptr)
    return sp.csr_matrix(places, shape=entries.shape)


def scaling_of_ratings(biases: np.ndarray, moments: Moments, X: Any, loss: Loss) -> Scaling:
    """Return the scaling that subtracts the biases instead of the means, if the loss rescales."""
    if not loss.rescales:
        return moments.scaling(rescales=False)
    unit = np.float64(np.abs(X.data).max()) or 1.0
    return Scaling(biases, float(np.std(X.data / unit) * unit) or 1.0)


def checked_range(given: Any, ratings: np.ndarray) -> tuple[float, float]:
    """Return the limits to which predictions are clipped."""
    if given is None:
        return -np.inf, np.inf
    if isinstance(given, str) and given == "observed":
        return float(ratings.min()), float(ratings.max())
    pair = isinstance(given, tuple | list) and len(given) == 2 and all(map(is_number, given))
    if not pair or given[0] >= given[1]:
        raise ValueError(
            f"rating_range must be 'observed', None or a pair (low, high) with low < high, "
            f"such as (1, 5), got {given!r}."
        )
    return float(given[0]), float(given[1])
