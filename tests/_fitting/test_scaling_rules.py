"""The scaling in front of a network, beside numpy's and scikit-learn's."""

import numpy as np
import pytest
from sklearn.preprocessing import RobustScaler, StandardScaler

from skae._data.moments import Moments
from skae._fitting.scaling_rules import (
    one_scale,
    one_scale_within_limits,
    own_scales,
    robust_scales,
)
from skae.losses import BCE, MSE

FAR = 1e12
WEIGHT = np.linspace(0.2, 2, 60)


def scaled(rule, X, loss=None, sample_weight=None):
    scaling = rule(Moments.of(X, sample_weight), X, loss or MSE())
    return scaling.apply(X, np.float64)


@pytest.mark.parametrize("rule", [one_scale, one_scale_within_limits])
def test_one_scale_is_the_root_of_the_mean_variance(X, rule):
    expected = (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0).mean())
    np.testing.assert_allclose(scaled(rule, X), expected)


def test_own_scales_are_those_of_the_standard_scaler(X):
    np.testing.assert_allclose(scaled(own_scales, X), StandardScaler().fit_transform(X))


def test_robust_scales_are_those_of_the_robust_scaler(X):
    expected = RobustScaler(unit_variance=True).fit_transform(X)
    np.testing.assert_allclose(scaled(robust_scales, X), expected)


@pytest.mark.parametrize("rule", [one_scale, own_scales])
def test_rows_count_by_their_weight(X, rule):
    mean = np.average(X, axis=0, weights=WEIGHT)
    variances = np.average(np.square(X - mean), axis=0, weights=WEIGHT)
    expected = np.sqrt(variances if rule is own_scales else variances.mean())
    np.testing.assert_allclose(scaled(rule, X, sample_weight=WEIGHT), (X - mean) / expected)


@pytest.mark.parametrize("rule", [one_scale, one_scale_within_limits, own_scales, robust_scales])
def test_a_loss_that_takes_rows_as_they_are_gets_them_so(X, rule):
    X = X / X.max()
    np.testing.assert_array_equal(scaled(rule, X, BCE()), X)


@pytest.mark.parametrize(
    ("rule", "limited"),
    [
        (one_scale, False),
        (one_scale_within_limits, True),
        (own_scales, True),
        (robust_scales, True),
    ],
)
@pytest.mark.parametrize("loss", [MSE(), BCE()])
def test_only_rules_with_limits_cut_off_what_is_far_away(X, rule, limited, loss):
    scaling = rule(Moments.of(X), X, loss)
    far = scaling.apply(np.full((1, 6), FAR) * scaling.scale, np.float64)
    near = scaling.apply(X, np.float64)
    assert np.abs(near).max() < 100
    assert bool(far.max() == 1e9) is limited
    assert limited or far.min() > 0.9 * FAR


@pytest.mark.parametrize("rule", [one_scale, one_scale_within_limits, own_scales, robust_scales])
def test_constant_features_are_divided_by_one(rule):
    X = np.full((20, 3), 7.0)
    np.testing.assert_array_equal(scaled(rule, X), np.zeros((20, 3)))


def test_a_feature_that_is_mostly_one_value_has_its_standard_deviation_as_robust_scale():
    X = np.zeros((40, 2))
    X[:4, 0] = [1.0, 2.0, 3.0, 4.0]
    X[:, 1] = np.arange(40)
    np.testing.assert_allclose(scaled(robust_scales, X)[:4, 0], X[:4, 0] / X[:, 0].std())
