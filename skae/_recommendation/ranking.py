"""Ranked items, and how well they agree with hidden clicks."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def best_items(
    scores: np.ndarray, known: sp.csr_matrix | None, n_items: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the items with the highest scores of each user.

    Parameters
    ----------
    scores : ndarray of shape (n_users, n_items)
        Scores of all items.

    known : csr_matrix of shape (n_users, n_items) or None
        Entries that are left out, stored zeros included.

    n_items : int
        Number of items.

    Returns
    -------
    items : ndarray of shape (n_users, n_items), dtype int64
        Columns, the best first, padded with -1.

    scores : ndarray of shape (n_users, n_items)
        Their scores, NaN for -1.
    """
    scores = scores.copy()
    if known is not None:
        scores[np.repeat(np.arange(len(scores)), np.diff(known.indptr)), known.indices] = np.nan
    items = np.argsort(-scores, axis=1, kind="stable")[:, :n_items]
    scores = np.take_along_axis(scores, items, axis=1)
    return np.where(np.isnan(scores), -1, items), scores


def ndcg(items: np.ndarray, hidden: sp.csr_matrix) -> np.ndarray:
    r"""Return the normalised discounted cumulative gain of ranked items [1]_.

    .. math:: \text{NDCG} = \frac{\sum_i [\text{item}_i \text{ is hidden}] / \log_2 (i + 1)}
              {\sum_{i \le \min(h, k)} 1 / \log_2 (i + 1)}

    for `k` ranked items and `h` hidden ones.

    Parameters
    ----------
    items : ndarray of shape (n_users, k)
        Ranked items, -1 for none.

    hidden : csr_matrix of shape (n_users, n_items)
        The hidden clicks.

    Returns
    -------
    ndarray of shape (n_users_with_hidden_clicks,), dtype float64

    References
    ----------
    .. [1] K. Järvelin and J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM
       Transactions on Information Systems 20(4), 2002.
    """
    n_hidden = np.diff(hidden.indptr)
    chosen = np.flatnonzero(n_hidden)
    items, found = items[chosen], np.zeros((len(chosen), items.shape[1]))
    for row, user in enumerate(chosen):
        own = hidden.indices[hidden.indptr[user] : hidden.indptr[user + 1]]
        found[row] = np.isin(items[row], own)
    discounts = 1 / np.log2(np.arange(2, items.shape[1] + 2))
    best = np.cumsum(discounts)[np.minimum(n_hidden[chosen], len(discounts)) - 1]
    return found @ discounts / best
