import numpy as np
import pytest

from skae.columns import Boolean, Factor

COLUMN = Boolean("paid", "bool", n_rows=9)


def test_codes_are_zero_one_and_missing():
    np.testing.assert_array_equal(COLUMN.codes(np.array([1.0, 0, np.nan])), [1, 0, np.nan])
    for wrong in (5.0, 0.5, -1.0, np.inf):
        with pytest.raises(ValueError, match=f"column 'paid' is one of booleans, .* {wrong:g} in"):
            COLUMN.codes(np.array([1.0, wrong]))
    with pytest.raises(ValueError, match="column 'paid' holds text, such as 'yes'"):
        COLUMN.codes(Factor(np.array([0]), np.array(["yes"], dtype=object)))


def test_the_more_probable_value_is_taken_and_draws_follow_it():
    np.testing.assert_array_equal(COLUMN.decode(np.array([[0.4], [0.6]])), [0, 1])
    drawn = COLUMN.draw(np.full((4000, 1), 0.3), np.random.RandomState(0))
    assert abs(drawn.mean() - 0.3) < 0.02
    found = COLUMN.probabilities(np.array([[1.2], [0.3]]))["paid"]
    np.testing.assert_array_equal(found, [1, 0.3])


def test_objects_come_back_as_objects():
    values = Boolean("paid", "object", n_rows=9).values(np.array([1.0, 0, np.nan]))
    assert values.tolist() == [True, False, None]
