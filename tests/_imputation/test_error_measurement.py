import numpy as np
import pytest

from skae import AutoencoderImputer
from skae._imputation.error_measurement import ErrorMeasurement, error_ratio


def test_without_any_value_the_ratio_is_one():
    nothing = np.zeros((5, 3))
    assert np.array_equal(error_ratio(nothing, nothing, nothing), np.ones(3))


def test_few_values_draw_the_ratio_towards_one():
    found, expected, one = np.full((4, 2), 9.0), np.ones((4, 2)), np.ones((4, 2))
    overall = (8 * 9 + 5) / (8 + 5)
    np.testing.assert_allclose(error_ratio(found, expected, one), (4 * 9 + 5 * overall) / (4 + 5))
    many = error_ratio(np.tile(found, (999, 1)), np.ones((3996, 2)), np.ones((3996, 2)))
    np.testing.assert_allclose(many, 9, rtol=0.01)


def test_a_feature_without_hidden_values_has_the_ratio_of_the_others():
    found, weight = np.full((4000, 2), 4.0), np.ones((4000, 2)) * [1, 0]
    np.testing.assert_allclose(error_ratio(found, np.ones((4000, 2)), weight), 4, rtol=0.01)


def test_units_of_features_do_not_matter():
    random = np.random.RandomState(0)
    found, expected, weight = random.rand(3, 20, 2)
    units = np.array([1.0, 1e-8])
    np.testing.assert_allclose(
        error_ratio(found, expected, weight), error_ratio(found * units, expected * units, weight)
    )


def measured(X, **parameters):
    settings = {"n_estimators": 1, "max_epochs": 1, "random_state": 0}
    imputation = AutoencoderImputer(**{**settings, **parameters}).fit(X)._imputation
    return ErrorMeasurement(imputation.networks, imputation._sample)


def incomplete(n_rows, n_features=3, seed=0):
    random = np.random.RandomState(seed)
    X = random.randn(n_rows, 1) + random.randn(n_rows, n_features)
    return np.where(random.rand(*X.shape) < 0.2, np.nan, X)


def test_the_weights_of_a_hidden_value_add_up_to_that_of_its_row():
    measurement = measured(incomplete(60))
    trials = measurement._trials()
    total = np.zeros((60, 3))
    np.add.at(total, trials.index, trials.weight)
    known = ~np.isnan(measurement.sample.X)
    assert (total[~known] == 0).all()
    hidden = total[known] > 0
    np.testing.assert_allclose(total[known][hidden], 1)
    assert hidden.mean() > 0.8  # almost each value is hidden once
    changed = np.isnan(trials.shown) & ~np.isnan(measurement.sample.X[trials.index])
    assert np.array_equal(changed, trials.weight > 0)


def test_distributions_are_judged_on_rows_that_they_were_not_fitted_to():
    X = incomplete(80)
    measurement = measured(X)
    trials = measurement._trials()
    seen = measurement._filled_by_others(trials)
    measurement.random = np.random.RandomState(1)
    again = measurement._filled_by_others(trials)
    assert not np.array_equal(seen, again)  # other folds
    hidden = trials.weight > 0
    from skae._imputation.bootstrap import filled_rows
    from skae._imputation.error_measurement import filling_of

    of_all = filled_rows(filling_of(measurement.networks[0]), trials.shown)
    squared = [np.square(trials.known - filled)[hidden].mean() for filled in (seen, of_all)]
    assert squared[0] > squared[1]


def test_errors_on_training_rows_do_not_narrow_draws():
    """Without validation rows, networks may err less on the rows they know."""
    measurement = measured(incomplete(60), early_stopping=False, max_epochs=200, jitter=0.0)
    trials = measurement._trials()
    filled = np.zeros(trials.shown.shape)  # a filling that errs more than the networks
    assert (measurement._ratio_of_networks(trials, filled) == 1).all()


@pytest.mark.parametrize("seed", range(10))
def test_no_seed_draws_values_that_are_all_the_same_or_far_too_wide(seed):
    """One network of 60 rows has six validation rows."""
    random = np.random.RandomState(seed)
    X = random.randn(60, 1) + random.randn(60, 3)
    missing = random.rand(60, 3) < 0.05
    ratio, _ = measured(np.where(missing, np.nan, X), random_state=seed).run()
    assert ((ratio > 0.6) & (ratio < 1.7)).all()
