"""Ranked items, and how well they agree with hidden clicks."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import ndcg_score

from skae._recommendation.ranking import best_items, ndcg

RANDOM = np.random.RandomState(0)
SCORES = RANDOM.randn(30, 12)


@pytest.mark.parametrize("k", [1, 5, 12])
def test_ndcg_is_scikit_learns(k):
    hidden = (np.random.RandomState(k).uniform(size=SCORES.shape) < 0.6).astype(float)
    hidden[0] = 0
    items, _ = best_items(SCORES, None, k)
    expected = ndcg_score(hidden[1:], SCORES[1:], k=k)
    assert ndcg(items, sp.csr_matrix(hidden)).mean() == pytest.approx(expected)
    assert len(ndcg(items, sp.csr_matrix(hidden))) == 29  # of the users with hidden clicks


def test_known_items_are_left_out_and_padded():
    known = sp.csr_matrix(np.ones((2, 3)) * [[1, 1, 0], [1, 1, 1]])
    items, scores = best_items(np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]]), known, 2)
    assert items.tolist() == [[2, -1], [-1, -1]]
    np.testing.assert_array_equal(scores, [[1, np.nan], [np.nan, np.nan]])
