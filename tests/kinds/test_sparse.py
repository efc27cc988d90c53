"""The sparse kind: each penalty against its formula, revival, and what a fitted one is."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from torch.distributions import Bernoulli, kl_divergence

from skae import AutoencoderTransformer
from skae.architectures import Dense
from skae.corruptions import Masking
from skae.kinds import Sparse, sparsity
from skae.kinds.sparsity import SPARSITIES, SparsityState, largest

DIGITS = load_digits().data[:400]
LIMIT = 0.1  # up to this size values are zero under "l1"
COUNTING = ["topk", "batch_topk"]


def rows(n=7, n_features=6, dtype=torch.float64, seed=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, n_features, generator=generator, dtype=dtype)


def sparse_network(make_network, penalty, linear_path=True, **parameters):
    """Return a network whose parts all take part: no residual that is still zero."""
    network = make_network(
        n_features=6,
        n_components=5,
        kind=Sparse(penalty, **parameters),
        linear_path=linear_path,
        dtype=torch.float64,
    )
    draw = torch.Generator().manual_seed(8)
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(0.3 * torch.randn(weights.shape, generator=draw, dtype=weights.dtype))
    return network


def state_of(n_components=5, training=True):
    return SparsityState(n_components).double().train(training)


def fitted(n_components=16, data=DIGITS, kind=None, **parameters):
    """Return an estimator fitted quickly, and where nothing is held out."""
    settings = {"max_epochs": 10, "early_stopping": False, "random_state": 0, **parameters}
    kind = Sparse(**(kind or {}))
    return AutoencoderTransformer(n_components, kind=kind, **settings).fit(data)


def lengths_in_reconstruction(ae):
    """Return what one unit of each value does to the reconstruction, as a root mean square."""
    dictionary = ae.inverse_transform(np.eye(ae.n_components_)) - ae.inverse_transform(
        np.zeros((1, ae.n_components_))
    )
    return np.sqrt(np.square(dictionary / ae.scale_).mean(axis=1))


# --- the penalties


@pytest.mark.parametrize("linear_path", [True, False])
@pytest.mark.parametrize("linear_decoder", [True, False])
@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_l1_and_l2_are_their_formulas(make_network, penalty, linear_decoder, linear_path):
    network = sparse_network(
        make_network, penalty, linear_path, weight=0.7, linear_decoder=linear_decoder
    )
    X = rows()
    _, forward_pass = network(X)
    raw = network.encoder_output(X).detach().numpy()
    code = np.sign(raw) * np.maximum(np.abs(raw) - LIMIT, 0) if penalty == "l1" else raw
    np.testing.assert_allclose(forward_pass.code.detach().numpy(), code, atol=1e-12)
    matrices = []
    if linear_path or linear_decoder:
        matrices.append(network.linear_decoder.weight.detach().numpy())
    if not linear_decoder:
        matrices.append(network.decoder[0].weight.detach().numpy())
    lengths = np.linalg.norm(np.vstack(matrices), axis=0) / np.sqrt(6)
    power = {"l1": 1, "l2": 2}[penalty]
    expected = 0.7 * (np.abs(code * lengths) ** power).sum(axis=1)
    added = network.kind.added_loss(forward_pass)
    np.testing.assert_allclose(added.detach().numpy(), expected, rtol=1e-6)
    assert added.shape == (7,)


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_penalty_is_added_to_the_loss_of_each_row(make_network, penalty):
    network = sparse_network(make_network, penalty, weight=0.7)
    X = rows()
    output, forward_pass = network(X)
    expected = (output - X).square().mean(1) + network.kind.added_loss(forward_pass)
    torch.testing.assert_close(network.sample_losses(X), expected)


@pytest.mark.parametrize("linear_decoder", [True, False])
@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_smaller_codes_with_a_larger_decoder_pay_the_same(make_network, penalty, linear_decoder):
    network = sparse_network(make_network, penalty, weight=0.7, linear_decoder=linear_decoder)
    _, forward_pass = network(rows())
    factors = torch.tensor([0.01, 0.5, 1.0, 3.0, 200.0], dtype=torch.float64)
    moved = replace(
        forward_pass,
        code=forward_pass.code / factors,
        code_weights=lambda: [weight * factors for weight in forward_pass.code_weights()],
    )
    before = network.kind.added_loss(forward_pass)
    torch.testing.assert_close(network.kind.added_loss(moved), before, rtol=1e-6, atol=0)
    smaller = replace(forward_pass, code=forward_pass.code / 2)
    assert (network.kind.added_loss(smaller) < 0.51 * before).all()


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_decoder_of_zeros_has_a_finite_gradient(make_network, penalty):
    network = sparse_network(make_network, penalty, linear_decoder=True)
    torch.nn.init.zeros_(network.linear_decoder.weight)
    network.sample_losses(rows()).sum().backward()
    assert torch.isfinite(network.linear_decoder.weight.grad).all()


def test_l1_has_zeros_where_values_are_small():
    values = torch.tensor([[-0.3, -0.1, -0.05, 0.0, 0.09, 0.1, 0.4]])
    code = Sparse("l1").code(values)
    torch.testing.assert_close(code, torch.tensor([[-0.2, 0, 0, 0, 0, 0, 0.3]]))
    active = Sparse("l1").active(code)
    assert active.tolist() == [[True, False, False, False, False, False, True]]


@pytest.mark.parametrize("target", [0.05, 0.4])
def test_kl_is_the_divergence_of_bernoulli_distributions(make_network, target):
    network = sparse_network(make_network, "kl", weight=0.7, target_activation=target)
    X = rows()
    _, forward_pass = network(X)
    activations = 1 / (1 + np.exp(-network.encoder_output(X).detach().numpy()))
    np.testing.assert_allclose(forward_pass.code.detach().numpy(), activations, rtol=1e-12)
    mean = torch.from_numpy(activations.mean(axis=0))
    asked_for = torch.full_like(mean, target)
    divergence = kl_divergence(Bernoulli(asked_for), Bernoulli(mean)).sum()
    added = network.kind.added_loss(forward_pass)
    torch.testing.assert_close(added, (0.7 * divergence).expand(7))
    active = network.kind.active(forward_pass.code).numpy()
    assert np.array_equal(active, activations > target)


@pytest.mark.parametrize("value", [-1e4, 1e4])
def test_kl_of_saturated_units_is_finite(make_network, value):
    network = make_network(kind=Sparse("kl"))
    torch.nn.init.constant_(network.linear_encoder.bias, value)
    losses = network.sample_losses(rows(dtype=torch.float32))
    losses.sum().backward()
    assert torch.isfinite(losses).all()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


@pytest.mark.parametrize("penalty", COUNTING)
def test_counting_adds_nothing_while_all_units_are_in_use(make_network, penalty):
    network = sparse_network(make_network, penalty, k=2)
    X = rows()
    output, forward_pass = network(X)
    assert network.kind.added_loss(forward_pass) is None
    torch.testing.assert_close(network.sample_losses(X), (output - X).square().mean(1))


# --- the values that are kept


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("training", [True, False])
def test_topk_keeps_the_k_largest_of_each_row(training, k):
    values = rows(9, 5)
    code = Sparse("topk", k=k).code(values, state=state_of(training=training)).numpy()
    expected = np.zeros((9, 5))
    for i, row in enumerate(values.numpy()):
        kept = sorted(range(5), key=lambda j: -abs(row[j]))[:k]
        expected[i, kept] = row[kept]
    assert (expected < 0).any()
    np.testing.assert_array_equal(code, expected)


@pytest.mark.parametrize(("n_components", "k"), [(1, 1), (4, 1), (14, 4), (16, 4), (100, 25)])
@pytest.mark.parametrize("penalty", COUNTING)
def test_auto_k_is_a_quarter_of_the_code(penalty, n_components, k):
    values = rows(6, n_components)
    code = Sparse(penalty).code(values, state=state_of(n_components))
    assert (code != 0).sum() == 6 * k


@pytest.mark.parametrize("k", [1, 2, 5])
def test_batch_topk_keeps_the_largest_of_a_batch(k):
    values = rows(9, 5)
    code = Sparse("batch_topk", k=k).code(values, state=state_of()).numpy()
    sizes = np.sort(np.abs(values.numpy()).ravel())[::-1]
    expected = np.where(np.abs(values.numpy()) >= sizes[9 * k - 1], values.numpy(), 0)
    np.testing.assert_array_equal(code, expected)
    assert np.count_nonzero(code) == 9 * k
    if k == 2:
        assert len(set((code != 0).sum(axis=1))) > 1, "rows may differ in how many they have"


def test_batch_topk_in_inference_keeps_what_is_above_the_threshold():
    values = rows(9, 5)
    state = state_of(training=False)
    state.threshold.fill_(0.8)
    kind = Sparse("batch_topk", k=1)
    code = kind.code(values, state=state)
    np.testing.assert_array_equal(code.numpy(), np.where(values.abs() >= 0.8, values, 0))
    alone = torch.cat([kind.code(row[None], state=state) for row in values])
    assert torch.equal(code, alone)
    assert torch.equal(kind.code(values.flip(0), state=state).flip(0), code)
    assert state.threshold == 0.8
    assert (state.idle == 0).all()


def test_batch_topk_before_any_training_keeps_k_of_each_row():
    values = rows(9, 5)
    code = Sparse("batch_topk", k=2).code(values, state=state_of(training=False))
    assert torch.equal(code, largest(values, 2))


def test_threshold_is_a_running_mean_of_the_smallest_values_kept():
    kind, state = Sparse("batch_topk", k=2), state_of()
    expected = None
    for seed in range(5):
        values = rows(9, 5, seed=seed)
        kind.code(values, state=state)
        smallest = np.sort(np.abs(values.numpy()).ravel())[-18]
        expected = smallest if expected is None else 0.9 * expected + 0.1 * smallest
        assert float(state.threshold) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("penalty", COUNTING)
def test_idle_counts_rows_since_a_unit_was_active(penalty):
    kind, state = Sparse(penalty, k=1), state_of(3)
    first = torch.tensor([[3.0, 1, 0], [3, 1, 0]], dtype=torch.float64)
    kind.code(first, state=state)
    assert state.idle.tolist() == [0, 2, 2]
    kind.code(first.roll(1, dims=1)[:1], state=state)
    assert state.idle.tolist() == [1, 0, 3]
    kind.code(first, state=state.eval())
    assert state.idle.tolist() == [1, 0, 3]


@pytest.mark.parametrize("penalty", COUNTING)
def test_gradient_reaches_the_values_that_are_kept(penalty):
    values = rows(9, 5).requires_grad_()
    code = Sparse(penalty, k=2).code(values, state=state_of())
    code.sum().backward()
    assert torch.equal(values.grad, (code != 0).double())


@pytest.mark.parametrize("penalty", SPARSITIES)
def test_codes_of_a_fitted_estimator_do_not_depend_on_other_rows(penalty):
    ae = fitted(kind={"penalty": penalty}, max_epochs=2)
    codes = ae.transform(DIGITS[:20])
    assert np.array_equal(codes, np.vstack([ae.transform(row[None]) for row in DIGITS[:20]]))
    assert np.array_equal(codes, ae.transform(DIGITS)[:20])


# --- revival


def network_with_idle_units(make_network, penalty="topk", **parameters):
    """Return a network of ten linear units of which units 2, 5, 6 and 9 were idle for long."""
    network = make_network(
        n_features=6,
        n_components=10,
        kind=Sparse(penalty, linear_decoder=True, **parameters),
        architecture=Dense(()),
        dtype=torch.float64,
    ).train()
    dead = torch.tensor([2, 5, 6, 9])
    with torch.no_grad():
        network.linear_encoder.weight[dead] *= 1e-3
        network.linear_encoder.bias[dead] *= 1e-3
    _, forward_pass = network(rows(8))
    assert (forward_pass.code[:, dead] == 0).all()
    network.state.idle.zero_()
    network.state.idle[dead] = 2001
    return network, forward_pass, dead


@pytest.mark.parametrize("penalty", COUNTING)
@pytest.mark.parametrize(("k", "n_reviving"), [(1, 2), (2, 4), (3, 4)])
def test_revival_is_the_error_of_idle_units_on_what_is_left_over(
    make_network, penalty, k, n_reviving
):
    network, forward_pass, dead = network_with_idle_units(make_network, penalty, k=k)
    raw = network.encoder_output(rows(8)).detach().numpy()
    weight = network.linear_decoder.weight.detach().numpy()
    left_over = (rows(8) - forward_pass.output).detach().numpy()
    expected = np.empty(8)
    for i in range(8):
        given = np.zeros(6)
        for j in sorted(dead.tolist(), key=lambda j: -abs(raw[i, j]))[:n_reviving]:
            given += weight[:, j] * raw[i, j]
        expected[i] = np.square(left_over[i] - given).mean() / 32
    added = network.kind.added_loss(forward_pass)
    np.testing.assert_allclose(added.detach().numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize("penalty", COUNTING)
def test_gradient_of_revival_reaches_idle_units_only(make_network, penalty):
    network, forward_pass, dead = network_with_idle_units(make_network, penalty, k=2)
    network.kind.added_loss(forward_pass).sum().backward()
    is_dead = torch.zeros(10, dtype=torch.bool)
    is_dead[dead] = True
    per_unit = {
        "encoder": network.linear_encoder.weight.grad.abs().sum(1),
        "offset": network.linear_encoder.bias.grad.abs(),
        "decoder": network.linear_decoder.weight.grad.abs().sum(0),
    }
    for gradient in per_unit.values():
        assert torch.equal(gradient != 0, is_dead)
    offset = network.linear_decoder.bias.grad
    assert offset is None or (offset.abs() < 1e-12).all()


def test_units_are_idle_beyond_two_thousand_rows(make_network):
    network, forward_pass, dead = network_with_idle_units(make_network, k=2)
    network.state.idle[dead] = 2000
    assert network.kind.added_loss(forward_pass) is None


def test_nothing_is_revived_where_losses_are_compared(make_network):
    network, _, _ = network_with_idle_units(make_network, k=2)
    network.eval()
    X = rows(8)
    output, forward_pass = network(X)
    assert network.kind.added_loss(forward_pass) is None
    torch.testing.assert_close(network.sample_losses(X), (output - X).square().mean(1))


class Stillborn(Sparse):
    """Starts with 16 of its 24 units blind to the data."""

    fits_decoder = False

    def linear_start(self, deviations, residual_variance):
        start = super().linear_start(deviations, residual_variance)
        return replace(start, encode=start.encode * (torch.arange(24) < 8))


@pytest.mark.slow
@pytest.mark.parametrize("penalty", COUNTING)
def test_idle_units_come_back_to_life(monkeypatch, penalty):
    def fit():
        ae = AutoencoderTransformer(
            24,
            kind=Stillborn(penalty, k=4),
            architecture=Dense(()),
            max_epochs=40,
            early_stopping=False,
            random_state=0,
        )
        return ae.fit(DIGITS)

    with_revival = fit()
    assert len(with_revival.dead_units_) <= 8
    monkeypatch.setattr(sparsity, "_REVIVAL_WEIGHT", 0.0)
    without = fit()
    assert without.best_epoch_ > 20
    assert set(range(8, 24)) <= set(without.dead_units_)
    assert with_revival.score(DIGITS) > without.score(DIGITS) + 0.02


# --- what a fitted estimator is


@pytest.mark.parametrize("n_components", [16, 100])
@pytest.mark.parametrize("penalty", SPARSITIES)
def test_sparsity_and_dead_units_are_those_of_the_training_codes(penalty, n_components):
    ae = fitted(n_components, kind={"penalty": penalty}, max_epochs=4)
    codes = ae.transform(DIGITS)
    active = codes > 0.05 if penalty == "kl" else codes != 0
    assert ae.sparsity_ == pytest.approx(1 - active.mean(), abs=1e-4)
    assert isinstance(ae.sparsity_, float)
    assert ae.dead_units_.tolist() == np.flatnonzero(~active.any(axis=0)).tolist()
    assert ae.dictionary_.shape == (n_components, 64)
    if penalty == "topk":
        assert ae.sparsity_ == pytest.approx(0.75)


def test_the_default_is_sparse_and_explains_more_than_as_many_components():
    training, new = DIGITS[::2], DIGITS[1::2]
    ae = AutoencoderTransformer(kind="sparse", max_epochs=30, random_state=0).fit(training)
    active = (ae.transform(new) != 0).mean()
    assert 0.1 < active < 0.35
    n_active = round(active * 64)
    pca = PCA(n_active).fit(training)
    error = np.square(pca.inverse_transform(pca.transform(new)) - new).sum()
    explained = 1 - error / np.square(new - training.mean(axis=0)).sum()
    assert 1 - ae.score(new) < 0.8 * (1 - explained)


def test_dead_units_are_named():
    """A code of six values for three rows, of which each can have one."""
    ae = fitted(6, data=load_iris().data[::60], kind={"penalty": "topk", "k": 1}, max_epochs=1)
    codes = ae.transform(load_iris().data[::60])
    assert len(ae.dead_units_) >= 3
    assert (codes[:, ae.dead_units_] == 0).all()
    assert ae.sparsity_ == pytest.approx(5 / 6)


@pytest.mark.parametrize("penalty", SPARSITIES)
@pytest.mark.parametrize("init", ["pca", "random"])
def test_dictionary_of_a_linear_decoder_is_all_of_it(penalty, init):
    kind = {"penalty": penalty, "linear_decoder": True}
    ae = fitted(24, kind=kind, init=init, max_epochs=4)
    offset = ae.inverse_transform(np.zeros((1, 24)))
    np.testing.assert_allclose(
        ae.reconstruct(DIGITS), offset + ae.transform(DIGITS) @ ae.dictionary_, atol=1e-4
    )
    far = 100 * np.random.default_rng(0).normal(size=(5, 24))
    decoded = offset + far @ ae.dictionary_
    # float32 rounds sums of large numbers, some of which are near zero.
    np.testing.assert_allclose(
        ae.inverse_transform(far), decoded, rtol=1e-3, atol=1e-6 * np.abs(decoded).max()
    )


def test_linear_decoder_is_linear_and_another_one_is_not():
    curvature = {}
    for linear_decoder in (True, False):
        ae = fitted(8, kind={"linear_decoder": linear_decoder}, max_epochs=20)
        assert ae.best_epoch_ > 0
        codes = ae.transform(DIGITS)
        middle = ae.inverse_transform((codes[:-1] + codes[1:]) / 2)
        both = ae.inverse_transform(codes)
        bend = middle - (both[:-1] + both[1:]) / 2
        curvature[linear_decoder] = np.square(bend).mean() / DIGITS.var()
        expected = ae.inverse_transform(np.eye(8)) - ae.inverse_transform(np.zeros((1, 8)))
        np.testing.assert_allclose(ae.dictionary_, expected, atol=1e-4)
    assert curvature[True] < 1e-9
    assert curvature[False] > 1e-3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("penalty", ["l1", "topk", "batch_topk"])
def test_sparse_output_is_the_dense_one(penalty, dtype):
    data = DIGITS.astype(dtype)
    dense = fitted(32, data, kind={"penalty": penalty}, max_epochs=2)
    ae = fitted(32, data, kind={"penalty": penalty, "sparse_output": True}, max_epochs=2)
    codes = ae.transform(data)
    assert isinstance(codes, sp.csr_matrix | sp.csr_array)
    assert codes.dtype == dtype
    expected = dense.transform(data)
    assert isinstance(expected, np.ndarray)
    assert np.array_equal(codes.toarray(), expected)
    assert codes.nnz == np.count_nonzero(expected)
    assert 0 < codes.nnz < expected.size
    reconstruction = ae.inverse_transform(codes)
    assert reconstruction.dtype == dtype
    assert np.array_equal(reconstruction, dense.inverse_transform(expected))
    assert np.array_equal(ae.inverse_transform(expected), reconstruction)
    np.testing.assert_allclose(ae.reconstruct(data), reconstruction, atol=1e-4)
    assert np.array_equal(ae.fit_transform(data).toarray(), expected)


def test_larger_codes_than_data_work():
    iris = load_iris().data
    for penalty in SPARSITIES:
        ae = fitted(12, iris, kind={"penalty": penalty, "k": 3}, max_epochs=20)
        assert ae.transform(iris).shape == (150, 12)
        assert ae.score(iris) > 0.7, penalty
        assert np.isfinite(ae.dictionary_).all()


def test_auto_is_a_code_as_large_as_the_data():
    for data in (load_iris().data, DIGITS):
        assert fitted("auto", data, max_epochs=1).n_components_ == data.shape[1]
    for n_features, n_components in ((255, 255), (256, 256), (10_000, 256)):
        assert Sparse().auto_n_components(3, n_features) == n_components


@pytest.mark.parametrize("n_components", [16, 64, 100])
@pytest.mark.parametrize("penalty", COUNTING)
def test_start_already_explains_something(penalty, n_components):
    ae = fitted(n_components, kind={"penalty": penalty, "k": 4}, max_epochs=1)
    # In scaled units the data have the variance one: that is the loss of their mean.
    assert ae.history_["valid_loss"][0] < 0.7
    textbook = fitted(n_components, kind={"penalty": penalty, "k": 4}, max_epochs=1, init="random")
    assert ae.history_["valid_loss"][0] < textbook.history_["valid_loss"][0]


# --- what each parameter does


@pytest.mark.parametrize(
    ("penalty", "term"),
    [
        ("l1", lambda ae: (np.abs(ae.transform(DIGITS)) @ lengths_in_reconstruction(ae)).mean()),
        (
            "l2",
            lambda ae: (
                np.square(ae.transform(DIGITS)) @ np.square(lengths_in_reconstruction(ae))
            ).mean(),
        ),
        ("kl", lambda ae: np.abs(ae.transform(DIGITS).mean(axis=0) - 0.05).mean()),
    ],
)
def test_more_weight_gives_less_to_pay_for(penalty, term):
    little, much = (
        fitted(kind={"penalty": penalty, "weight": weight, "linear_decoder": True})
        for weight in (0.01, 1.0)
    )
    assert term(much) < 0.7 * term(little)
    assert much.score(DIGITS) < little.score(DIGITS)
    if penalty == "l1":
        assert much.sparsity_ > little.sparsity_ + 0.2


@pytest.mark.parametrize(("penalty", "weight"), [("l1", 0.03), ("l2", 0.1), ("kl", 0.1)])
def test_auto_weight(make_network, penalty, weight):
    X = rows()
    automatic, same, other = (
        sparse_network(make_network, penalty, weight=w).sample_losses(X)
        for w in ("auto", weight, 2 * weight)
    )
    assert torch.equal(automatic, same)
    assert (automatic < other).all()


def test_a_weight_of_zero_adds_nothing(make_network):
    X = rows()
    for penalty in ("l1", "l2", "kl"):
        network = sparse_network(make_network, penalty, weight=0)
        output, _ = network(X)
        torch.testing.assert_close(network.sample_losses(X), (output - X).square().mean(1))


def test_higher_target_gives_more_activation():
    means = [
        fitted(kind={"penalty": "kl", "weight": 1.0, "target_activation": target})
        .transform(DIGITS)
        .mean()
        for target in (0.02, 0.1, 0.4)
    ]
    assert means[0] < means[1] < means[2]
    np.testing.assert_allclose(means, [0.02, 0.1, 0.4], rtol=0.8)


@pytest.mark.parametrize("penalty", COUNTING)
def test_larger_k_gives_better_reconstructions(penalty):
    scores, sparsities = [], []
    for k in (1, 4, 16):
        ae = fitted(32, kind={"penalty": penalty, "k": k})
        scores.append(ae.score(DIGITS))
        sparsities.append(ae.sparsity_)
    assert scores[0] + 0.05 < scores[1] < scores[2] - 0.05
    np.testing.assert_allclose(sparsities, [31 / 32, 28 / 32, 16 / 32], atol=0.06)


def test_each_penalty_gives_codes_of_its_own():
    codes = [fitted(kind={"penalty": name}, max_epochs=2).transform(DIGITS) for name in SPARSITIES]
    for i, first in enumerate(codes):
        for second in codes[:i]:
            assert not np.allclose(first, second, atol=0.01)


def test_corruption_helps_with_hidden_entries():
    hidden = np.random.default_rng(0).random(DIGITS.shape) < 0.5
    shown = np.where(hidden, DIGITS.mean(axis=0), DIGITS)
    errors = [
        np.square(fitted(kind={"corruption": corruption}).reconstruct(shown) - DIGITS).mean()
        for corruption in (None, Masking(0.5))
    ]
    assert errors[1] < 0.9 * errors[0]


# --- what is refused


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        (
            {"penalty": "lasso"},
            r"penalty of Sparse must be one of "
            r"\['batch_topk', 'kl', 'l1', 'l2', 'topk'\], got 'lasso'\.",
        ),
        ({"penalty": None}, r"penalty of Sparse must be one of .*, got None\."),
        ({"penalty": ["l1"]}, r"penalty of Sparse must be one of .*, got \['l1'\]\."),
        ({"weight": -0.1}, r"weight of Sparse must be a number in \[0, 1e\+30\], got -0\.1\."),
        ({"weight": np.nan}, r"weight of Sparse must be a number in \[0, 1e\+30\], got nan\."),
        ({"weight": np.inf}, r"weight of Sparse must be a number in \[0, 1e\+30\], got inf\."),
        ({"weight": "big"}, r"weight of Sparse must be a number in \[0, 1e\+30\], got 'big'\."),
        ({"weight": True}, r"weight of Sparse must be a number in \[0, 1e\+30\], got True\."),
        *(
            (
                {"penalty": "kl", "target_activation": target},
                rf"target_activation of Sparse must be a number in \(0, 1\), got {target!r}\.",
            )
            for target in (0, 1, -0.1, 1.5, None)
        ),
        *(
            (
                {"penalty": penalty, "k": k},
                rf"k of Sparse must be an integer from 1 to 4, as the code has 4 values, "
                rf"got {k!r}\.",
            )
            for penalty in COUNTING
            for k in (0, 5, -1, True, 2.0, "all")
        ),
        *(
            (
                {"penalty": penalty, "sparse_output": True},
                rf"sparse_output=True of Sparse has no benefit with penalty='{penalty}', whose "
                rf"codes have no zeros: use penalty='l1', 'topk' or 'batch_topk'\.",
            )
            for penalty in ("l2", "kl")
        ),
    ],
)
def test_bad_parameters(parameters, sentence):
    ae = AutoencoderTransformer(4, kind=Sparse(**parameters), max_epochs=1)
    with pytest.raises(ValueError, match=sentence):
        ae.fit(DIGITS[:20])
    assert not hasattr(ae, "n_components_")


def test_integers_of_numpy_are_integers():
    ae = fitted(
        4, kind={"penalty": "topk", "k": np.int64(4), "weight": np.float32(1)}, max_epochs=1
    )
    assert ae.sparsity_ == 0
