import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from skae._start.linear_path import set_linear_path
from skae.architectures import ARCHITECTURES, Dense
from skae.kinds import KINDS, Sparse
from skae.losses import BCE, LOSSES

N_COMPONENTS = 3


@pytest.fixture
def pca(X):
    return PCA(N_COMPONENTS, whiten=True, svd_solver="full").fit(X)


def start_at(network, pca, n_samples, residual_scale=0.5):
    # scikit-learn divides by n - 1, the network by n.
    share = (n_samples - 1) / n_samples
    deviations = torch.from_numpy(np.sqrt(pca.explained_variance_ * share))
    set_linear_path(
        network,
        torch.from_numpy(pca.components_),
        network.kind.linear_start(deviations, pca.noise_variance_ * share),
        torch.from_numpy(pca.mean_),
        residual_scale,
    )
    return network


def starts_at_pca(kind):
    """Return whether a kind's linear path is that of PCA, and not one fitted to its own codes."""
    return kind.takes_linear_path(N_COMPONENTS, 6) and not kind.fits_decoder


def probabilistic_pca(X):
    """Return the means of the posterior and the reconstructions of Tipping and Bishop 1999."""
    centred = X - X.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(X))
    noise = variances[:-N_COMPONENTS].mean()
    W = axes[:, -N_COMPONENTS:] * np.sqrt(variances[-N_COMPONENTS:] - noise)
    M = W.T @ W + noise * np.eye(N_COMPONENTS)
    codes = (centred @ W @ np.linalg.inv(M))[:, ::-1]
    return codes, X.mean(axis=0) + codes[:, ::-1] @ W.T


@pytest.mark.parametrize("kind", [name for name in KINDS if starts_at_pca(KINDS[name]())])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("loss", [name for name in LOSSES if LOSSES[name].rescales])
def test_start_is_pca(X, pca, make_network, kind, architecture, loss):
    network = make_network(
        n_components=N_COMPONENTS,
        kind=KINDS[kind](),
        architecture=ARCHITECTURES[architecture](),
        loss=LOSSES[loss](),
        dtype=torch.float64,
    )
    start_at(network, pca, len(X))
    rows = torch.from_numpy(X)
    codes = network.encode(rows).detach().numpy()
    reconstruction = network.decode(network.encode(rows)).detach().numpy()
    if KINDS[kind].has_posterior:
        means, expected = probabilistic_pca(X)
        np.testing.assert_allclose(np.abs(codes), np.abs(means), atol=1e-10)
        np.testing.assert_allclose(reconstruction, expected, atol=1e-10)
        return
    whitened = pca.transform(X) * np.sqrt(len(X) / (len(X) - 1))
    deviations = 1
    if kind == "compressive":  # in units of one step, of a size that its weight asks for
        deviations = pca.singular_values_ / np.sqrt(len(X)) / np.sqrt(6 * 0.3 / np.log(2))
    np.testing.assert_allclose(np.abs(codes), np.abs(whitened * deviations), atol=1e-10)
    np.testing.assert_allclose(codes.std(axis=0), deviations, rtol=1e-10)
    np.testing.assert_allclose(codes.mean(axis=0), 0, atol=1e-10)
    expected = pca.inverse_transform(pca.transform(X))
    np.testing.assert_allclose(reconstruction, expected, atol=1e-10)


def test_start_with_probabilities_is_pca_clipped(X, make_network):
    """Sharp zeros and ones, so that PCA's reconstruction leaves [0, 1]."""
    X = np.greater(X, X.mean(axis=0)).astype(float)
    pca = PCA(N_COMPONENTS, svd_solver="full").fit(X)
    network = make_network(n_components=N_COMPONENTS, loss=BCE(), dtype=torch.float64)
    start_at(network, pca, len(X))
    rows = torch.from_numpy(X)
    expected = pca.inverse_transform(pca.transform(X))
    assert expected.min() < -0.01
    assert expected.max() > 1.01
    reconstruction = network.decode(network.encode(rows)).detach().numpy()
    np.testing.assert_allclose(reconstruction, expected.clip(0, 1), atol=1.01e-3)


