import numpy as np

from skae.columns import Categorical

COLUMN = Categorical("job", "str", n_rows=50, levels=("a", "b", "c"))


def test_features_are_indicators_with_one_more_for_unseen_levels():
    np.testing.assert_array_equal(
        COLUMN.encode(np.array([0.0, 2, 3, np.nan])),
        [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [np.nan] * 4],
    )
    assert COLUMN.feature_names == ["job_a", "job_b", "job_c", "job_unknown"]


def test_probabilities_add_up_without_unseen_levels():
    features = np.array([[0.1, 0.3, 0.0, 0.9], [-0.5, 0.0, 0.0, 1.0], [-1.0, 0.5, 0.5, 0.0]])
    np.testing.assert_allclose(
        COLUMN.level_probabilities(features), [[0.25, 0.75, 0], [1 / 3] * 3, [0, 0.5, 0.5]]
    )
    np.testing.assert_array_equal(COLUMN.decode(features), [1, 0, 1])
    assert list(COLUMN.probabilities(features)) == ["job_a", "job_b", "job_c"]


def test_units_are_roots_of_frequencies_with_the_floor_of_laplace():
    mean = np.array([0.64, 0.36, 0.0, 0.0])
    np.testing.assert_allclose(COLUMN.scales(mean, mean), [0.8, 0.6, 0.1, 0.1])
