import numpy as np

from skae.columns import Ordinal

COLUMN = Ordinal("size", "object", n_rows=50, levels=("s", "m", "l"))


def test_features_say_whether_a_value_is_above_each_level():
    np.testing.assert_array_equal(
        COLUMN.encode(np.array([0.0, 1, 2, 3, np.nan])),
        [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 0, 1], [np.nan] * 3],
    )
    assert COLUMN.feature_names == ["size>s", "size>m", "size_unknown"]


def test_probabilities_are_differences_of_decreasing_ones():
    features = np.array([[0.9, 0.2, 0.0], [0.4, 0.7, 0.0], [2.0, -1.0, 1.0]])
    expected = [[0.1, 0.7, 0.2], [0.6, 0.0, 0.4], [0, 1, 0]]
    np.testing.assert_allclose(COLUMN.level_probabilities(features), expected, atol=1e-12)
    np.testing.assert_array_equal(COLUMN.decode(features), [1, 0, 1])


def test_a_column_of_many_levels_counts_as_one():
    deviation = np.array([0.5, 0.4, 0.0])
    np.testing.assert_allclose(
        COLUMN.scales(deviation, deviation), [0.5 * 2**0.5, 0.4 * 2**0.5, 0.1]
    )


def test_one_level_alone_is_certain():
    column = Ordinal("size", "object", n_rows=5, levels=("s",))
    features = column.encode(np.zeros(2))
    np.testing.assert_array_equal(column.level_probabilities(features), [[1], [1]])
