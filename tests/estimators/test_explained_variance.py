import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.decomposition import PCA

from skae._data.moments import Moments
from skae._network.build import new_network
from skae._network.fitted_network import FittedNetwork
from skae._network.network_spec import NetworkSpec
from skae._start.linear_path import set_linear_path
from skae.architectures import Dense
from skae.estimators._explained_variance import (
    component_fractions,
    explained_fraction,
    squared_distances,
)
from skae.kinds import Undercomplete
from skae.losses import MSE


@pytest.mark.parametrize(
    ("errors", "distances", "fraction"),
    [(0.0, 4.0, 1.0), (1.0, 4.0, 0.75), (4.0, 4.0, 0.0), (8.0, 4.0, -1.0)],
)
def test_fraction_is_one_minus_the_ratio(errors, distances, fraction):
    assert explained_fraction(errors, distances) == fraction


def test_fraction_of_no_variance():
    assert explained_fraction(0.0, 0.0) == 1.0
    assert explained_fraction(1e-3, 0.0) == 0.0


@pytest.mark.parametrize("convert", [np.asarray, np.float32, sp.csr_matrix, sp.csr_array])
def test_distance_is_numpys(X, convert, monkeypatch):
    monkeypatch.setattr("skae._data.blocks._BLOCK_ENTRIES", 50)
    mean = np.linspace(0, 5, 6)
    expected = ((X - mean) ** 2).sum()
    np.testing.assert_allclose(squared_distances(convert(X), mean).sum(), expected, rtol=1e-6)


def test_distance_of_integers_does_not_overflow():
    X = np.array([[0, 255], [250, 3]], dtype=np.uint8)
    assert squared_distances(X, np.array([1.0, 4.0])).sum() == 1 + 251**2 + 249**2 + 1


def fitted_pca(X, n_components, precision="float64"):
    """A linear network at PCA's solution, and that PCA."""
    scaling = Moments.of(X).scaling(rescales=True)
    pca = PCA(n_components, svd_solver="full").fit(scaling.apply(X, np.float64))
    spec = NetworkSpec(
        kind=Undercomplete(),
        architecture=Dense(hidden_layer_sizes=()),
        loss=MSE(),
        n_features=X.shape[1],
        n_components=n_components,
        linear_path=True,
        scaling=scaling,
        precision=precision,
    )
    network = new_network(spec, torch.device("cpu"))
    start = spec.kind.linear_start(torch.from_numpy(pca.explained_variance_**0.5), 0.0)
    axes, mean = torch.from_numpy(pca.components_), torch.from_numpy(pca.mean_)
    set_linear_path(network, axes, start, mean, residual_scale=1.0)
    return FittedNetwork.of(spec, network), pca


@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("n_components", [1, 3, 6])
def test_fractions_of_a_linear_network_are_pcas(X, n_components, precision, tolerance):
    fitted, pca = fitted_pca(X, n_components, precision)
    for form in (X, sp.csr_matrix(X)):
        fractions = component_fractions(fitted, form, X.mean(axis=0), "cpu")
        assert fractions.dtype == np.float64
        np.testing.assert_allclose(fractions, pca.explained_variance_ratio_, atol=tolerance)


def test_fractions_do_not_depend_on_the_origin_of_the_code(X):
    fitted, pca = fitted_pca(X, 3)
    weights = dict(fitted.weights)
    shift = np.array([3.0, -7.0, 20.0])
    weights["linear_encoder.bias"] = weights["linear_encoder.bias"] + shift
    moved = weights["linear_decoder.weight"] @ shift
    weights["linear_decoder.bias"] = weights["linear_decoder.bias"] - moved
    fitted = FittedNetwork(fitted.spec, weights)
    fractions = component_fractions(fitted, X, X.mean(axis=0), "cpu")
    np.testing.assert_allclose(fractions, pca.explained_variance_ratio_, atol=1e-10)


def test_fractions_add_up_to_the_score(X):
    fitted, _ = fitted_pca(X, 3)
    weights = {name: np.asarray(w * 1.1 + 0.01) for name, w in fitted.weights.items()}
    fitted = FittedNetwork(fitted.spec, weights)
    codes = fitted.encode(X, "cpu", np.dtype(float))
    error = ((X - fitted.decode(codes, "cpu", np.dtype(float))) ** 2).sum()
    mean = X.mean(axis=0)
    fractions = component_fractions(fitted, X, mean, "cpu")
    assert np.isclose(fractions.sum(), explained_fraction(error, squared_distances(X, mean).sum()))


def test_fractions_are_measured_on_the_first_rows(X, monkeypatch):
    fitted, _ = fitted_pca(X, 2)
    mean = X.mean(axis=0)
    expected = component_fractions(fitted, X[:20], mean, "cpu")
    monkeypatch.setattr("skae.estimators._explained_variance._MOST_ROWS", 20)
    np.testing.assert_array_equal(component_fractions(fitted, X, mean, "cpu"), expected)
