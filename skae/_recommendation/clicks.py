"""Clicks: implicit feedback, of which only what was chosen is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from skae._recommendation.ratings import known_entries


def clicks_of(X: Any) -> sp.csr_matrix:
    """Return the clicks of a table as a matrix of ones.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_users, n_items)
        Entries above zero are clicks, however large. Zeros, stored or not, and NaN are unknown.

    Raises
    ------
    ValueError
        If an entry is negative.
    """
    entries = known_entries(X)
    entries.sum_duplicates()
    if entries.nnz and entries.data.min() < 0:
        raise ValueError(
            f"feedback='implicit' needs clicks or counts, none of them negative, but X holds "
            f"{entries.data.min():g}: set what was not liked to zero, or use feedback='explicit' "
            f"for ratings."
        )
    entries.eliminate_zeros()
    entries.data[:] = 1
    return entries


def popularity(clicks: sp.csr_matrix) -> np.ndarray:
    """Return the fraction of all clicks that each item has, of shape (n_items,), float64."""
    counts = np.bincount(clicks.indices, minlength=clicks.shape[1])
    return counts / max(1, counts.sum())
