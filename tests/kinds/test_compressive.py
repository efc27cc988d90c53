"""The compressive kind: rounding, its gradient, the rate, the start at PCA with a quantiser."""

import math
import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer
from skae._start.linear_path import set_linear_path
from skae.architectures import Dense
from skae.kinds import Compressive
from skae.kinds.entropy_model import EntropyModel


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(n_rows=5):
    return torch.randn(n_rows, 6, generator=seeded(3))


@pytest.fixture
def outputs():
    return 4 * torch.randn(8, 3, generator=seeded(1))


def test_codes_are_the_encoders_in_inference(outputs):
    assert torch.equal(Compressive().code(outputs, None, EntropyModel(3)), outputs)


@pytest.mark.parametrize("training", [True, False])
def test_codes_are_whole_numbers_with_a_generator(outputs, training):
    state = EntropyModel(3).train(training)
    code = Compressive().code(outputs, seeded(), state)
    assert torch.equal(code, torch.round(outputs))


def test_gradient_goes_through_the_rounding(outputs):
    outputs.requires_grad_()
    weights = torch.arange(24.0).view(8, 3)
    (weights * Compressive().code(outputs, seeded(), EntropyModel(3))).sum().backward()
    assert torch.equal(outputs.grad, weights)


def test_rate_of_rows_held_out_is_that_of_rounded_codes(make_network):
    """Mean squared error of rounded codes, plus the bits of each feature times the weight."""
    network = make_network(kind=Compressive(weight=0.7)).eval()
    X = 3 * rows()
    code = network.encode(X).round()
    errors = (network.decode(code) - X).square().mean(1)
    expected = errors + 0.7 / 6 * network.state.bits(code).sum(1)
    torch.testing.assert_close(network.sample_losses(X, seeded()), expected)
    torch.testing.assert_close(network.sample_losses(X, seeded(5)), expected)


def test_rate_in_training_is_that_of_uniform_noise(make_network):
    network = make_network(kind=Compressive(weight=2.0))
    X = 3 * rows(4000)
    code = network.encode(X)
    rebuilt = network.decode(code.round())
    added = network.sample_losses(X, seeded()) - (rebuilt - X).square().mean(1)
    noisy = torch.rand(code.shape, generator=seeded())
    torch.testing.assert_close(added, 2 / 6 * network.state.bits(code + noisy - 0.5).sum(1))
    other = network.sample_losses(X, seeded(1)) - (rebuilt - X).square().mean(1)
    assert not torch.allclose(added, other, rtol=1e-3)
    torch.testing.assert_close(added.mean(), other.mean(), rtol=0.01, atol=0)


def test_rate_without_a_generator_is_that_of_the_codes_as_they_are(make_network):
    network = make_network(kind=Compressive(weight=0.7))
    code = network.encode(rows())
    added = network.sample_losses(rows()) - (network.decode(code) - rows()).square().mean(1)
    torch.testing.assert_close(added, 0.7 / 6 * network.state.bits(code).sum(1))


@pytest.mark.parametrize("weight", [0.01, 0.3, 2.0])
def test_start_is_pca_in_units_of_the_step(weight):
    """A bit more halves the step, and gains what it costs: d(step^2 / 12) / d(bits) = -weight."""
    deviations = torch.tensor([5.0, 2.0, 0.1], dtype=torch.float64)
    start = Compressive(weight=weight).linear_start(deviations, 0.01)
    step = float(start.decode[0])
    torch.testing.assert_close(start.encode * start.decode, torch.ones_like(deviations))
    assert torch.equal(start.decode, start.decode[:1].expand(3))
    change = 1e-6
    gain = step**2 / 12 - (step * 2**-change) ** 2 / 12
    assert gain == pytest.approx(weight * change, rel=1e-4)
    expected = EntropyModel.start(deviations / step)["log_scales"]
    assert torch.equal(start.state["log_scales"], expected)


def test_network_starts_with_distributions_of_the_codes(make_network):
    network = make_network(kind=Compressive(weight=0.1))
    deviations = torch.tensor([3.0, 1.0])
    start = network.kind.linear_start(deviations, 0.1)
    set_linear_path(network, torch.eye(2, 6), start, torch.zeros(6), 0.3)
    assert torch.equal(network.state.log_scales.detach(), start.state["log_scales"])


def fitted(X, n_components=8, **parameters):
    parameters = {"max_epochs": 5, "random_state": 0, **parameters}
    kind = Compressive(weight=parameters.pop("weight", 0.1))
    return AutoencoderTransformer(n_components, kind=kind, **parameters).fit(X)


