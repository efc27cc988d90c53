import numpy as np
import pytest
import torch

from skae._data.rows import Rows
from skae._data.scaling import Scaling
from skae._missing.covariance_model import CovarianceModel
from skae._missing.factor_model import FactorModel
from skae._missing.filling import Filling
from skae._missing.gaussian_fit import (
    MOST_FEATURES,
    conditional_draws,
    conditional_means,
    fit_gaussian,
    most_rows,
)


def rows_of(X):
    scaling = Scaling(np.zeros(X.shape[1]), 1.0)
    return Rows(X, scaling, torch.device("cpu"), torch.float32)


def fit(X, weight=None, **kwargs):
    weight = torch.ones(len(X)) if weight is None else torch.as_tensor(weight)
    return fit_gaussian(rows_of(X), weight, 0, **kwargs)


def correlated(n_rows, n_features, share=0.3, seed=0):
    random = np.random.default_rng(seed)
    factor = random.normal(size=(n_features, 3))
    X = random.normal(size=(n_rows, 3)) @ factor.T + 0.3 * random.normal(size=(n_rows, n_features))
    X = X * 10.0 ** random.uniform(-3, 3, n_features) + 5
    return X, random.random(X.shape) < share


@pytest.mark.parametrize("n_features", [6, MOST_FEATURES + 5])
def test_features_of_unlike_units_are_filled(n_features):
    X, missing = correlated(800, n_features)
    filled = conditional_means(np.where(missing, np.nan, X), seed=0)
    assert np.array_equal(filled[~missing], X[~missing])
    error = np.where(missing, (filled - X) / X.std(0), 0)
    explained = 1 - np.square(error).sum(0) / missing.sum(0)
    assert np.median(explained) > 0.8


def test_few_rows_of_unrelated_features_are_shrunk():
    random = np.random.default_rng(0)
    unrelated = np.where(random.random((40, 15)) < 0.3, np.nan, random.normal(size=(40, 15)))
    related, missing = correlated(2000, 15)
    related = np.where(missing, np.nan, related)
    assert fit(unrelated)[1] == CovarianceModel.choices[0]
    assert fit(related)[1] <= 0.01


def test_the_number_of_factors_is_that_of_the_data():
    X, missing = correlated(1000, 60)
    gaussian, rank = fit(np.where(missing, np.nan, X))
    assert gaussian.factor.shape == (60, rank)
    assert rank in (3, 4)
    assert rank in FactorModel.choices


def test_what_was_chosen_is_taken_again():
    X, missing = correlated(200, 5)
    gaussian, chosen = fit(np.where(missing, np.nan, X), simplicity=0.3)
    assert chosen == 0.3
    free, _ = fit(np.where(missing, np.nan, X), simplicity=0.0)
    assert not torch.allclose(gaussian.factor, free.factor)


def test_rows_of_weight_zero_are_not_looked_at():
    X, missing = correlated(300, 5)
    X = np.where(missing, np.nan, X)
    spoiled = np.concatenate([X, np.full((50, 5), 1e6)])
    weight = np.repeat([1.0, 0.0], [300, 50])
    expected, _ = fit(X)
    found, _ = fit(spoiled, weight)
    torch.testing.assert_close(found.mean, expected.mean)
    torch.testing.assert_close(found.deviation, expected.deviation)


def test_features_without_spread_or_without_values_are_filled_by_what_is_known():
    X = np.random.default_rng(0).normal(size=(100, 4))
    X[:, 1], X[:, 2], X[::2, 0] = 3.0, np.nan, np.nan
    X[0, 1] = np.nan
    gaussian, _ = fit(X)
    filling = Filling(4, gaussian.factor.shape[1])
    filling.set(gaussian)
    filled = filling(torch.from_numpy(X).float())
    assert torch.isfinite(filled).all()
    assert float(filled[0, 1]) == pytest.approx(3.0, abs=1e-3)
    torch.testing.assert_close(filled[:, 2], torch.zeros(100), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("n_features", "n_rows"), [(5, 20_000), (40, 3125), (41, 818_400)])
def test_so_many_rows_are_looked_at(n_features, n_rows):
    assert most_rows(n_features) == n_rows


def test_a_tall_table_is_looked_at_in_part(monkeypatch):
    monkeypatch.setattr("skae._missing.gaussian_fit._MOST_ROWS", 1000)
    X, missing = correlated(4000, 5)
    everything = np.where(missing, np.nan, X)
    found, _ = fit(everything)
    monkeypatch.undo()
    expected, _ = fit(everything)
    assert not torch.equal(found.mean, expected.mean)
    torch.testing.assert_close(found.deviation, expected.deviation, rtol=0.1, atol=0)


@pytest.mark.parametrize("n_features", [5, 45])
def test_draws_have_the_covariance_of_complete_rows(n_features):
    """That of conditional means would be smaller."""
    rng = np.random.default_rng(0)
    units = np.geomspace(0.1, 10, n_features)
    shared = rng.normal(size=(2000, 2)) @ rng.normal(size=(2, n_features))
    X = units * (3 + shared + 0.5 * rng.normal(size=(2000, n_features)))
    missing = rng.random(X.shape) < 0.4
    drawn = conditional_draws(np.where(missing, np.nan, X), 0)
    np.testing.assert_array_equal(drawn[~missing], X[~missing])
    found, expected = (np.cov((rows / units).T) for rows in (drawn, X))
    np.testing.assert_allclose(found, expected, atol=0.15 * expected.max())
    np.testing.assert_allclose(np.diag(found), np.diag(expected), rtol=0.3)
    again = conditional_draws(np.where(missing, np.nan, X), 0)
    np.testing.assert_array_equal(again, drawn)


def test_a_column_without_known_values_is_drawn_as_zero():
    X = np.random.default_rng(0).normal(size=(50, 3))
    X[:, 1], X[3, 0] = np.nan, np.nan
    drawn = conditional_draws(X, 0)
    assert (drawn[:, 1] == 0).all()
    assert np.isfinite(drawn).all()
