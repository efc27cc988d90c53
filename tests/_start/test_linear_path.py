"""Setting the linear path of a network, beside closed forms and scikit-learn's regression."""

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from skae._start.linear_path import fit_linear_decoder, set_linear_path, start_error
from skae.architectures import Dense
from skae.corruptions import Masking
from skae.kinds import Denoising, Sparse, Variational
from skae.kinds.interface import LinearStart

N_FEATURES, N_COMPONENTS = 6, 2
RANDOM = np.random.default_rng(0)
AXES = np.linalg.qr(RANDOM.normal(size=(N_FEATURES, N_FEATURES)))[0][:N_COMPONENTS]
MEAN = RANDOM.normal(size=N_FEATURES)
ENCODE, DECODE = np.array([0.5, 3.0]), np.array([2.0, 0.25])


def tensor(array):
    return torch.from_numpy(np.asarray(array, dtype=float))


def start_with(**others):
    return LinearStart(tensor(ENCODE), tensor(DECODE), **others)


def set_path(network, start=None, residual_scale=0.7):
    set_linear_path(network, tensor(AXES), start or start_with(), tensor(MEAN), residual_scale)
    return network.eval()


@pytest.fixture
def made(make_network):
    def made(**parameters):
        return make_network(dtype=torch.float64, **parameters)

    return made


def test_rows_are_encoded_along_the_axes_and_decoded_back(X, made):
    network = set_path(made())
    with torch.no_grad():
        codes = network.encode(tensor(X)).numpy()
        decoded = network.decode(tensor(codes)).numpy()
    expected = (X - MEAN) @ AXES.T * ENCODE
    np.testing.assert_allclose(codes, expected, atol=1e-12)
    np.testing.assert_allclose(decoded, expected * DECODE @ AXES + MEAN, atol=1e-12)


def test_tied_weights_leave_the_axes_as_they_are(X, made):
    network = set_path(made(architecture=Dense((8,), tied_weights=True)))
    with torch.no_grad():
        codes = network.encode(tensor(X)).numpy()
        decoded = network.decode(tensor(codes)).numpy()
    np.testing.assert_allclose(codes, (X - MEAN) @ AXES.T, atol=1e-12)
    np.testing.assert_allclose(decoded, (X - MEAN) @ AXES.T @ AXES + MEAN, atol=1e-12)


def test_an_offset_is_what_the_mean_is_encoded_as(made):
    network = set_path(made(), start_with(encode_offset=tensor([0.1, -4.0])))
    with torch.no_grad():
        code = network.encode(tensor(MEAN[None]))
    np.testing.assert_allclose(code.numpy(), [[0.1, -4.0]], atol=1e-12)


def test_outputs_beyond_the_code_start_at_their_values(made):
    network = set_path(made(kind=Variational()), start_with(rest=tensor([-1.0, -2.0])))
    with torch.no_grad():
        output = network.encoder_output(tensor(MEAN[None])).numpy()
    np.testing.assert_allclose(output, [[0, 0, -1, -2]], atol=1e-12)


@pytest.mark.parametrize(("scale", "expected"), [(None, 0.7), (0.3, 0.3)])
def test_the_scale_of_a_likelihood_is_given_or_that_of_the_residual(made, scale, expected):
    network = set_path(made(kind=Variational()), start_with(scale=scale, rest=torch.zeros(2)))
    assert math.exp(network.log_scale.item()) == pytest.approx(expected)
    assert float(network.residual_scale) == pytest.approx(0.7)


class Stateful(Sparse):
    """Has a parameter of its own."""

    def new_state(self, n_components):
        state = torch.nn.Module()
        state.register_parameter("threshold", torch.nn.Parameter(torch.zeros(n_components)))
        return state


def test_tensors_of_the_kind_start_at_their_values(made):
    network = made(kind=Stateful())
    set_path(network, start_with(state={"threshold": tensor([4.0, 5.0])}))
    assert network.state.threshold.tolist() == [4, 5]
    set_path(network)
    assert network.state.threshold.tolist() == [4, 5]


def test_nothing_of_it_leaves_a_gradient(made):
    network = set_path(made())
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    assert all(p.is_leaf for p in network.parameters())


@pytest.mark.parametrize("weight", [np.ones(60), np.linspace(0, 3, 60)])
def test_the_decoder_is_the_ridge_regression_of_rows_by_codes(X, made, weight):
    network = set_path(made(kind=Sparse("topk", k=1)))
    fit_linear_decoder(network, tensor(X), tensor(weight))
    assert network.training
    network.eval()
    with torch.no_grad():
        codes = network.first_code(tensor(X)).numpy()
    fraction = weight / weight.sum()
    centred = codes - fraction @ codes
    penalty = 1e-3 * (fraction @ np.square(centred)).mean()
    ridge = Ridge(penalty).fit(codes, X, sample_weight=fraction)
    found = network.linear_decoder
    np.testing.assert_allclose(found.weight.detach().numpy(), ridge.coef_, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found.bias.detach().numpy(), ridge.intercept_, rtol=1e-8)


def test_codes_without_any_variance_are_decoded_as_the_mean(X, made):
    network = set_path(made(), LinearStart(torch.zeros(2).double(), tensor(DECODE)))
    fit_linear_decoder(network, tensor(X), torch.ones(60))
    np.testing.assert_allclose(network.linear_decoder.bias.detach().numpy(), X.mean(axis=0))
    assert torch.isfinite(network.linear_decoder.weight).all()


def test_the_error_of_a_start_is_that_of_corrupted_rows(X, made):
    network = set_path(made(kind=Denoising(Masking(fraction=0.5, fill=0.0))))
    error = start_error(network, tensor(X), torch.Generator().manual_seed(3))
    shown = network.kind.corrupt(tensor(X), network.features, torch.Generator().manual_seed(3))
    assert (shown != tensor(X)).any()
    with torch.no_grad():
        rebuilt = network.decode(network.encode(shown)).numpy()
    assert float(error) == pytest.approx(np.sqrt(np.square(rebuilt - X).mean()))
    assert not error.requires_grad