@pytest.fixture(scope="module")
def digits():
    return (load_digits().data / 16).astype(np.float32)


def test_epoch_zero_is_pca_with_a_uniform_quantiser(digits):
    ae = fitted(digits, max_epochs=1, early_stopping=False, learning_rate=1e-12)
    pca = PCA(8).fit(digits)
    step = math.sqrt(0.6 / math.log(2)) * ae.scale_
    codes = pca.transform(digits) / step
    np.testing.assert_allclose(np.abs(ae.transform(digits)), np.abs(codes), atol=0.02)
    rebuilt = pca.inverse_transform(step * np.rint(codes))
    ours = ae.inverse_transform(np.rint(ae.transform(digits)))
    assert np.square(ours - digits).mean() == pytest.approx(
        np.square(rebuilt - digits).mean(), rel=0.01
    )


def test_never_worse_than_at_the_start(digits):
    ae = fitted(digits, max_epochs=20)
    assert ae.loss_ < ae.history_["valid_loss"][0]
    assert ae.loss_ == ae.history_["valid_loss"].min()


def cost(ae, X, weight):
    """Return the objective with the entropies of the rounded codes, in scaled units."""
    symbols = np.rint(ae.transform(X))
    errors = np.square((ae.inverse_transform(symbols) - X) / ae.scale_).mean()
    bits = 0.0
    for column in symbols.T:
        shares = np.unique(column, return_counts=True)[1] / len(X)
        bits -= (shares * np.log2(shares)).sum()
    return errors, bits / X.shape[1], errors + weight * bits / X.shape[1]


@pytest.mark.slow
def test_training_lowers_the_true_cost_of_new_rows(digits):
    start = fitted(digits[:1400], 32, max_epochs=1, learning_rate=1e-12)
    trained = fitted(digits[:1400], 32, max_epochs=60)
    before, after = (cost(ae, digits[1400:], 0.1)[2] for ae in (start, trained))
    assert after < 0.94 * before


def test_a_larger_weight_takes_fewer_bits_and_loses_more(digits):
    errors, bits, _ = zip(
        *(cost(fitted(digits, 32, weight=w), digits, w) for w in (0.03, 0.1, 0.3)), strict=True
    )
    assert errors[0] < errors[1] < errors[2]
    assert bits[0] > bits[1] > bits[2]


def test_components_that_do_not_pay_are_rounded_to_zero(digits):
    ae = fitted(digits, 32, weight=3.0, max_epochs=1, learning_rate=1e-12)
    deviations = PCA(32).fit(digits).explained_variance_ ** 0.5 / ae.scale_
    step = math.sqrt(18 / math.log(2))
    used = (np.rint(ae.transform(digits)) != 0).mean(axis=0)
    small, large = deviations < step / 5, deviations > step / 2
    assert small.sum() > 5
    assert used[small].max() < 0.03
    assert large.sum() > 2
    assert used[large].min() > 0.1


def test_distributions_are_trained_and_kept(digits):
    ae = fitted(digits)
    weights = ae._fitted.weights
    start = fitted(digits, max_epochs=1, learning_rate=1e-12)._fitted.weights
    for name in ("logits", "means", "log_scales"):
        assert not np.allclose(weights[f"state.{name}"], start[f"state.{name}"], atol=1e-3)
    loaded = pickle.loads(pickle.dumps(ae))
    state = loaded._fitted.network("cpu").state
    assert np.array_equal(state.log_scales.numpy(), weights["state.log_scales"])


def test_tied_weights_start_at_steps_of_one(digits):
    """They cannot have a scale of their own."""
    architecture = Dense((16,), tied_weights=True)
    ae = fitted(digits, architecture=architecture, max_epochs=1, learning_rate=1e-12)
    codes = PCA(8).fit_transform(digits) / ae.scale_
    np.testing.assert_allclose(np.abs(ae.transform(digits)), np.abs(codes), atol=0.1)


def test_automatic_size():
    kind = Compressive()
    assert kind.auto_n_components(10, 784) == 20
    assert kind.auto_n_components(100, 784) == 128
    assert kind.auto_n_components(40, 61) == 31


@pytest.mark.parametrize("weight", [0, -1.0, float("nan"), float("inf"), "auto", None, True])
def test_bad_weights_are_refused(X, weight):
    with pytest.raises(
        ValueError, match=r"weight of Compressive must be a number in \(0, 1e\+30\]"
    ):
        fitted(X, 2, weight=weight)