def test_start_does_not_depend_on_the_first_weights(X, pca, make_network):
    rows = torch.from_numpy(X)
    codes = [
        start_at(make_network(n_components=3, dtype=torch.float64, seed=s), pca, 60).encode(rows)
        for s in (0, 1)
    ]
    assert torch.equal(*codes)


def test_all_of_the_network_learns(X, pca, make_network):
    """The residual networks start at zero, but their last layers do not stay there."""
    network = start_at(make_network(n_components=3, dtype=torch.float64), pca, len(X))
    network.sample_losses(torch.from_numpy(X)).mean().backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    at_once = {"linear_encoder", "linear_decoder", "encoder.2", "decoder.2"}
    for name, gradient in gradients.items():
        assert torch.isfinite(gradient).all()
        if name.rpartition(".")[0] in at_once and name != "linear_decoder.bias":
            assert (gradient != 0).any(), name
    with torch.no_grad():
        for parameter in network.parameters():
            parameter -= 0.01 * parameter.grad
    network.zero_grad()
    network.sample_losses(torch.from_numpy(X)).mean().backward()
    for name, parameter in network.named_parameters():
        assert (parameter.grad != 0).any(), name


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_without_linear_path_it_is_the_textbook_network(X, make_network, architecture):
    network = make_network(linear_path=False, architecture=ARCHITECTURES[architecture]())
    rows = torch.from_numpy(X).float()
    shaped = rows.reshape(-1, *network.sample_shape)
    assert network.linear_encoder is None
    assert network.linear_decoder is None
    assert not any(name.startswith("linear") for name, _ in network.named_parameters())
    code = network.encode(rows)
    assert torch.equal(code, network.encoder(shaped))
    assert torch.equal(network.decode(code), network.decoder(code).reshape(-1, 6))
    assert (code != 0).all()
    assert (network.decode(code) != 0).all()


def test_textbook_network_with_probabilities(make_network, generator):
    network = make_network(linear_path=False, loss=BCE())
    code = torch.randn(5, 2, generator=generator)
    assert torch.equal(network.decode(code), torch.sigmoid(network.decoder(code)))


def test_encoder_is_linear_path_plus_residual(X, make_network):
    network = make_network()
    torch.nn.init.constant_(network.encoder[-1].bias, 0.5)
    torch.nn.init.constant_(network.decoder[-1].bias, 0.25)
    rows = torch.from_numpy(X).float()
    code = network.encode(rows)
    torch.testing.assert_close(code, network.linear_encoder(rows) + 0.5)
    torch.testing.assert_close(network.decode(code), network.linear_decoder(code) + 0.25)


@pytest.mark.parametrize("residual_scale", [0.01, 1.0, 3.0])
def test_residual_is_in_units_of_what_pca_leaves_over(X, pca, make_network, residual_scale):
    network = make_network(n_components=3, dtype=torch.float64)
    start_at(network, pca, len(X), residual_scale)
    torch.nn.init.constant_(network.decoder[-1].bias, 0.25)
    code = network.encode(torch.from_numpy(X))
    torch.testing.assert_close(
        network.decode(code), network.linear_decoder(code) + 0.25 * residual_scale
    )


@pytest.mark.parametrize("linear_path", [True, False])
def test_weights_come_from_the_generator(make_network, linear_path):
    first, same, other = (
        make_network(linear_path=linear_path, seed=seed).state_dict() for seed in (0, 0, 1)
    )
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("name", LOSSES)
def test_objective_is_the_mean_loss_over_features(make_network, generator, name):
    loss = LOSSES[name]()
    network = make_network(loss=loss)
    rows = torch.rand(5, 6, generator=generator)
    output, _ = network(rows)
    expected = loss.elementwise(output, rows).mean(1)
    assert torch.equal(network.sample_losses(rows), expected)
    assert expected.shape == (5,)


