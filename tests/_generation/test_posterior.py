"""What a network whose codes are distributions says about rows."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.datasets import load_iris

from skae import AutoencoderTransformer

X = load_iris().data


@pytest.fixture(scope="module")
def fitted():
    """Trained until its posterior is no longer that of probabilistic PCA, which is exact."""
    parameters = {"max_epochs": 60, "early_stopping": False, "random_state": 0}
    return AutoencoderTransformer(2, kind="variational", **parameters).fit(X)


def by_hand(ae, rows, n_draws):
    """Return log p(x, z) - log q(z | x) of draws, by torch's distributions."""
    network, scale = ae._fitted.network("cpu"), ae.scale_
    mean, deviation = (torch.from_numpy(values) for values in ae.posterior(rows))
    noise = np.random.RandomState(0).standard_normal((n_draws, 2))
    q = torch.distributions.Normal(mean, deviation)
    terms = []
    for each in noise:
        code = mean + deviation * torch.from_numpy(each)
        output = torch.from_numpy(ae.inverse_transform(code.numpy()))
        likelihood = torch.distributions.Normal(output, scale * float(network.log_scale.exp()))
        prior = torch.distributions.Normal(0.0, 1.0).log_prob(code) - q.log_prob(code)
        terms.append(likelihood.log_prob(torch.from_numpy(rows)).sum(1) + prior.sum(1))
    return torch.stack(terms).numpy()


def test_one_importance_sample_is_one_draw(fitted):
    values = fitted.log_likelihood(X, n_importance_samples=1, random_state=0)
    np.testing.assert_allclose(values, by_hand(fitted, X, 1)[0], rtol=1e-4, atol=1e-4)


def test_importance_samples_are_averaged_as_weights(fitted):
    values = fitted.log_likelihood(X, n_importance_samples=5, random_state=0)
    expected = np.log(np.exp(by_hand(fitted, X, 5)).mean(axis=0))
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_log_likelihood_grows_with_the_samples(fitted):
    means = [
        np.mean([fitted.log_likelihood(X, k, random_state=seed).mean() for seed in range(60)])
        for k in (1, 5, 50)
    ]
    assert means[0] < means[1] < means[2]
    assert fitted.elbo(X).mean() < means[2]


def test_one_importance_sample_has_the_expectation_of_the_bound(fitted):
    single = np.mean([fitted.log_likelihood(X, 1, random_state=s).mean() for s in range(100)])
    assert single == pytest.approx(fitted.elbo(X, n_draws=500).mean(), abs=0.1)


def test_posterior_is_deterministic_and_positive(fitted):
    mean, deviation = fitted.posterior(X)
    assert mean.shape == deviation.shape == (150, 2)
    assert np.array_equal(mean, fitted.transform(X))
    assert (deviation > 0).all()
    assert (deviation < 1).all()
    again = fitted.posterior(X)
    assert np.array_equal(mean, again[0])
    assert np.array_equal(deviation, again[1])


@pytest.mark.parametrize("method", ["elbo", "log_likelihood"])
def test_bounds_do_not_depend_on_the_other_rows(fitted, method):
    bound = getattr(fitted, method)
    together = bound(np.tile(X, (3, 1)))
    assert together.dtype == np.float64
    assert together.shape == (450,)
    assert np.array_equal(bound(X[7:9]), together[7:9])
    assert np.array_equal(together[:150], together[300:])


@pytest.mark.parametrize("method", ["elbo", "log_likelihood"])
def test_random_state_of_the_bounds(fitted, method):
    bound = getattr(fitted, method)
    assert np.array_equal(bound(X), bound(X, random_state=0))
    assert not np.array_equal(bound(X), bound(X, random_state=1))
    assert not np.array_equal(bound(X, random_state=None), bound(X, random_state=None))


def test_more_draws_give_a_steadier_bound(fitted):
    few, many = (
        np.std([fitted.elbo(X, n_draws=n, random_state=seed) for seed in range(10)], axis=0).mean()
        for n in (2, 64)
    )
    assert many < 0.7 * few


def test_dtype_of_the_posterior_is_that_of_the_rows(fitted):
    mean, deviation = fitted.posterior(X.astype(np.float32))
    assert mean.dtype == deviation.dtype == np.float32


def test_sparse_rows(fitted):
    rows = sp.csr_matrix(X)
    assert np.array_equal(fitted.elbo(rows), fitted.elbo(X))
    assert np.array_equal(fitted.posterior(rows)[1], fitted.posterior(X)[1])


@pytest.mark.parametrize("value", [0, -3, 2.0, "5", None])
def test_numbers_of_draws(fitted, value):
    with pytest.raises(ValueError, match="n_draws must be an integer >= 1, got"):
        fitted.elbo(X, n_draws=value)
    with pytest.raises(ValueError, match="n_importance_samples must be an integer >= 1, got"):
        fitted.log_likelihood(X, value)


def test_rows_are_validated(fitted):
    for method in (fitted.posterior, fitted.elbo, fitted.log_likelihood):
        with pytest.raises(ValueError, match="X has 3 features"):
            method(X[:, :3])
