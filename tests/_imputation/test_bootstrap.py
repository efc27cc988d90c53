import numpy as np
import pytest
import torch

from skae._data.moments import Moments
from skae._data.rows import Rows
from skae._imputation.bootstrap import Bootstrap, drawn_errors, filled_rows
from skae._imputation.bootstrap import expected_variances as variances


def rows_of(n_rows, n_features=2, seed=0):
    random = np.random.RandomState(seed)
    X = random.randn(n_rows, 1) + random.randn(n_rows, n_features)
    scaling = Moments.of(X).scaling(rescales=True, each=True)
    return Rows(X, scaling, torch.device("cpu"), torch.float32)


def bootstrap_of(rows, n_rows=None, seed=0, n_values=10.0, shrinkage=0.0):
    simplicity = shrinkage if rows.shape[1] <= 40 else 1  # a number of factors
    random, weight = np.random.RandomState(seed), torch.ones(len(rows))
    return Bootstrap.of(rows, weight, n_rows or len(rows), n_values, simplicity, random)


def test_parameters_vary_as_estimates_do():
    """The mean of 100 standardised values has a standard error of a tenth."""
    rows = rows_of(100)
    found = [bootstrap_of(rows, seed=seed).mean for seed in range(5)]
    assert np.concatenate(found).std() == pytest.approx(0.1, rel=0.2)


def test_parameters_of_a_part_of_many_rows_are_drawn_back():
    """A distribution of 500 of 10,000 rows varies too much, by the root of 20."""
    rows = rows_of(500, 60)
    bootstrap = bootstrap_of(rows, n_rows=10_000)
    assert bootstrap.shrinkage == pytest.approx(0.05**0.5)
    assert (bootstrap.shrinkage * bootstrap.mean).std() == pytest.approx(0.01, rel=0.2)


def test_many_features_get_fewer_distributions():
    assert len(bootstrap_of(rows_of(20, 1200))) == 13


def test_draws_of_the_ratio_are_those_of_a_variance_of_few_values():
    rows = rows_of(60)
    ratio = np.concatenate([bootstrap_of(rows, seed=i, n_values=50.0).ratio for i in range(10)])
    assert ratio.shape == (200,)
    assert np.square(1 / ratio).mean() == pytest.approx(1, abs=0.05)
    assert np.square(1 / ratio).std() == pytest.approx((2 / 50) ** 0.5, rel=0.2)


def test_expected_squares_are_the_mean_square_of_draws():
    """Those of the conditional variance and of the shift of the mean."""
    rows = rows_of(15, 3)
    bootstrap = bootstrap_of(rows)
    X = np.array([[0.5, np.nan, -1.0], [2.0, np.nan, np.nan]], dtype=np.float32)
    middle = filled_rows(bootstrap.filling(0), X)
    generator, squares = torch.Generator().manual_seed(0), []
    for i in range(len(bootstrap)):
        filling = bootstrap.filling(i)
        shift = filled_rows(filling, X) - middle
        drawn = [drawn_errors(filling, np.isnan(X), generator) + shift for _ in range(300)]
        squares.append(np.square(drawn).mean(axis=0))
    missing = np.isnan(X)
    found = bootstrap.expected_squares(X, middle)
    np.testing.assert_allclose(found[missing], np.mean(squares, axis=0)[missing], rtol=0.06)
    assert (found[missing] > variances(bootstrap.filling(0), X)[missing]).any()


@pytest.mark.parametrize(("n_rows", "same"), [(60, True), (12, False)])
def test_parameters_of_enough_rows_are_not_shrunk(n_rows, same):
    rows = rows_of(n_rows, 3)
    shrunk, unshrunk = (bootstrap_of(rows, shrinkage=shrinkage) for shrinkage in (0.3, 0.0))
    assert np.array_equal(shrunk.factor, unshrunk.factor) == same
