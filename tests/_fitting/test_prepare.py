"""From validated rows to a network with its first weights."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning

from skae._fitting import prepare as module
from skae._fitting.prepare import prepare, prepare_again
from skae._network.fitted_network import FittedNetwork
from skae._network.head import HeadPlan
from skae.architectures import Dense
from skae.corruptions import Missing, Occlusion
from skae.kinds import Denoising
from skae.losses import BCE


def assert_same_network(one, other):
    expected = other.network.state_dict()
    for name, tensor in one.network.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


@pytest.mark.parametrize("holes", [False, True])
def test_rows_of_weight_zero_could_as_well_not_be_there(X, incomplete, make_prepared, holes):
    rows = incomplete if holes else X
    kept = np.arange(60) % 3 > 0
    weight = np.where(kept, 1 + np.arange(60) / 60, 0)
    spoilt = np.where(kept[:, None], rows, 1e6)
    one = make_prepared(spoilt, weight, n_components=0.8)
    other = make_prepared(rows[kept], weight[kept], n_components=0.8)
    assert_same_network(one, other)
    assert len(one.rows) == kept.sum()
    np.testing.assert_array_equal(one.X[:], rows[kept])
    assert torch.equal(one.sample_weight, other.sample_weight)
    assert one.spec.n_components == other.spec.n_components
    np.testing.assert_array_equal(one.mean, other.mean)
    assert one.spec.scaling.scale == other.spec.scaling.scale


def test_rows_are_scaled_and_weights_are_tensors(X, make_prepared):
    weight = np.linspace(0.5, 1.5, 60)
    prepared = make_prepared(X, weight, precision="float64")
    mean = np.average(X, axis=0, weights=weight)
    scale = np.sqrt(np.average(np.square(X - mean), axis=0, weights=weight).mean())
    np.testing.assert_allclose(prepared.mean, mean)
    assert prepared.spec.scaling.scale == pytest.approx(scale)
    found = prepared.rows.take(torch.arange(60))
    np.testing.assert_allclose(found.numpy(), (X - mean) / scale)
    np.testing.assert_array_equal(prepared.sample_weight.numpy(), weight)
    assert make_prepared(X).sample_weight.tolist() == [1.0] * 60


@pytest.mark.parametrize("fraction", [0.3, 0.7, 0.95])
def test_a_fraction_of_the_variance_is_that_of_pca(X, make_prepared, fraction):
    expected = PCA(fraction, svd_solver="full").fit(X).n_components_
    assert make_prepared(X, n_components=fraction).spec.n_components == expected


@pytest.mark.parametrize("init", ["pca", "random"])
def test_the_size_of_the_code_does_not_depend_on_the_start(X, make_prepared, init):
    prepared = make_prepared(X, n_components="auto", init=init)
    needed = PCA(0.9, svd_solver="full").fit(X).n_components_
    assert prepared.spec.n_components == min(needed, 3)


def test_the_first_network_is_pca_of_the_weighted_rows(X, make_prepared):
    counts = 1 + np.arange(60) % 3
    prepared = make_prepared(X, counts / counts.mean(), precision="float64")
    pca = PCA(2, svd_solver="full").fit(np.repeat(X, counts, axis=0))
    with torch.no_grad():
        scaled = prepared.rows.take(torch.arange(60))
        network = prepared.network.eval()
        found = network.decode(network.encode(scaled)).numpy()
    expected = pca.inverse_transform(pca.transform(X))
    np.testing.assert_allclose(prepared.spec.scaling.undo(found), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "linear_path"),
    [
        ({}, True),
        ({"init": "random"}, False),
        ({"n_components": 9, "kind": "overcomplete"}, False),
        ({"n_components": 9, "kind": "sparse"}, True),
    ],
)
def test_a_start_counts_where_there_is_a_linear_path(X, make_prepared, parameters, linear_path):
    prepared = make_prepared(X, **parameters)
    assert prepared.spec.linear_path is linear_path
    assert prepared.start_counts is linear_path
    assert (prepared.network.linear_encoder is not None) is linear_path
    assert not prepared.goes_on


# --- missing values


@pytest.mark.parametrize(
    ("holes", "given", "parameters", "expected"),
    [
        (False, {}, {}, False),
        (True, {}, {}, True),
        (False, {"takes_missing": True}, {}, True),
        (False, {}, {"kind": Denoising(Missing())}, True),
    ],
    ids=["complete", "holes", "holes later", "holes by corruption"],
)
def test_networks_take_missing_values_where_there_may_be_some(
    X, incomplete, make_prepared, holes, given, parameters, expected
):
    prepared = make_prepared(incomplete if holes else X, given=given, **parameters)
    assert prepared.spec.takes_missing is expected
    assert (prepared.gaussian is not None) is expected
    assert (prepared.network.missing is not None) is expected
    if expected:
        assert prepared.spec.filling_rank == prepared.gaussian.factor.shape[1]


def test_a_distribution_that_is_known_already_is_not_fitted_again(incomplete, make_prepared):
    known = make_prepared(incomplete).gaussian
    prepared = make_prepared(incomplete[:30], given={"gaussian": known})
    assert prepared.gaussian is known
    factor = prepared.network.missing.filling.factor
    torch.testing.assert_close(factor, known.factor.to(factor.dtype))


def test_the_code_may_have_as_many_values_as_the_distribution_has_factors(
    incomplete, make_prepared
):
    prepared = make_prepared(incomplete, of_role={"n_components": "filling rank"})
    assert prepared.spec.n_components == prepared.gaussian.factor.shape[1]


# --- randomness, precision, other parts


def test_seeds_decide_everything_random(X, make_prepared):
    first, same, other = (make_prepared(X, seed=seed) for seed in (3, 3, 4))
    assert first.seeds == same.seeds
    assert len({*first.seeds, *other.seeds}) == 6
    assert_same_network(first, same)
    weights = [of.network.encoder[0].weight for of in (first, other)]
    assert not torch.equal(*weights)
    assert torch.equal(first.network.linear_encoder.weight, other.network.linear_encoder.weight)


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("float32", torch.float32), ("float64", torch.float64), ("bfloat16", torch.float32)],
)
def test_precision_is_that_of_network_and_rows(X, make_prepared, precision, dtype):
    prepared = make_prepared(X, precision=precision)
    assert {parameter.dtype for parameter in prepared.network.parameters()} == {dtype}
    assert prepared.rows.dtype == prepared.sample_weight.dtype == dtype
    assert prepared.spec.precision == precision


@pytest.mark.parametrize(("batch_size", "n_rows"), [(16, 16), ("auto", 100), (np.uint8(200), 200)])
def test_automatic_precision_goes_by_the_work_of_a_batch(
    X, make_prepared, monkeypatch, batch_size, n_rows
):
    asked = []
    monkeypatch.setattr(
        module, "resolve_precision", lambda *given: asked.append(given) or "bfloat16"
    )
    rows = np.tile(X, (17, 1))[:1000]
    prepared = make_prepared(rows, batch_size=batch_size)
    work = n_rows * prepared.network.work.in_all
    assert asked == [("auto", torch.device("cpu"), work)]
    assert prepared.spec.precision == "bfloat16"


def test_lost_digits_are_warned_of_in_float32_only(X, make_prepared):
    rows = np.tile(X, (4, 1))
    rows[0, 2] = 1e12
    with pytest.warns(ConvergenceWarning, match="feature 2"):
        make_prepared(rows)
    make_prepared(rows, precision="float64")


def test_rows_to_be_reconstructed_badly_are_scaled_as_the_others(X, make_prepared):
    prepared = make_prepared(X[:50], given={"repelled": X[50:]}, precision="float64")
    expected = (X[50:] - X[:50].mean(axis=0)) / prepared.spec.scaling.scale
    np.testing.assert_allclose(prepared.repelled.numpy(), expected)
    assert len(prepared.rows) == 50


@pytest.mark.parametrize("none", [None, np.empty((0, 6))])
def test_no_such_rows_are_none(X, make_prepared, none):
    assert make_prepared(X, given={"repelled": none}).repelled is None


def test_a_head_is_part_of_the_network(X, make_prepared):
    head = HeadPlan(3, (4,), 0.5)
    prepared = make_prepared(X, given={"head": head})
    assert prepared.spec.head is head
    with torch.no_grad():
        codes = prepared.network.encode(prepared.rows.take(torch.arange(5)))
        assert prepared.network.head(codes).shape == (5, 3)


def test_the_architecture_is_resolved_by_the_rows(X, make_prepared):
    prepared = make_prepared(X, architecture=Dense())
    assert not isinstance(prepared.spec.architecture.hidden_layer_sizes, str)
    assert prepared.policy.architecture.get_params() == Dense().get_params()


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"n_components": 9}, "n_components=9"),
        ({"loss": BCE()}, r"bce|\[0, 1\]"),
        ({"kind": Denoising(Occlusion())}, "Occlusion"),
    ],
    ids=["code", "loss", "corruption"],
)
def test_parts_that_do_not_go_together_are_refused(X, make_policy, parameters, match):
    with pytest.raises(ValueError, match=match):
        prepare(X, make_policy(**parameters), 0)


# --- going on from a fitted network


@pytest.fixture
def fitted(X, make_prepared):
    prepared = make_prepared(X)
    with torch.no_grad():
        for parameter in prepared.network.parameters():
            parameter.add_(0.1)
    return FittedNetwork.of(prepared.spec, prepared.network)


def test_a_fit_goes_on_with_weights_scaling_and_parts(X, make_policy, fitted):
    rows, mean = 3 * X + 1, np.arange(6.0)
    prepared = prepare_again(rows, make_policy(n_components=2), 0, fitted, mean)
    for name, tensor in prepared.network.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), fitted.weights[name])
    assert prepared.spec.scaling is fitted.scaling
    assert prepared.spec.n_components == 2
    assert type(prepared.spec.kind) is type(fitted.spec.kind)
    assert prepared.mean is mean
    expected = fitted.scaling.apply(rows)
    np.testing.assert_array_equal(prepared.rows.take(torch.arange(60)).numpy(), expected)
    assert prepared.goes_on
    assert prepared.start_counts
    assert not prepared.takes_folds


def test_going_on_leaves_the_fitted_network_alone(X, make_policy, fitted):
    before = {name: weights.copy() for name, weights in fitted.weights.items()}
    prepared = prepare_again(X, make_policy(), 0, fitted, X.mean(axis=0))
    with torch.no_grad():
        for parameter in prepared.network.parameters():
            parameter.zero_()
    for name, weights in fitted.weights.items():
        np.testing.assert_array_equal(weights, before[name])
    assert any(parameter.requires_grad for parameter in prepared.network.parameters())
    assert fitted.network("cpu") is not prepared.network


def test_going_on_leaves_out_rows_of_weight_zero_and_may_change_the_precision(
    X, make_policy, fitted
):
    weight = (np.arange(60) % 2).astype(float) * 2
    policy = make_policy(precision="float64")
    prepared = prepare_again(X, policy, 0, fitted, X.mean(axis=0), sample_weight=weight)
    assert len(prepared.rows) == 30
    assert prepared.sample_weight.tolist() == [2.0] * 30
    assert prepared.spec.precision == "float64"
    assert {parameter.dtype for parameter in prepared.network.parameters()} == {torch.float64}
