"""Entries of each user that are hidden, to be predicted from the others."""

import numpy as np
import scipy.sparse as sp

from skae._recommendation.hiding import hide_some


def test_a_fifth_of_each_user_is_hidden_and_a_single_entry_stays():
    table = sp.random(40, 30, density=0.4, random_state=0, format="csr")
    table = sp.vstack([table, sp.csr_matrix(([7.0], ([0], [3])), shape=(1, 30))]).tocsr()
    shown, hidden = hide_some(table)
    assert (shown + hidden != table).nnz == 0
    assert shown.multiply(hidden).nnz == 0
    n_known, n_hidden = np.diff(table.indptr), np.diff(hidden.indptr)
    expected = np.where(n_known > 1, np.maximum(1, n_known // 5), 0)
    assert n_hidden.tolist() == expected.tolist()
    again, other = hide_some(table)[1], hide_some(table, seed=1)[1]
    assert (hidden != again).nnz == 0
    assert (hidden != other).nnz > 0
