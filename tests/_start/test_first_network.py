"""What the linear path of a network starts as."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from skae._data.moments import Moments
from skae._data.rows import Rows
from skae._network.network_spec import NetworkSpec
from skae._start.first_network import Start, check_kind, first_network
from skae._start.linear_part import LinearPart
from skae._start.principal_axes import principal_axes
from skae.architectures import Dense
from skae.corruptions import Missing
from skae.kinds import Denoising, Kind, Overcomplete, Sparse, Undercomplete
from skae.kinds.interface import Setting
from skae.losses import MSE


@pytest.fixture
def started(make_rows, make_network):
    def started(X, n_components=3, kind=None, weight=None, seed=0, architecture=None, n_axes=None):
        """Return a network in float64 that starts at some rows."""
        rows = make_rows(X)
        weight = torch.ones(len(X)) if weight is None else torch.as_tensor(weight)
        weight = weight.double()
        generator = torch.Generator().manual_seed(0)
        axes = principal_axes(rows, n_axes or min(X.shape), generator, weight)
        network = make_network(
            n_features=X.shape[1],
            n_components=n_components,
            kind=kind,
            architecture=architecture,
            dtype=torch.float64,
        )
        Start(rows, weight, axes, seed).apply(network)
        return network

    return started


def encoder_of(network):
    return network.linear_encoder.weight.detach().numpy()


def decoder_of(network):
    return network.linear_decoder.weight.detach().numpy().T


def reconstruction_of(network, X):
    with torch.no_grad():
        return network.decode(network.encode(torch.from_numpy(X))).numpy()


def rows_they_point_to(directions, X, mean):
    """Return the index of the row that each direction points to from the mean."""
    away = X - mean
    away = away / np.linalg.norm(away, axis=1, keepdims=True)
    cosines = directions / np.linalg.norm(directions, axis=1, keepdims=True) @ away.T
    np.testing.assert_allclose(cosines.max(axis=1), 1, atol=1e-12)
    return cosines.argmax(axis=1)


@pytest.mark.parametrize("n_components", [1, 3, 6])
def test_plain_start_is_pca_with_codes_of_unit_variance(X, started, n_components):
    network = started(X, n_components)
    pca = PCA(n_components, svd_solver="full").fit(X)
    deviations = pca.transform(X).std(axis=0)
    expected = np.abs(pca.components_ / deviations[:, None])
    np.testing.assert_allclose(np.abs(encoder_of(network)), expected, rtol=1e-6, atol=1e-10)
    expected = pca.inverse_transform(pca.transform(X))
    np.testing.assert_allclose(reconstruction_of(network, X), expected, atol=1e-10)
    left_over = np.sqrt(np.square(X - expected).mean())
    smallest = 1e-5 * np.sqrt(X.var(axis=0).mean())
    assert float(network.residual_scale) == pytest.approx(max(left_over, smallest), rel=1e-6)


def test_axes_without_variance_are_not_blown_up(started):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(40, 2)), np.full((40, 3), 7.0)])
    network = started(X, 4)
    deviation = np.sqrt(X.var(axis=0).mean())
    assert np.abs(encoder_of(network)).max() <= 1 / (1e-3 * deviation) * 1.001
    np.testing.assert_allclose(reconstruction_of(network, X), X, atol=1e-10)


def test_constant_rows(started):
    X = np.full((20, 4), 3.0)
    network = started(X, 2)
    assert torch.isfinite(torch.cat([p.flatten() for p in network.parameters()])).all()
    np.testing.assert_allclose(reconstruction_of(network, X), X, atol=1e-12)
    sparse = started(X, 6, Sparse("topk", k=2))
    assert torch.isfinite(torch.cat([p.flatten() for p in sparse.parameters()])).all()
    np.testing.assert_allclose(reconstruction_of(sparse, X), X, atol=1e-12)


def test_fewer_axes_than_the_code_has_values(started):
    """Two rows have one axis: what the code has beyond it sees and says nothing."""
    X = np.random.default_rng(0).normal(size=(2, 12))
    network = started(X, 3)
    assert (encoder_of(network)[0] != 0).any()
    assert (encoder_of(network)[1:] == 0).all()
    assert (decoder_of(network)[1:] == 0).all()
    np.testing.assert_allclose(reconstruction_of(network, X), X, atol=1e-10)


@pytest.mark.parametrize("weight", [None, np.linspace(0, 3, 60)])
def test_mean_and_axes_are_weighted(X, started, weight):
    counts = np.ones(60) if weight is None else weight
    network = started(X, 2, weight=counts)
    mean = np.average(X, axis=0, weights=counts)
    covariance = (X - mean).T @ ((X - mean) * counts[:, None]) / counts.sum()
    values, vectors = np.linalg.eigh(covariance)
    expected = vectors[:, :-3:-1] / np.sqrt(values[:-3:-1])
    np.testing.assert_allclose(np.abs(encoder_of(network)), np.abs(expected.T), rtol=1e-8)
    np.testing.assert_allclose(network.linear_decoder.bias.detach().numpy(), mean, rtol=1e-12)


# --- codes larger than the data


def test_units_of_larger_codes_point_to_rows(X, started):
    network = started(X, 20, Sparse("topk", k=3))
    chosen = rows_they_point_to(encoder_of(network), X, X.mean(axis=0))
    assert len(set(chosen)) == 20
    deviation = np.sqrt(X.var(axis=0).mean())
    lengths = np.linalg.norm(encoder_of(network), axis=1)
    np.testing.assert_allclose(lengths, 1 / deviation, rtol=1e-10)
    offset = network.linear_encoder.bias.detach().numpy()
    np.testing.assert_allclose(offset, -encoder_of(network) @ X.mean(axis=0), rtol=1e-10)


def test_rows_serve_twice_only_where_there_are_too_few(X, started):
    network = started(X[:9], 20, Sparse("topk", k=3))
    chosen = rows_they_point_to(encoder_of(network), X[:9], X[:9].mean(axis=0))
    assert sorted(np.bincount(chosen)) == [2] * 7 + [3] * 2


def test_seed_decides_the_rows(X, started):
    first, same, other = (
        encoder_of(started(X, 20, Sparse("topk", k=3), seed=seed)) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, same)
    assert not np.allclose(first, other)


class HalfAxes(Kind):
    """Starts two of its values at an axis."""

    def n_axes(self, n_components, n_features):
        return 2


def test_axes_come_before_directions(X, started):
    network = started(X, 6, HalfAxes())
    pca = PCA(2, svd_solver="full").fit(X)
    encoder = encoder_of(network)
    deviations = pca.transform(X).std(axis=0)
    expected = pca.components_ / deviations[:, None]
    np.testing.assert_allclose(np.abs(encoder[:2]), np.abs(expected), rtol=1e-8)
    rows_they_point_to(encoder[2:], X, X.mean(axis=0))
    deviation = np.sqrt(X.var(axis=0).mean())
    np.testing.assert_allclose(np.linalg.norm(encoder[2:], axis=1), 1 / deviation)
    left_over = np.square(X - pca.inverse_transform(pca.transform(X))).mean()
    assert float(network.residual_scale) == pytest.approx(np.sqrt(left_over))


@pytest.mark.parametrize("kind", [Undercomplete(), Overcomplete(), Sparse("l1"), Sparse("topk")])
def test_codes_up_to_the_size_of_the_data_start_at_axes_alone(X, started, kind):
    encoders = [encoder_of(started(X, 6, kind, seed=seed)) for seed in (0, 1)]
    assert np.array_equal(*encoders)
    axes = PCA(6, svd_solver="full").fit(X).components_
    directions = encoders[0] / np.linalg.norm(encoders[0], axis=1, keepdims=True)
    np.testing.assert_allclose(np.abs(directions), np.abs(axes), atol=1e-8)


@pytest.mark.parametrize(
    ("kind", "n_components"),
    [
        (Undercomplete(), 3),
        (Sparse("topk", k=2), 3),
        (Sparse("topk", k=2), 20),
        (Sparse("batch_topk", k=2), 20),
        (Sparse("l1"), 20),
    ],
)
def test_rows_of_weight_zero_are_never_looked_at(X, started, kind, n_components):
    counted = np.arange(60) % 3 > 0
    with_others = np.where(counted[:, None], X, 1e6 * X[::-1])
    reference = started(X[counted], n_components, kind).state_dict()
    network = started(with_others, n_components, kind, weight=counted.astype(float))
    for name, values in network.state_dict().items():
        torch.testing.assert_close(values, reference[name], rtol=1e-8, atol=1e-8, msg=name)


# --- what the sparse kind makes of the axes


@pytest.mark.parametrize("target", [0.05, 0.3])
def test_activations_of_the_mean_row_start_at_their_target(X, started, target):
    network = started(X, 4, Sparse("kl", target_activation=target))
    with torch.no_grad():
        code = network.encode(torch.from_numpy(X.mean(axis=0, keepdims=True)))
        raw = network.encoder_output(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(code.numpy(), target, rtol=1e-10)
    np.testing.assert_allclose(raw.std(axis=0), 1, rtol=1e-10)


@pytest.mark.parametrize("penalty", ["l1", "l2", "topk", "batch_topk"])
def test_sparse_codes_start_in_one_unit(X, started, penalty):
    """Divided by their own deviations, small values would be as large as large ones."""
    network = started(X, 4, Sparse(penalty, k=2))
    pca = PCA(4, svd_solver="full").fit(X)
    unit = np.sqrt(np.square(pca.transform(X)).mean())
    expected = np.abs(pca.components_) / unit
    np.testing.assert_allclose(np.abs(encoder_of(network)), expected, rtol=1e-6, atol=1e-10)


# --- the fit of the decoder


@pytest.mark.parametrize("n_components", [4, 20])
@pytest.mark.parametrize(
    "kind",
    [Sparse("topk", k=2), Sparse("batch_topk", k=2), Sparse("l1"), Sparse("l2"), Sparse("kl")],
    ids=lambda kind: kind.penalty,
)
def test_decoder_is_the_least_squares_fit_of_rows_by_codes(X, started, kind, n_components):
    X = X[:50]
    network = started(X, n_components, kind)
    assert network.training
    with torch.no_grad():
        codes = network.eval().encode(torch.from_numpy(X)).numpy()
    mean_code, mean = codes.mean(axis=0), X.mean(axis=0)
    centred = codes - mean_code
    # The ridge is a share of the mean square of a code.
    ridge = np.sqrt(1e-3 * np.square(centred).sum(axis=0).mean())
    A = np.vstack([centred, ridge * np.eye(n_components)])
    b = np.vstack([X - mean, np.zeros((n_components, X.shape[1]))])
    expected = np.linalg.lstsq(A, b, rcond=None)[0]
    np.testing.assert_allclose(decoder_of(network), expected, rtol=1e-6, atol=1e-8)
    offset = network.linear_decoder.bias.detach().numpy()
    np.testing.assert_allclose(offset, mean - mean_code @ expected, rtol=1e-6, atol=1e-8)


def test_the_fit_is_better_than_the_transposed_directions(X, started):
    class Transposed(Sparse):
        fits_decoder = False

    errors = [
        np.square(X - reconstruction_of(started(X, 20, kind), X)).mean()
        for kind in (Sparse("topk", k=2), Transposed("topk", k=2))
    ]
    assert errors[0] < 0.9 * errors[1]
    assert errors[0] < 0.8 * X.var(axis=0).mean()


def test_tied_decoders_are_not_fitted(X, started):
    network = started(X, 4, Sparse("topk", k=2), architecture=Dense((8,), tied_weights=True))
    assert np.array_equal(decoder_of(network), encoder_of(network))
    lengths = np.linalg.norm(encoder_of(network), axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-10)
    offset = network.linear_decoder.bias.detach().numpy()
    np.testing.assert_allclose(offset, X.mean(axis=0), rtol=1e-10)


# --- the whole network


def make_spec(X, scaling, **parts):
    parts = {
        "kind": Undercomplete(),
        "architecture": Dense((8,)),
        "loss": MSE(),
        "n_components": 2,
        "linear_path": True,
        "precision": "float64",
        **parts,
    }
    return NetworkSpec(n_features=X.shape[1], scaling=scaling, **parts)


def network_of(X, seed=0, weight=None, **parts):
    moments = Moments.of(X)
    scaling = moments.scaling(rescales=True)
    rows = Rows(X, scaling, torch.device("cpu"), torch.float64)
    part = LinearPart(rows, seed)
    weight = torch.ones(len(X)).double() if weight is None else weight
    gaussian = None if parts.get("filling_rank") is None else part.gaussian(weight)
    if gaussian is not None:
        parts["filling_rank"] = gaussian.factor.shape[1]
    axes = part.principal_axes(2, weight, gaussian) if parts.get("linear_path", True) else None
    spec = make_spec(X, scaling, **parts)
    return first_network(spec, part, moments, weight, axes, gaussian), scaling, gaussian


def test_a_first_network_is_pca_in_units_of_X(X):
    network, scaling, _ = network_of(X)
    pca = PCA(2, svd_solver="full").fit(X)
    found = scaling.undo(reconstruction_of(network.eval(), scaling.apply(X, np.float64)))
    np.testing.assert_allclose(found, pca.inverse_transform(pca.transform(X)), atol=1e-8)
    assert network_of(X)[0].training


def test_a_first_network_knows_the_features_in_its_own_units(X):
    network, scaling, _ = network_of(X, linear_path=False)
    features = network.features
    np.testing.assert_allclose(features.mean.numpy(), np.zeros(6), atol=1e-12)
    np.testing.assert_allclose(features.deviation.numpy(), X.std(axis=0) / scaling.scale)
    scaled = scaling.apply(X, np.float64)
    np.testing.assert_allclose(features.low.numpy(), scaled.min(axis=0))
    np.testing.assert_allclose(features.high.numpy(), scaled.max(axis=0))
    np.testing.assert_allclose(features.unscaled(torch.from_numpy(scaled)).numpy(), X)
    assert network.linear_encoder is None
    assert network.missing is None


def test_the_seed_decides_the_residual_networks_alone(X):
    first, same, other = (network_of(X, seed=seed)[0] for seed in (0, 0, 1))
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, same.state_dict()[name])
        drawn = name in ("encoder.0.weight", "encoder.0.bias", "decoder.0.weight", "decoder.0.bias")
        assert torch.equal(tensor, other.state_dict()[name]) is not drawn, name


def test_a_first_network_fills_missing_values_by_their_distribution(X):
    random = np.random.default_rng(0)
    holes = np.where(random.random(X.shape) < 0.2, np.nan, X)
    network, scaling, gaussian = network_of(holes, filling_rank=1)
    filling = network.missing.filling
    for name in ("mean", "deviation", "factor"):
        torch.testing.assert_close(getattr(filling, name), getattr(gaussian, name))
    assert float(filling.noise) == pytest.approx(gaussian.noise)
    known = 1 - np.isnan(holes).mean()
    assert float(network.missing.known_fraction) == pytest.approx(known)
    shown = torch.from_numpy(scaling.apply(holes, np.float64))
    assert torch.isfinite(network.filled(shown)).all()
    # The linear path starts at the axes of the filled rows.
    with torch.no_grad():
        filled = network.filled(shown).numpy()
        rebuilt = network.eval().decode(network.encode(shown)).numpy()
    pca = PCA(2, svd_solver="full").fit(filled)
    expected = pca.inverse_transform(pca.transform(filled))
    np.testing.assert_allclose(rebuilt, expected, atol=0.3 * filled.std())


def test_a_decoder_is_fitted_to_filled_rows(X):
    holes = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    network = network_of(holes, kind=Sparse("topk", k=1), filling_rank=1)[0]
    assert all(torch.isfinite(parameter).all() for parameter in network.parameters())


@pytest.mark.parametrize("kind", [Denoising(Missing(0.5)), Undercomplete(Missing(0.5))])
def test_hidden_entries_set_the_unit_of_the_residual(X, kind):
    """More than PCA leaves over of whole rows."""
    hidden = network_of(X, kind=kind, n_components=2, filling_rank=1)[0]
    plain = network_of(X, n_components=2)[0]
    assert float(hidden.residual_scale) > 1.05 * float(plain.residual_scale)
    assert hidden.training


# --- what a kind cannot work with


def setting(**changed):
    given = {"n_components": 2, "n_features": 6, "sample_shape": (6,), "loss": MSE(), **changed}
    return Setting(**given)


def test_kinds_and_corruptions_that_fit_are_accepted():
    check_kind(Undercomplete(), setting())
    check_kind(Denoising(Missing(0.5)), setting())


@pytest.mark.parametrize(
    ("kind", "match"),
    [(Undercomplete(), "n_components=7"), (Denoising(Missing(2.0)), "Missing")],
    ids=["kind", "corruption"],
)
def test_kinds_and_corruptions_that_do_not_fit_are_refused(kind, match):
    with pytest.raises(ValueError, match=match):
        check_kind(kind, setting(n_components=7 if kind.corruption is None else 2))