def test_shape_of_samples_is_the_architectures(make_network, generator):
    class Square(Dense):
        """Is shown squares, and flattens them."""

        def sample_shape(self, given):
            return (2, given[0] // 2)

        def build(self, sample_shape, n_components, **kwargs):
            self.seen_ = sample_shape
            n_features = sample_shape[0] * sample_shape[1]
            encoder, decoder = super().build((n_features,), n_components, **kwargs)
            encoder = torch.nn.Sequential(torch.nn.Flatten(), encoder)
            decoder = torch.nn.Sequential(decoder, torch.nn.Unflatten(1, sample_shape))
            return encoder, decoder

    square, flat = Square((8,)), Dense((8,))
    rows = torch.randn(4, 6, generator=generator)
    for linear_path in (True, False):
        network = make_network(architecture=square, linear_path=linear_path)
        reference = make_network(architecture=flat, linear_path=linear_path)
        assert square.seen_ == (2, 3)
        assert torch.equal(network.encode(rows), reference.encode(rows))
        assert torch.equal(
            network.decode(network.encode(rows)), reference.decode(reference.encode(rows))
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_beyond_known_rows_the_linear_path_goes_on_alone(
    X, pca, make_network, kind, architecture, generator
):
    network = make_network(
        n_components=N_COMPONENTS,
        # Which values are the largest changes with the row, and so does the linear path of "topk".
        kind=Sparse("l1") if kind == "sparse" else KINDS[kind](),
        architecture=ARCHITECTURES[architecture](),
        dtype=torch.float64,
    )
    network = start_at(network, pca, len(X)).eval()
    known = torch.from_numpy(X)
    with torch.no_grad():
        for parameter in (*network.encoder.parameters(), *network.decoder.parameters()):
            parameter.add_(0.1)
        before = network.decode(network.encode(known))
        network.note_ranges(known, generator)
        # Nothing changes for rows within the ranges.
        assert torch.equal(network.decode(network.encode(known)), before)
        outlier = known[:1] + 1000 * network.linear_decoder.weight.sum(1)
        further = network.decode(network.encode(2 * outlier))
        step = further - network.decode(network.encode(outlier))
        linear = network.linear_encoder.weight.T @ network.linear_decoder.weight.T
        torch.testing.assert_close(step, outlier @ linear)


def test_residual_networks_are_trusted_for_one_range_beyond_known_rows(make_network, generator):
    network = make_network(dtype=torch.float64).eval()
    with torch.no_grad():
        for parameter in (*network.encoder.parameters(), *network.decoder.parameters()):
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        known = torch.tensor([[0.0], [2.0]], dtype=torch.float64).expand(2, 6)
        network.note_ranges(known, generator)
        low, high = network.code_low, network.code_high

        def of_row(value):
            row = known.new_full((1, 6), value)
            return network.encode(row) - network.linear_encoder(row)

        def of_code(n_ranges):
            code = (high + n_ranges * (high - low))[None]
            return network.decode(code) - network.linear_decoder(code)

        torch.testing.assert_close(of_row(4.0), of_row(100.0))
        torch.testing.assert_close(of_row(-2.0), of_row(-100.0))
        torch.testing.assert_close(of_code(1.0), of_code(100.0))
        for residual, within, end in [
            (of_row, 3.9, 4.0),
            (of_row, -1.9, -2.0),
            (of_code, 0.9, 1.0),
        ]:
            assert (residual(within) - residual(end)).abs().max() > 1e-4


def test_ranges_only_widen(make_network, generator):
    network = make_network(n_components=N_COMPONENTS).eval()
    with torch.no_grad():
        network.note_ranges(torch.full((2, network.n_features), 3.0), generator)
        network.note_ranges(torch.full((2, network.n_features), 1.0), generator)
    assert network.row_low.eq(1).all()
    assert network.row_high.eq(3).all()
