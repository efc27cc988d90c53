"""Known entries that are hidden, to compare predictions with them."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

# The fraction of the entries of a user that is hidden, and the seed. It is fixed, so that all
# estimators that are compared have to predict the same entries.
_FRACTION, _SEED = 0.2, 0


def hide_some(entries: sp.csr_matrix, seed: int = _SEED) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Return the entries of each user without some of them, and those.

    Parameters
    ----------
    entries : csr_matrix of shape (n_users, n_items)
        Known entries. A fifth of those of each user is hidden, at least one; the only entry of a
        user stays.

    seed : int, default=0
        Seed of the choice.

    Returns
    -------
    shown, hidden : csr_matrix of shape (n_users, n_items)
    """
    n_known = np.diff(entries.indptr)
    n_hidden = np.where(n_known > 1, np.maximum(1, np.floor(_FRACTION * n_known)), 0)
    users = np.repeat(np.arange(entries.shape[0]), n_known)
    order = np.lexsort((np.random.RandomState(seed).uniform(size=entries.nnz), users))
    place = np.empty(entries.nnz, dtype=np.int64)  # in the random order of the entries of its user
    place[order] = np.arange(entries.nnz) - np.repeat(entries.indptr[:-1], n_known)
    hidden = place < n_hidden[users]
    return _some(entries, users, ~hidden), _some(entries, users, hidden)


def _some(entries: sp.csr_matrix, users: np.ndarray, chosen: np.ndarray) -> sp.csr_matrix:
    places = (users[chosen], entries.indices[chosen])
    return sp.csr_matrix((entries.data[chosen], places), shape=entries.shape)
