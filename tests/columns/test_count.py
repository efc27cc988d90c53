import numpy as np
import pytest

from skae.columns import Count

COLUMN = Count("visits", "int64", n_rows=9, whole=True, low=0.0, high=8.0)


def test_a_network_sees_logarithms():
    features = COLUMN.encode(np.array([0.0, 3, np.nan]))
    np.testing.assert_allclose(features[:, 0], [0, np.log(4), np.nan])
    np.testing.assert_array_equal(COLUMN.decode(features[:2]), [0, 3])
    np.testing.assert_array_equal(COLUMN.decode(np.array([[-5.0], [1e9]])) >= 0, True)


@pytest.mark.parametrize("wrong", [-1.0, 0.5])
def test_what_is_no_count_is_refused(wrong):
    with pytest.raises(
        ValueError, match=f"column 'visits' is a count, but holds {wrong:g} in row 1"
    ):
        COLUMN.codes(np.array([1.0, wrong]))


def test_counts_are_drawn_from_poisson():
    drawn = COLUMN.draw(np.full((4000, 1), np.log1p(3.0)), np.random.RandomState(0))
    np.testing.assert_allclose([drawn.mean(), drawn.var()], 3, atol=0.2)
