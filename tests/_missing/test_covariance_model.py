import numpy as np
import pytest
import torch

from skae._missing.covariance_model import CovarianceModel
from skae._missing.gaussian_fit import Sample


def sample_of(X, weight=None):
    X = torch.as_tensor(X, dtype=torch.float64)
    known = (~torch.isnan(X)).double()
    weight = torch.ones(len(X)).double() if weight is None else torch.as_tensor(weight).double()
    return Sample(torch.nan_to_num(X), known, weight)


def incomplete(n_rows=400, n_features=4, share=0.3, seed=0):
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(n_features, n_features))
    X = random.normal(size=(n_rows, n_features)) @ mixing
    X = (X - X.mean(0)) / X.std(0)
    return np.where(random.random(X.shape) < share, np.nan, X), np.cov(X.T, bias=True)


def log_likelihood(model, X):
    """Of the known entries, one row at a time."""
    total = 0.0
    for row in X:
        known = ~np.isnan(row)
        if known.any():
            covariance = model.covariance[known][:, known] + 1e-6 * torch.eye(int(known.sum()))
            normal = torch.distributions.MultivariateNormal(model.mean[known], covariance)
            total += float(normal.log_prob(torch.from_numpy(row[known])))
    return total


def fit(X, shrinkage=0.0, n_iterations=30, weight=None, start=None):
    return CovarianceModel.fit(sample_of(X, weight), shrinkage, None, n_iterations, start)


def test_complete_rows_give_their_covariance():
    X, _ = incomplete(share=0.0)
    model = fit(X)
    np.testing.assert_allclose(model.covariance, np.cov(X.T, bias=True), atol=1e-10)
    np.testing.assert_allclose(model.mean, X.mean(0), atol=1e-10)


@pytest.mark.slow
def test_the_likelihood_of_known_entries_rises_in_every_iteration():
    X, _ = incomplete()
    likelihoods = [log_likelihood(fit(X, n_iterations=n), X) for n in range(8)]
    assert (np.diff(likelihoods) > 0).all()


def test_the_covariance_of_all_entries_is_found_from_those_known():
    X, covariance = incomplete(n_rows=20_000)
    np.testing.assert_allclose(fit(X, n_iterations=100).covariance, covariance, atol=0.05)


def test_weights_count_rows():
    X, _ = incomplete(n_rows=60)
    weight = np.random.default_rng(0).integers(1, 4, size=60)
    repeated = fit(np.repeat(X, weight, axis=0))
    weighted = fit(X, weight=weight)
    torch.testing.assert_close(weighted.covariance, repeated.covariance)
    torch.testing.assert_close(weighted.mean, repeated.mean)


def test_shrinkage_takes_from_correlations_and_not_from_variances():
    X, _ = incomplete(share=0.0)
    covariance = np.cov(X.T, bias=True)
    shrunk = fit(X, shrinkage=0.2, n_iterations=1).covariance
    expected = 0.8 * covariance + 0.2 * np.diag(np.diag(covariance))
    np.testing.assert_allclose(shrunk, expected, atol=1e-10)


@pytest.mark.parametrize("singular", [False, True])
def test_factors_are_those_of_the_covariance(singular):
    X, _ = incomplete()
    if singular:
        X[:, 3] = X[:, 0]
    model = fit(X)
    factor, noise = model.factors()
    rebuilt = factor @ factor.T + noise**2 * torch.eye(4)
    torch.testing.assert_close(rebuilt, model.covariance, atol=1e-5, rtol=0)


def test_predictions_are_conditional_means():
    X, _ = incomplete()
    model = fit(X)
    predicted = model.predict(sample_of(X))
    row = X[np.isnan(X).sum(1) == 2][0]
    known = ~np.isnan(row)
    covariance = model.covariance.numpy()
    weights = covariance[~known][:, known] @ np.linalg.inv(covariance[known][:, known])
    expected = model.mean[~known].numpy() + weights @ (row[known] - model.mean[known].numpy())
    place = np.flatnonzero(np.isnan(X).sum(1) == 2)[0]
    np.testing.assert_allclose(predicted[place, ~known], expected, atol=1e-4)
    np.testing.assert_array_equal(predicted[place, known], row[known])


def test_a_start_near_the_end_takes_fewer_iterations():
    X, _ = incomplete()
    end = fit(X, n_iterations=100)
    one_more = fit(X, n_iterations=1, start=end)
    assert (one_more.covariance - end.covariance).abs().max() < 1e-3
    assert (fit(X, n_iterations=1).covariance - end.covariance).abs().max() > 0.05
