import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skae import AutoencoderTransformer
from skae._data.lost_digits import warn_of_lost_digits
from skae._data.moments import Moments

RNG = np.random.default_rng(0)


def with_outlier(size, n_rows=500):
    X = RNG.normal(size=(n_rows, 3))
    X[0, 1] = size
    return X


@pytest.mark.parametrize("size", [1e10, 1e100, 1e300, -1e10])
def test_a_value_that_drowns_the_others_is_named(size):
    X = with_outlier(size)
    with pytest.warns(ConvergenceWarning, match=r"of feature 1 lie between -0\.\d+ and .*1 of 3"):
        warn_of_lost_digits(X, Moments.of(X))


@pytest.mark.parametrize(
    "X",
    [
        with_outlier(1e5),
        RNG.standard_cauchy((500, 3)),
        np.eye(500)[:, :3],  # mostly zeros: nothing is lost between those
        np.full((500, 3), 1e300),
        RNG.normal(size=(500, 3)) + 1e8,
    ],
)
def test_nothing_is_said_where_digits_are_left(X):
    warn_of_lost_digits(X, Moments.of(X))


def test_missing_values_do_not_matter():
    X = np.where(RNG.random((500, 3)) < 0.3, np.nan, with_outlier(1e10))
    X[0, 1], X[:, 2] = 1e10, np.nan
    with pytest.warns(ConvergenceWarning, match="feature 1"):
        warn_of_lost_digits(X, Moments.of(X))


def test_float64_is_a_remedy():
    X = with_outlier(1e12)
    quick = {"n_components": 2, "max_epochs": 1, "random_state": 0}
    with pytest.warns(ConvergenceWarning, match="precision='float64'"):
        single = AutoencoderTransformer(**quick).fit(X)
    double = AutoencoderTransformer(precision="float64", **quick).fit(X)
    assert double.score_samples(X[1:]).mean() > 0.1 * single.score_samples(X[1:]).mean()
    assert np.ptp(double.transform(X[1:]), axis=0).min() > 0
