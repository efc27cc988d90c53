"""The contractive kind: its penalty against automatic Jacobians, and what it does to codes."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from torch import nn
from torch.func import jacrev, vmap

from skae import AutoencoderTransformer
from skae.architectures import Architecture, Dense
from skae.corruptions import Masking
from skae.kinds import Contractive, contractive

DIGITS = load_digits().data[:300]


class Regularised(Architecture):
    """Dropout and batch normalisation in the encoder, as a user may write them."""

    def build(self, sample_shape, n_components, *, n_encoder_outputs, generator):
        (n_features,) = sample_shape
        with torch.random.fork_rng():
            torch.manual_seed(int(torch.randint(1000, (), generator=generator)))
            encoder = nn.Sequential(
                nn.Linear(n_features, 8),
                nn.BatchNorm1d(8),
                nn.Tanh(),
                nn.Dropout(0.5),
                nn.Linear(8, n_encoder_outputs),
            )
            decoder = nn.Linear(n_components, n_features)
        return encoder, decoder


@pytest.fixture
def make_contractive(make_network):
    def make_contractive(n_components=3, architecture=None, linear_path=True, **parameters):
        """Return a network in float64 of which no part is still zero."""
        network = make_network(
            n_components=n_components,
            kind=Contractive(**parameters),
            architecture=architecture,
            linear_path=linear_path,
            dtype=torch.float64,
        )
        draw = torch.Generator().manual_seed(8)
        with torch.no_grad():
            for weights in network.parameters():
                noise = torch.randn(weights.shape, generator=draw, dtype=weights.dtype)
                weights.add_(0.3 * noise)
        return network

    return make_contractive


def rows(n=12):
    generator = torch.Generator().manual_seed(3)
    return torch.randn(n, 6, generator=generator, dtype=torch.float64)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def oracle(network, X, code):
    """Return ``||diag(1/s) J(x)||^2`` of each row, with the encoder in evaluation mode."""
    training = network.training
    network.eval()
    jacobians = vmap(jacrev(lambda x: network.encode(x[None])[0]))(X)
    network.train(training)
    deviations = code.detach().std(0, correction=0)
    return (jacobians / deviations[None, :, None]).square().sum((1, 2)).detach()


# --- the penalty


@pytest.mark.parametrize("linear_path", [True, False])
@pytest.mark.parametrize("jacobian", ["exact", "auto"])
@pytest.mark.parametrize("n_components", [1, 3, 8])
def test_exact_penalty(make_contractive, n_components, jacobian, linear_path):
    network = make_contractive(n_components, linear_path=linear_path, weight=0.7, jacobian=jacobian)
    X = rows(9)
    output, forward_pass = network(X, seeded())
    added = network.kind.added_loss(forward_pass)
    assert added.shape == (9,)
    torch.testing.assert_close(added.detach(), 0.7 * oracle(network, X, forward_pass.code))
    expected = (output - X).square().mean(1) + added
    torch.testing.assert_close(network.sample_losses(X, seeded()), expected)


def test_penalty_of_a_linear_encoder_is_the_same_everywhere(make_contractive):
    network = make_contractive(architecture=Dense(()), weight=1.0)
    X = rows()
    _, forward_pass = network(X, seeded())
    V = (network.linear_encoder.weight + network.encoder[0].weight).detach().numpy()
    deviations = forward_pass.code.detach().numpy().std(axis=0)
    expected = np.square(V / deviations[:, None]).sum()
    added = network.kind.added_loss(forward_pass).detach().numpy()
    np.testing.assert_allclose(added, expected, rtol=1e-12)


@pytest.mark.parametrize("linear_path", [True, False])
def test_derivative_is_that_of_evaluation_mode(make_contractive, linear_path):
    network = make_contractive(architecture=Regularised(), linear_path=linear_path, weight=1.0)
    network.train()
    X = rows(20)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(3):
            network(2 * X + 1, seeded())  # running means that are not those of the batch
        _, forward_pass = network(X, seeded())
        norm = network.encoder[1]
        means, n_batches = norm.running_mean.clone(), int(norm.num_batches_tracked)
        before = torch.get_rng_state()
        added = network.kind.added_loss(forward_pass).detach()
        assert torch.equal(torch.get_rng_state(), before), "nothing is dropped out"
    torch.testing.assert_close(added, oracle(network, X, forward_pass.code))
    assert torch.equal(norm.running_mean, means)
    assert int(norm.num_batches_tracked) == n_batches
    assert all(module.training for module in network.encoder.modules())
    assert network.training


def test_encoder_stays_in_evaluation_mode_where_it_was(make_contractive):
    network = make_contractive(architecture=Regularised()).eval()
    _, forward_pass = network(rows(), seeded())
    network.kind.added_loss(forward_pass)
    assert not any(module.training for module in network.modules())


def test_penalty_is_that_of_the_rows_shown(make_contractive):
    network = make_contractive(weight=1.0, corruption=Masking(0.5, fill=0.0))
    X = rows()
    _, forward_pass = network(X, seeded())
    assert not torch.equal(forward_pass.shown, X)
    added = network.kind.added_loss(forward_pass).detach()
    expected = oracle(network, forward_pass.shown, forward_pass.code)
    torch.testing.assert_close(added, expected)
    assert not torch.allclose(added, oracle(network, X, forward_pass.code))


@pytest.mark.slow
@pytest.mark.parametrize("n_components", [3, 12])
def test_projected_penalty_is_right_on_average(make_contractive, n_components):
    network = make_contractive(n_components, weight=1.0, jacobian="projected")
    X = rows(4)
    n_draws = 1500
    draws = np.empty((n_draws, 4))
    with torch.no_grad():
        _, forward_pass = network(X, seeded())
        exact = oracle(network, X, forward_pass.code).numpy()
        for seed in range(n_draws):
            _, forward_pass = network(X, seeded(seed))
            draws[seed] = network.kind.added_loss(forward_pass).numpy()
    errors = draws.std(axis=0) / np.sqrt(n_draws)
    assert (errors > 0).all()
    assert (errors < 0.05 * exact).all()
    np.testing.assert_array_less(np.abs(draws.mean(axis=0) - exact), 4 * errors)


@pytest.mark.parametrize(
    ("jacobian", "n_components", "n_gradients"),
    [
        ("auto", 1, 1),
        ("auto", 8, 8),
        ("auto", 9, 1),
        ("exact", 9, 9),
        ("projected", 2, 1),
        ("projected", 9, 1),
    ],
)
def test_number_of_gradients(make_contractive, monkeypatch, jacobian, n_components, n_gradients):
    network = make_contractive(n_components, jacobian=jacobian)
    _, forward_pass = network(rows(), seeded())
    calls = []
    gradient = torch.autograd.grad

    def counting(*args, **kwargs):
        calls.append(args)
        return gradient(*args, **kwargs)

    monkeypatch.setattr(contractive.torch.autograd, "grad", counting)
    network.kind.added_loss(forward_pass)
    assert len(calls) == n_gradients


def test_without_a_generator_the_penalty_is_exact(make_contractive):
    """Nothing may be drawn in inference."""
    network = make_contractive(12, weight=1.0, jacobian="projected")
    X = rows(20)
    _, forward_pass = network(X)
    expected = oracle(network, X, forward_pass.code)
    torch.testing.assert_close(network.kind.added_loss(forward_pass).detach(), expected)


def test_projected_penalty_is_drawn_for_each_row_and_batch(make_contractive):
    network = make_contractive(12, weight=1.0, jacobian="projected")
    X = rows(1).repeat(20, 1) + 1e-9 * rows(20)
    code = network.encode(rows(20))
    penalties = []
    for seed in (1, 1, 2):
        _, forward_pass = network(X, seeded(seed))
        forward_pass = forward_pass.__class__(**{**vars(forward_pass), "code": code})
        penalties.append(network.kind.added_loss(forward_pass).detach())
    assert penalties[0].std() > 0.01 * penalties[0].mean()
    assert torch.equal(penalties[0], penalties[1])
    assert not torch.allclose(penalties[0], penalties[2])


@pytest.mark.parametrize("factor", [1e-2, 10.0])
def test_smaller_codes_with_a_larger_decoder_pay_the_same(make_contractive, factor):
    X = rows()
    network = make_contractive(weight=0.7, architecture=Dense((8,)))
    before = network.sample_losses(X, seeded())
    penalty = network.kind.added_loss(network(X, seeded())[1])
    assert (penalty > 0.1 * before).all()
    with torch.no_grad():
        for layer in (network.linear_encoder, network.encoder[-1]):
            layer.weight.mul_(factor)
            layer.bias.mul_(factor)
        for layer in (network.linear_decoder, network.decoder[0]):
            layer.weight.div_(factor)
    torch.testing.assert_close(network.sample_losses(X, seeded()), before)


def test_constant_codes_are_finite(make_contractive):
    network = make_contractive(linear_path=False)
    with torch.no_grad():
        network.encoder[-1].weight.zero_()
    losses = network.sample_losses(rows(), seeded())
    losses.sum().backward()
    assert torch.isfinite(losses).all()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("jacobian", ["exact", "projected"])
def test_penalty_has_gradients_for_the_whole_encoder(make_contractive, jacobian):
    network = make_contractive(jacobian=jacobian)
    _, forward_pass = network(rows(), seeded())
    network.kind.added_loss(forward_pass).sum().backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    for name in ("linear_encoder.weight", "encoder.0.weight", "encoder.0.bias", "encoder.2.weight"):
        assert (gradients[name] != 0).all(), name
    for name in ("linear_encoder.bias", "encoder.2.bias"):  # they move no code against others
        assert gradients[name] is None or gradients[name].abs().max() < 1e-10, name
    for name in ("linear_decoder.weight", "decoder.0.weight", "decoder.2.weight"):
        assert gradients[name] is None, name


def test_gradient_is_the_slope_of_the_penalty(make_contractive):
    network = make_contractive(weight=1.0)
    X = rows()
    weight = network.encoder[0].weight

    def penalty():
        return network.kind.added_loss(network(X, seeded())[1]).mean()

    penalty().backward()
    step = 1e-6
    for position in ((0, 0), (3, 5), (7, 2)):
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                weight[position] += sign * step
                values.append(float(penalty()))
                weight[position] -= sign * step
        slope = (values[0] - values[1]) / (2 * step)
        assert float(weight.grad[position]) == pytest.approx(slope, rel=1e-4)


@pytest.mark.parametrize("jacobian", ["exact", "projected"])
def test_same_value_without_gradients(make_contractive, jacobian):
    network = make_contractive(jacobian=jacobian).eval()
    X = rows()
    expected = network.sample_losses(X, seeded())
    assert expected.requires_grad
    with torch.no_grad():
        losses = network.sample_losses(X, seeded())
    assert not losses.requires_grad
    torch.testing.assert_close(losses, expected.detach())


def test_weight_scales_the_penalty(make_contractive):
    X = rows()
    one, three = (make_contractive(weight=weight) for weight in (1.0, 3.0))
    torch.testing.assert_close(
        three.kind.added_loss(three(X)[1]), 3 * one.kind.added_loss(one(X)[1])
    )
    nothing = make_contractive(weight=0)
    assert nothing.kind.added_loss(nothing(X)[1]) is None


def test_default_weight(make_contractive):
    X = rows()
    given, default = make_contractive(weight=0.1), make_contractive()
    assert torch.equal(default.sample_losses(X), given.sample_losses(X))


# --- what it does


def fitted(n_components=4, **parameters):
    kind = Contractive(**parameters)
    ae = AutoencoderTransformer(
        n_components,
        kind=kind,
        max_epochs=15,
        early_stopping=False,
        jitter=0,
        random_state=0,
    )
    return ae.fit(DIGITS)


def movement(ae):
    """Return how far codes move when the data move a little, in units of their spread."""
    noise = np.random.default_rng(0).normal(size=DIGITS.shape)
    codes = ae.transform(DIGITS)
    return np.square((ae.transform(DIGITS + 0.5 * noise) - codes) / codes.std(axis=0)).mean()


@pytest.mark.slow
@pytest.mark.parametrize("jacobian", ["exact", "projected"])
def test_more_weight_makes_codes_move_less(jacobian):
    fits = [fitted(weight=weight, jacobian=jacobian) for weight in (0, 0.1, 10.0)]
    assert all(ae.best_epoch_ > 0 for ae in fits)
    moves = [movement(ae) for ae in fits]
    assert moves[1] < 0.8 * moves[0]
    assert moves[2] < 0.8 * moves[1]
    assert fits[2].score(DIGITS) < fits[0].score(DIGITS)


@pytest.mark.slow
def test_jacobian_decides_how_it_is_computed():
    codes = {name: fitted(jacobian=name).transform(DIGITS) for name in ("auto", "exact")}
    assert np.array_equal(codes["auto"], codes["exact"])
    projected = fitted(jacobian="projected").transform(DIGITS)
    assert not np.allclose(projected, codes["exact"], atol=1e-3)


@pytest.mark.slow
def test_corruption_helps_with_hidden_entries():
    hidden = np.random.default_rng(0).random(DIGITS.shape) < 0.5
    shown = np.where(hidden, DIGITS.mean(axis=0), DIGITS)
    errors = [
        np.square(fitted(16, weight=0.01, corruption=c).reconstruct(shown) - DIGITS).mean()
        for c in (None, Masking(0.5, fill="mean"))
    ]
    assert errors[1] < 0.9 * errors[0]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"weight": -1}, r"weight of Contractive must be a number in \[0, 1e\+30\], got -1\."),
        (
            {"weight": "auto"},
            r"weight of Contractive must be a number in \[0, 1e\+30\], got 'auto'",
        ),
        ({"weight": np.nan}, r"weight of Contractive must be a number in \[0, 1e\+30\], got nan\."),
        ({"weight": True}, r"weight of Contractive must be a number in \[0, 1e\+30\], got True\."),
        (
            {"jacobian": "fast"},
            r"jacobian of Contractive must be one of \['auto', 'exact', 'projected'\], got 'fast'",
        ),
        ({"jacobian": None}, r"jacobian of Contractive must be one of .*, got None\."),
    ],
)
def test_bad_parameters(parameters, sentence):
    ae = AutoencoderTransformer(4, kind=Contractive(**parameters), max_epochs=1)
    with pytest.raises(ValueError, match=sentence):
        ae.fit(DIGITS[:20])
    assert not hasattr(ae, "n_components_")


def test_parameters_are_scikit_learns():
    kind = Contractive(weight=3.0, jacobian="exact", corruption="masking")
    assert clone(kind).get_params() == kind.get_params()


# --- batches of few rows


def test_small_batches_are_judged_by_the_variance_so_far():
    moments = contractive.CodeMoments(1)
    codes = 3 * torch.randn(4000, 1, generator=seeded()) + 5
    for pair in codes.split(2):
        variance = moments.variance_of(pair)
    assert float(variance) == pytest.approx(9, rel=0.3)
    assert float(moments.eval().variance_of(codes[:1])) == float(moments.variance)


def test_small_batches_pay_the_same_for_a_code_of_another_scale():
    """The penalty goes with the square of the code's gradient over this variance."""
    scale = torch.ones((), requires_grad=True)
    code = scale * torch.randn(3, 2, generator=seeded())
    penalty = (scale**2 / contractive.CodeMoments(2).variance_of(code)).sum()
    penalty.backward()
    assert float(scale.grad) == pytest.approx(0, abs=1e-5)


def test_batches_of_one_row_train():
    X = load_iris().data[::3]
    ae = AutoencoderTransformer(
        2, kind=Contractive(), batch_size=1, max_epochs=3, early_stopping=False, random_state=0
    ).fit(X)
    assert ae.history_["train_loss"].iloc[1:].max() < 10
