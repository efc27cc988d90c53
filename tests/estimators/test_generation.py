"""Draws, paths between rows, and which kinds have likelihoods."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError

from skae import AutoencoderTransformer
from skae.architectures import Dense
from skae.kinds import KINDS, Sparse, Undercomplete, Variational

X = load_iris().data
every_kind = pytest.mark.parametrize("name", KINDS)
pytestmark = pytest.mark.filterwarnings(
    r"ignore:n_components=\d+ is not larger than the:UserWarning"
)


def quick(kind, n_components=2, **parameters):
    parameters = {"max_epochs": 3, "early_stopping": False, "random_state": 0, **parameters}
    return AutoencoderTransformer(n_components, kind=kind, **parameters)


@pytest.fixture(scope="module")
def fitted():
    return {name: quick(name).fit(X) for name in KINDS}


@every_kind
def test_sample(fitted, name):
    ae = fitted[name]
    drawn = ae.sample(30, random_state=0)
    assert drawn.shape == (30, 4)
    assert drawn.dtype == np.float64
    assert len(np.unique(drawn, axis=0)) > 20
    assert np.array_equal(drawn, ae.sample(30, random_state=0))
    assert not np.allclose(drawn, ae.sample(30, random_state=1))
    assert ae.sample().shape == (1, 4)
    assert np.array_equal(drawn, pickle.loads(pickle.dumps(ae)).sample(30, random_state=0))
    from_state = ae.sample(30, random_state=np.random.RandomState(0))
    assert np.array_equal(drawn, from_state)


@every_kind
def test_none_draws_from_fresh_entropy(fitted, name):
    before = np.random.get_state()[1].copy()
    first, second = (fitted[name].sample(20) for _ in range(2))
    assert not np.allclose(first, second)
    assert np.array_equal(np.random.get_state()[1], before)


@every_kind
def test_mixture_is_near_the_data(fitted, name):
    drawn = fitted[name].sample(4000, random_state=0, density="gaussian_mixture")
    rebuilt = fitted[name].reconstruct(X)
    np.testing.assert_allclose(drawn.mean(axis=0), rebuilt.mean(axis=0), atol=0.15)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(rebuilt.T), atol=0.35)


def test_default_density(fitted):
    for name, ae in fitted.items():
        default = ae.sample(9, random_state=0)
        mixture = ae.sample(9, random_state=0, density="gaussian_mixture")
        assert np.array_equal(default, mixture) == (name != "variational")
    prior = fitted["variational"].sample(9, random_state=0, density="prior")
    assert np.array_equal(prior, fitted["variational"].sample(9, random_state=0))
    codes = np.random.RandomState(0).standard_normal((9, 2))
    assert np.array_equal(prior, fitted["variational"].inverse_transform(codes))


def test_prior_of_a_linear_model_has_the_moments_of_the_data():
    digits = load_digits().data
    parts = {"kind": "variational", "architecture": Dense(hidden_layer_sizes=())}
    ae = AutoencoderTransformer(10, **parts, max_epochs=1, random_state=0).fit(digits)
    drawn = ae.sample(20_000, random_state=0)
    np.testing.assert_allclose(drawn.mean(axis=0), digits.mean(axis=0), atol=0.3)
    values, vectors = np.linalg.eigh(np.cov(digits.T))
    along = (drawn - drawn.mean(axis=0)) @ vectors
    # Without the decoder's noise, the variance along the axes is that of the data less the noise.
    noise = values[:-10].mean()
    np.testing.assert_allclose(along.var(axis=0)[-10:], values[-10:] - noise, rtol=0.15)
    assert along.var(axis=0)[:-10].max() < 0.1 * noise + 1


@pytest.mark.parametrize("density", ["normal", "kde", None, 3])
def test_unknown_densities(fitted, density):
    with pytest.raises(ValueError, match=r"density must be one of \['auto', .*got"):
        fitted["variational"].sample(density=density)


@pytest.mark.parametrize("name", [name for name in KINDS if not KINDS[name].has_posterior])
def test_prior_needs_a_kind_with_one(fitted, name):
    with pytest.raises(ValueError, match=r"density='prior' needs a kind .* use 'gaussian_mixture'"):
        fitted[name].sample(density="prior")


@pytest.mark.parametrize("n_samples", [0, -1, 2.5, "3", None])
def test_number_of_samples(fitted, n_samples):
    with pytest.raises(ValueError, match="n_samples must be an integer >= 1, got"):
        fitted["undercomplete"].sample(n_samples)


def test_before_fit():
    for method, arguments in (("sample", ()), ("interpolate", (X[0], X[1]))):
        with pytest.raises(NotFittedError):
            getattr(quick("variational"), method)(*arguments)


# --- paths


@every_kind
def test_ends_of_a_path_are_reconstructions(fitted, name):
    ae = fitted[name]
    path = ae.interpolate(X[0], X[140], n_steps=5)
    assert path.shape == (5, 4)
    np.testing.assert_allclose(path[[0, -1]], ae.reconstruct(X[[0, 140]]), rtol=1e-6)


@every_kind
def test_paths_are_straight_between_codes(fitted, name):
    ae = fitted[name]
    start, end = ae.transform(X[[0, 140]])
    codes = np.linspace(start, end, 7)
    path = ae.interpolate(X[0], X[140], n_steps=7)
    np.testing.assert_allclose(path, ae.inverse_transform(codes), rtol=1e-6)


def test_paths_between_several_rows(fitted):
    ae = fitted["undercomplete"]
    paths = ae.interpolate(X[:3], X[100:103], n_steps=4)
    assert paths.shape == (3, 4, 4)
    for path, a, b in zip(paths, X[:3], X[100:103], strict=True):
        np.testing.assert_allclose(path, ae.interpolate(a, b, n_steps=4), rtol=1e-6)
    assert ae.interpolate(X[0], X[1]).shape == (10, 4)


def test_paths_with_sparse_codes():
    ae = quick(Sparse("topk", k=2, sparse_output=True), 8).fit(X)
    path = ae.interpolate(X[0], X[140], n_steps=3)
    np.testing.assert_allclose(path[[0, -1]], ae.reconstruct(X[[0, 140]]), rtol=1e-6)


@pytest.mark.parametrize(("x_a", "x_b"), [(X[0], X[:2]), (X[:2], X[:3])])
def test_shapes_that_do_not_fit(fitted, x_a, x_b):
    with pytest.raises(ValueError, match=r"x_a and x_b must be two samples, .* got shapes"):
        fitted["undercomplete"].interpolate(x_a, x_b)


def test_samples_of_another_shape(fitted):
    with pytest.raises(ValueError, match=r"samples of shape \(2, 4\), but .* of shape \(4,\)"):
        fitted["undercomplete"].interpolate(X[None, :2], X[None, :2])


def test_rows_with_other_features(fitted):
    with pytest.raises(ValueError, match="X has 3 features"):
        fitted["undercomplete"].interpolate(X[0, :3], X[1, :3])


@pytest.mark.parametrize("n_steps", [1, 0, 2.5, "4"])
def test_number_of_steps(fitted, n_steps):
    with pytest.raises(ValueError, match="n_steps must be an integer >= 2, got"):
        fitted["undercomplete"].interpolate(X[0], X[1], n_steps=n_steps)


# --- which kinds have likelihoods


@pytest.mark.parametrize("method", ["posterior", "elbo", "log_likelihood"])
def test_methods_are_there_where_codes_are_distributions(fitted, method):
    for name in KINDS:
        available = name == "variational"
        for ae in (quick(name), quick(KINDS[name]()), fitted[name]):
            assert hasattr(ae, method) == available
    assert hasattr(quick(Variational(beta=2.0)), method)
    assert not hasattr(quick("nonsense"), method)
    with pytest.raises(AttributeError, match=method) as error:
        getattr(quick(Undercomplete()), method)
    assert "kind='variational'" in str(error.value.__cause__)
    assert "Undercomplete()" in str(error.value.__cause__)


def test_methods_follow_the_fitted_kind(fitted):
    ae = quick("variational").fit(X)
    ae.set_params(kind="undercomplete")
    assert ae.elbo(X).shape == (150,)
    assert not hasattr(ae.fit(X), "elbo")
