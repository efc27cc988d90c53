"""The terms of the evidence lower bound, against torch's distributions and closed forms."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Laplace, Normal, kl_divergence

from skae._generation.bound import Bound, balanced_draws
from skae.kinds import Variational
from skae.losses import BCE, MAE, MSE


@pytest.mark.parametrize("n_draws", [2, 4, 32, 100])
def test_even_draws_are_balanced(n_draws):
    draws = balanced_draws(n_draws, 5, np.random.RandomState(0))
    assert draws.shape == (n_draws, 5)
    np.testing.assert_allclose(draws.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(np.square(draws).mean(axis=0), 1, rtol=1e-12)
    half = n_draws // 2
    np.testing.assert_array_equal(draws[:half], -draws[half:])
    assert len(np.unique(draws[:half], axis=0)) == half


def test_odd_draws_have_unit_variance():
    draws = balanced_draws(7, 5, np.random.RandomState(0))
    assert draws.shape == (7, 5)
    np.testing.assert_allclose(np.square(draws).mean(axis=0), 1, rtol=1e-12)


def test_a_single_draw_is_left_as_it_is():
    draws = balanced_draws(1, 5, np.random.RandomState(0))
    assert np.array_equal(draws, np.random.RandomState(0).standard_normal((1, 5)))


@pytest.mark.parametrize("n_draws", [1, 2, 7])
def test_draws_are_those_of_the_random_state(n_draws):
    first, again, other = (
        balanced_draws(n_draws, 3, np.random.RandomState(seed)) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    # Two balanced draws of one value are -1 and 1 in one order or the other.
    assert n_draws == 2 or not np.array_equal(first, other)
    state = np.random.RandomState(0)
    assert not np.array_equal(balanced_draws(8, 3, state), balanced_draws(8, 3, state))


def test_many_draws_are_normal():
    draws = balanced_draws(20_000, 2, np.random.RandomState(0))
    assert np.mean(draws**4) == pytest.approx(3, abs=0.15)
    assert np.mean(draws[:, 0] * draws[:, 1]) == pytest.approx(0, abs=0.04)
    assert np.mean(np.abs(draws) < 1) == pytest.approx(0.6827, abs=0.01)


# Bound


@pytest.fixture
def rows():
    return torch.from_numpy(np.random.default_rng(0).normal(size=(15, 6)))


@pytest.fixture
def variational(make_network):
    def variational(n_components=2, loss=None, linear_path=False, dtype=torch.float64):
        network = make_network(
            n_components=n_components,
            kind=Variational(),
            loss=loss,
            linear_path=linear_path,
            dtype=dtype,
        )
        network.eval().requires_grad_(False)
        if network.log_scale is not None:
            network.log_scale.fill_(-0.7)
        return network

    return variational


def posterior(network, X):
    """Return the posterior as a distribution of torch."""
    mean, log_variance = network.encoder_output(X).chunk(2, dim=1)
    return Normal(mean, torch.exp(0.5 * log_variance))


def log_density(network, code, X):
    """Return log p(x_j | z) by torch."""
    output, scale = network.decoder_output(code), math.exp(-0.7)
    if isinstance(network.loss, BCE):
        loss = torch.nn.functional.binary_cross_entropy_with_logits
        return -loss(output, X, reduction="none")
    family = {MSE: Normal, MAE: Laplace}[type(network.loss)]
    return family(output, scale).log_prob(X)


LOSSES = pytest.mark.parametrize("loss", [MSE(), MAE(), BCE()], ids=repr)


@LOSSES
def test_terms_of_each_draw(variational, rows, loss):
    network, X = variational(loss=loss), rows.sigmoid()
    noise = balanced_draws(5, 2, np.random.RandomState(0))
    q = posterior(network, X)
    terms = list(Bound(network, X, noise).draws())
    assert len(terms) == 5
    for each, (likelihood, ratio) in zip(noise, terms, strict=True):
        code = q.mean + q.stddev * torch.from_numpy(each)
        torch.testing.assert_close(likelihood, log_density(network, code, X))
        expected = Normal(0.0, 1.0).log_prob(code) - q.log_prob(code)
        torch.testing.assert_close(ratio, expected.sum(1))


@LOSSES
def test_likelihood_is_the_mean_over_the_draws(variational, rows, loss):
    network, X = variational(loss=loss), rows.sigmoid()
    noise = balanced_draws(6, 2, np.random.RandomState(0))
    q = posterior(network, X)
    codes = [q.mean + q.stddev * torch.from_numpy(each) for each in noise]
    expected = torch.stack([log_density(network, code, X) for code in codes]).mean(0)
    found = Bound(network, X, noise).likelihood()
    assert found.shape == X.shape
    torch.testing.assert_close(found, expected)


def test_divergence_is_that_of_two_normals(variational, rows):
    network = variational()
    q = posterior(network, rows)
    expected = kl_divergence(q, Normal(0.0, 1.0)).sum(1)
    found = Bound(network, rows, np.zeros((1, 2))).divergence()
    assert found.shape == (15,)
    torch.testing.assert_close(found, expected)
    assert (found > 0).all()


@pytest.mark.slow
def test_divergence_is_the_mean_of_the_ratios(variational, rows):
    bound = Bound(variational(), rows, balanced_draws(20_000, 2, np.random.RandomState(0)))
    ratios = torch.stack([ratio for _, ratio in bound.draws()]).mean(0)
    torch.testing.assert_close(-ratios, bound.divergence(), rtol=0.02, atol=0.02)


def test_linear_and_squared_terms_are_exact(variational, rows):
    """A linear decoder and one value of the code: the expectation is known, two draws give it."""
    network = variational(n_components=1, linear_path=True)
    q = posterior(network, rows)
    weight, output = network.linear_decoder.weight[:, 0], network.decoder_output(q.mean)
    assert weight.abs().min() > 1e-3
    square = (rows - output).square() + q.variance * weight.square()
    scale = math.exp(-0.7)
    expected = -0.5 * square / scale**2 - math.log(scale) - 0.5 * math.log(2 * math.pi)
    for n_draws in (2, 8, 32):
        draws = balanced_draws(n_draws, 1, np.random.RandomState(0))
        torch.testing.assert_close(Bound(network, rows, draws).likelihood(), expected)
    single = balanced_draws(1, 1, np.random.RandomState(0))
    assert not torch.allclose(Bound(network, rows, single).likelihood(), expected)


def test_terms_are_of_64_bits(variational, rows):
    network = variational(dtype=torch.float32)
    bound = Bound(network, rows.float(), balanced_draws(4, 2, np.random.RandomState(0)))
    likelihood, ratio = next(bound.draws())
    for values in (likelihood, ratio, bound.likelihood(), bound.divergence()):
        assert values.dtype == torch.float64
        assert torch.isfinite(values).all()


def test_terms_can_be_asked_for_again(variational, rows):
    bound = Bound(variational(), rows, balanced_draws(4, 2, np.random.RandomState(0)))
    assert torch.equal(bound.likelihood(), bound.likelihood())
    assert len(list(bound.draws())) == len(list(bound.draws())) == 4
