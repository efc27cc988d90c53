"""The learned distributions: probabilities against scipy's and torch's, gradients, stability."""

import numpy as np
import pytest
import torch
from scipy.stats import logistic, norm

from skae.kinds.entropy_model import EntropyModel


def model_with(logits, means, log_scales):
    """Return a model whose parameters are arrays of shape (3, n_components)."""
    model = EntropyModel(np.shape(logits)[1]).double()
    with torch.no_grad():
        for name, values in (("logits", logits), ("means", means), ("log_scales", log_scales)):
            model.get_parameter(name).copy_(torch.tensor(np.ravel(values)))
    return model


@pytest.fixture
def drawn():
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, 2)), rng.normal(size=(3, 2)), rng.normal(size=(3, 2))


def test_bits_are_those_of_the_mixture(drawn):
    """Oracle: scipy's distribution functions; `means` are in units of the scales."""
    logits, means, log_scales = drawn
    codes = np.random.default_rng(1).normal(scale=3, size=(7, 2))
    shares = np.exp(logits) / np.exp(logits).sum(0)
    scales = np.exp(log_scales)
    expected = np.zeros_like(codes)
    for share, mean, scale in zip(shares, means, scales, strict=True):
        distribution = logistic(loc=mean * scale, scale=scale)
        expected += share * (distribution.cdf(codes + 0.5) - distribution.cdf(codes - 0.5))
    bits = model_with(*drawn).bits(torch.tensor(codes))
    assert bits.dtype == torch.float64
    np.testing.assert_allclose(bits.detach().numpy(), -np.log2(expected), rtol=1e-9)


def test_probabilities_of_all_whole_numbers_add_up_to_one(drawn):
    codes = torch.arange(-400.0, 401.0, dtype=torch.float64)[:, None].expand(-1, 2)
    total = torch.exp2(-model_with(*drawn).bits(codes)).sum(0)
    np.testing.assert_allclose(total.detach().numpy(), 1, rtol=1e-9)


def test_bits_far_out_in_the_tail():
    """With a scale of one, a logistic tail loses log2(e) bits a step; float32 is enough."""
    bits = EntropyModel(1).bits(torch.tensor([[1000.0], [1001.0], [-1001.0]])).detach().flatten()
    widest = float(EntropyModel(1).log_scales.detach().exp().max())
    assert float(bits[1] - bits[0]) == pytest.approx(np.log2(np.e) / widest, rel=1e-3)
    assert float(bits[2]) == pytest.approx(float(bits[1]), rel=1e-6)
    assert torch.isfinite(bits).all()


@pytest.mark.parametrize("deviation", [0.01, 0.5, 2.0, 30.0])
def test_start_is_near_the_entropy_of_a_gaussian(deviation):
    """Within a tenth of a bit of what the best code would take, and never below it."""
    model = EntropyModel(1)
    with torch.no_grad():
        model.log_scales.copy_(EntropyModel.start(torch.tensor([deviation]))["log_scales"])
    values = np.arange(-300, 301)
    shares = norm.cdf(values + 0.5, scale=deviation) - norm.cdf(values - 0.5, scale=deviation)
    entropy = -(shares * np.log2(shares.clip(1e-300))).sum()
    bits = model.bits(torch.tensor(values[:, None], dtype=torch.float32)).detach().numpy()[:, 0]
    taken = (shares * bits).sum()
    assert entropy < taken + 1e-6
    assert taken < entropy + 0.1


def test_a_new_model_starts_at_unit_deviations():
    start = EntropyModel.start(torch.ones(4))
    assert set(start) == {"log_scales"}
    assert torch.equal(EntropyModel(4).log_scales.detach(), start["log_scales"])


def test_scales_are_kept_within_limits():
    model = EntropyModel(2)
    with torch.no_grad():
        model.log_scales.copy_(torch.tensor([-200.0, 200.0] * 3))
    bits = model.bits(torch.tensor([[0.0, 0.0], [3.0, 3.0]])).detach()
    assert torch.isfinite(bits).all()
    assert bits[0, 0] < 1e-3
    assert bits[0, 1] > 10
    start = EntropyModel.start(torch.tensor([0.0, 1e30]))["log_scales"]
    assert torch.isfinite(start).all()


def test_every_parameter_has_a_gradient_and_is_a_vector(generator):
    model = EntropyModel(3)
    model.bits(3 * torch.randn(20, 3, generator=generator)).sum().backward()
    assert {name for name, _ in model.named_parameters()} == {"logits", "means", "log_scales"}
    for parameter in model.parameters():
        assert parameter.shape == (9,)
        assert (parameter.grad != 0).all()


def test_a_trained_model_takes_the_entropy_of_its_codes(generator):
    codes = torch.round(2 + 1.5 * torch.empty(4000, 1).exponential_(generator=generator) - 1.5)
    counts = torch.unique(codes, return_counts=True)[1].double()
    entropy = float(-(counts / 4000 * torch.log2(counts / 4000)).sum())
    model = EntropyModel(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        bits = model.bits(codes).mean()
        bits.backward()
        optimizer.step()
    assert entropy < float(bits.detach()) < entropy + 0.15
