import numpy as np
import pytest
import scipy.sparse as sp

from skae._recommendation.ratings import Ratings, known_entries, shrunk_means

TABLE = np.array([[1.0, np.nan, 0.0], [np.nan, 5.0, np.nan], [2.0, 3.0, np.nan]])


@pytest.fixture
def entries():
    return known_entries(TABLE)


def test_what_is_nan_is_unknown(entries):
    assert entries.nnz == 5
    assert np.array_equal(Ratings(entries)[:], TABLE, equal_nan=True)


def test_what_a_sparse_matrix_does_not_hold_is_unknown(entries):
    held = sp.csr_matrix(
        ([1, 0, 5, 2, 3, np.nan], ([0, 0, 1, 2, 2, 2], [0, 2, 1, 0, 1, 2])), shape=(3, 3)
    )
    assert np.array_equal(Ratings(known_entries(held))[:], TABLE, equal_nan=True)


@pytest.mark.parametrize("rows", [slice(1, 3), np.array([2, 0]), np.array([False, True, True])])
def test_rows_are_those_of_the_table(entries, rows):
    assert np.array_equal(Ratings(entries)[rows], TABLE[rows], equal_nan=True)


def test_shape_and_dtype(entries):
    ratings = Ratings(entries)
    assert ratings.shape == (3, 3)
    assert len(ratings) == 3
    assert known_entries(TABLE.astype(np.float32)).dtype == np.float32
    assert known_entries(np.ones((2, 2), dtype=int)).dtype == np.float64


def test_means_of_few_ratings_are_drawn_towards_that_of_all():
    column = np.full(1000, np.nan)
    column[0] = 5.0
    means = shrunk_means(known_entries(np.column_stack([np.full(1000, 2.0), column])))
    overall = (2000 + 5) / 1001
    assert means[0] == pytest.approx((2000 + 5 * overall) / 1005)
    assert means[1] == pytest.approx((5 + 5 * overall) / 6)
