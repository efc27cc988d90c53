"""What a network finds anomalous about a row, against numpy from its residuals and codes."""

import math

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.covariance import LedoitWolf

from skae import AutoencoderTransformer
from skae._generation.bound import balanced_draws
from skae.kinds import KINDS, Undercomplete, Variational
from skae.losses import BCE, MAE, MSE
from skae.scores import (
    SCORES,
    Elbo,
    Joint,
    Latent,
    Reconstruction,
    Residual,
    Score,
    resolve_score,
)
from skae.scores.score import residuals as residuals_of

N_FEATURES, N_COMPONENTS = 6, 2
every_score = pytest.mark.parametrize("name", SCORES)
every_pair = pytest.mark.parametrize(
    ("name", "kind"),
    [(n, kind) for n in SCORES for kind in KINDS if n != "elbo" or KINDS[kind].has_posterior],
)


@pytest.fixture
def network(make_network):
    """Not trained; its residual networks are not silent."""
    return make_network(linear_path=False, dtype=torch.float64).eval().requires_grad_(False)


@pytest.fixture
def variational(make_network):
    network = make_network(kind=Variational(), linear_path=False, dtype=torch.float64)
    return network.eval().requires_grad_(False)


@pytest.fixture
def network_for(network, variational):
    return lambda name: variational if name == "elbo" else network


def drawn(n_samples, seed=0, dtype=torch.float64):
    """Correlated rows."""
    rows = np.random.default_rng(seed).normal(size=(n_samples, N_FEATURES))
    axes = np.linalg.qr(np.random.default_rng(9).normal(size=(N_FEATURES, N_FEATURES)))[0]
    return torch.tensor(rows * np.linspace(0.4, 1.6, N_FEATURES) @ axes, dtype=dtype)


def parts(network, X):
    """Return residuals and codes as a network computes them."""
    codes = network.encode(X)
    return (X - network.decode(codes)).double(), codes.double()


def fitted(score, network, n_samples=300):
    return score.fit(*parts(network, drawn(n_samples)))


def lengths(seen, rows):
    return LedoitWolf().fit(seen.numpy()).mahalanobis(rows.numpy())


# Each against its formula


def test_reconstruction_is_the_mean_squared_error(network):
    X = drawn(20, seed=1)
    r, _ = parts(network, X)
    score = Reconstruction()
    np.testing.assert_allclose(score(network, X), np.square(r.numpy()).mean(axis=1), rtol=1e-12)
    of_features = score.of_features(network, X, network.encode(X))
    np.testing.assert_allclose(of_features, np.square(r.numpy()) / N_FEATURES, rtol=1e-12)
    assert score.of_code(network, X, network.encode(X)) is None


def test_residual_is_the_length_of_the_residual(network):
    seen, _ = parts(network, drawn(300))
    X = drawn(20, seed=1)
    r, codes = parts(network, X)
    score = fitted(Residual(), network)
    np.testing.assert_allclose(score(network, X), lengths(seen, r) / N_FEATURES, rtol=1e-7)
    whitened = score.scatter_.whitened(r).numpy()
    of_features = score.of_features(network, X, codes)
    np.testing.assert_allclose(of_features, np.square(whitened) / N_FEATURES, rtol=1e-10)
    assert score.of_code(network, X, codes) is None


def test_latent_is_the_length_of_the_code(network):
    _, seen = parts(network, drawn(300))
    X = drawn(20, seed=1)
    _, codes = parts(network, X)
    score = fitted(Latent(), network)
    np.testing.assert_allclose(score(network, X), lengths(seen, codes) / N_COMPONENTS, rtol=1e-7)
    assert score.of_features(network, X, codes) is None
    assert score.of_code(network, X, codes).shape == (20,)


def test_joint_is_both_lengths(network):
    seen_r, seen_codes = parts(network, drawn(300))
    X = drawn(20, seed=1)
    r, codes = parts(network, X)
    score, size = fitted(Joint(), network), N_FEATURES + N_COMPONENTS
    of_features = score.of_features(network, X, codes)
    of_code = score.of_code(network, X, codes)
    np.testing.assert_allclose(of_features.sum(1), lengths(seen_r, r) / size, rtol=1e-7)
    np.testing.assert_allclose(of_code, lengths(seen_codes, codes) / size, rtol=1e-7)
    whitened = score.residual_scatter_.whitened(r).numpy()
    np.testing.assert_allclose(of_features, np.square(whitened) / size, rtol=1e-10)
    together = (N_FEATURES * fitted(Residual(), network)(network, X)) + (
        N_COMPONENTS * fitted(Latent(), network)(network, X)
    )
    np.testing.assert_allclose(score(network, X), together / size, rtol=1e-10)


@pytest.mark.parametrize("name", ["residual", "joint", "latent"])
def test_normal_rows_have_about_one(network, name):
    score = fitted(SCORES[name](), network, 5000)
    assert float(score(network, drawn(5000, seed=1)).mean()) == pytest.approx(1, abs=0.05)


class Blind:
    """A network that rebuilds nothing, so that the residual is the row."""

    def encode(self, X):
        return X.new_zeros(len(X), N_COMPONENTS)

    def decode(self, codes):
        return codes.new_zeros(len(codes), N_FEATURES)


def test_an_error_counts_by_how_unusual_it_is():
    rng = np.random.default_rng(0)
    seen = torch.from_numpy(rng.normal(size=(2000, N_FEATURES)) * [0.1, 1, 1, 1, 1, 3])
    errors = torch.eye(N_FEATURES, dtype=torch.float64)
    codes = torch.zeros(2000, N_COMPONENTS, dtype=torch.float64)
    for name in ("residual", "joint"):
        values = SCORES[name]().fit(seen, codes)(Blind(), errors)
        assert values[0] > 20 * values[1] > 20 * 5 * values[5]
    np.testing.assert_allclose(Reconstruction()(Blind(), errors), 1 / N_FEATURES)


# The lower bound


def by_hand(network, X, n_draws):
    """Return minus the expected log-likelihood of each entry and the divergence."""
    encoded = network.encoder_output(X)
    mean, deviation = encoded[:, :N_COMPONENTS], torch.exp(encoded[:, N_COMPONENTS:] / 2)
    draws = torch.from_numpy(balanced_draws(n_draws, N_COMPONENTS, np.random.RandomState(0)))
    family = {MSE: torch.distributions.Normal, MAE: torch.distributions.Laplace}
    terms = []
    for noise in draws:
        output = network.decoder_output(mean + deviation * noise)
        if isinstance(network.loss, BCE):
            terms.append(
                -torch.nn.functional.binary_cross_entropy_with_logits(output, X, reduction="none")
            )
        else:
            scale = network.log_scale.exp()
            terms.append(family[type(network.loss)](output, scale).log_prob(X))
    prior, q = torch.distributions.Normal(0, 1), torch.distributions.Normal(mean, deviation)
    divergence = torch.distributions.kl_divergence(q, prior).sum(1)
    return -torch.stack(terms).mean(0), divergence


@pytest.mark.parametrize("n_draws", [1, 7, 32])
@pytest.mark.parametrize("loss", [MSE(), MAE(), BCE()], ids=repr)
def test_elbo_by_the_distributions_of_torch(make_network, loss, n_draws):
    network = (
        make_network(kind=Variational(), loss=loss, linear_path=False, dtype=torch.float64)
        .eval()
        .requires_grad_(False)
    )
    if network.log_scale is not None:
        network.log_scale.fill_(-0.7)
    X = drawn(15, seed=1)
    X = torch.sigmoid(X) if isinstance(loss, BCE) else X
    of_features, of_code = by_hand(network, X, n_draws)
    score, codes = Elbo(n_draws), network.encode(X)
    np.testing.assert_allclose(score.of_features(network, X, codes), of_features, rtol=1e-8)
    np.testing.assert_allclose(score.of_code(network, X, codes), of_code, rtol=1e-8)
    np.testing.assert_allclose(score(network, X), of_features.sum(1) + of_code, rtol=1e-8)


@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_elbo_is_that_of_the_transformer_but_for_the_units(X, loss):
    parameters = {"max_epochs": 3, "early_stopping": False, "random_state": 0}
    ae = AutoencoderTransformer(2, kind="variational", loss=loss, **parameters).fit(100 * X)
    rows = 100 * X[:40]
    network = ae._fitted.network("cpu")
    scaled = torch.from_numpy(ae._fitted.scaling.apply(rows))
    for n_draws in (4, 32):
        with torch.inference_mode():
            bound = -Elbo(n_draws)(network, scaled).numpy()
        expected = ae.elbo(rows, n_draws=n_draws, random_state=0)
        units = X.shape[1] * math.log(ae.scale_)
        assert units > 10
        np.testing.assert_allclose(bound - units, expected, rtol=1e-5, atol=1e-5)


def test_elbo_does_not_depend_on_the_other_rows(variational):
    X = drawn(20)
    expected = Elbo()(variational, X)
    np.testing.assert_allclose(Elbo()(variational, X[7:9]), expected[7:9], rtol=1e-12)


def test_more_draws_are_another_mean(variational):
    X = drawn(20)
    few, many, more = (Elbo(n)(variational, X) for n in (2, 500, 2000))
    assert (few - more).abs().mean() > 3 * (many - more).abs().mean() > 0


@pytest.mark.parametrize("name", [name for name in KINDS if name != "variational"])
def test_elbo_refuses_kinds_whose_codes_are_points(name):
    kind = KINDS[name]()
    with pytest.raises(ValueError, match="scoring='elbo' needs a kind whose codes are distri") as e:
        Elbo().check(kind)
    assert repr(kind) in str(e.value)


@pytest.mark.parametrize("value", [0, -3, 2.0, "5", None, True, math.nan])
def test_elbo_refuses_a_number_of_draws(value):
    with pytest.raises(ValueError, match="n_draws of Elbo must be an integer >= 1, got "):
        Elbo(value).check(Variational())


@pytest.mark.parametrize("value", [1, 32, np.int64(5)])
def test_elbo_takes_a_number_of_draws(value, variational):
    Elbo(value).check(Variational())
    assert torch.isfinite(Elbo(value)(variational, drawn(3))).all()


# What every score does


@every_score
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shapes_and_dtypes(name, dtype, network_for):
    network = network_for(name).to(dtype)
    score, X = fitted_in(dtype, SCORES[name](), network), drawn(25, seed=1, dtype=dtype)
    with torch.inference_mode():
        values = score(network, X)
        codes = network.encode(X)
        of_features = score.of_features(network, X, codes)
        of_code = score.of_code(network, X, codes)
    assert values.shape == (25,)
    assert values.dtype == torch.float64
    assert torch.isfinite(values).all()
    assert not (of_features is None and of_code is None)
    if of_features is not None:
        assert of_features.shape == (25, N_FEATURES)
        assert of_features.dtype == torch.float64
    if of_code is not None:
        assert of_code.shape == (25,)
        assert of_code.dtype == torch.float64


def fitted_in(dtype, score, network):
    with torch.inference_mode():
        return score.fit(*parts(network, drawn(300, dtype=dtype)))


@every_score
def test_the_shares_add_up(name, network_for):
    network = network_for(name)
    score, X = fitted(SCORES[name](), network), drawn(25, seed=1)
    codes = network.encode(X)
    of_features, of_code = (f(network, X, codes) for f in (score.of_features, score.of_code))
    expected = 0 if of_features is None else of_features.sum(1)
    expected = expected + (0 if of_code is None else of_code)
    np.testing.assert_allclose(score(network, X), expected, rtol=1e-12)


@every_score
def test_shares_are_not_negative(name, network_for):
    """But those that are logarithms of a density."""
    network = network_for(name)
    score, X = fitted(SCORES[name](), network), drawn(25, seed=1)
    codes = network.encode(X)
    if name != "elbo" and (shares := score.of_features(network, X, codes)) is not None:
        assert (shares >= 0).all()
    if (share := score.of_code(network, X, codes)) is not None:
        assert (share >= 0).all()


@every_score
def test_far_rows_score_higher(name, network_for):
    network = network_for(name)
    score, X = fitted(SCORES[name](), network), drawn(200, seed=1)
    near, far, further = (score(network, size * X) for size in (1, 10, 100))
    assert (far > near).double().mean() > 0.97
    assert (further > far).double().mean() > 0.97
    assert far.median() > near.quantile(0.95)
    assert torch.isfinite(score(network, 1e9 * X)).all()


@every_score
def test_a_row_does_not_depend_on_the_others(name, network_for):
    network = network_for(name)
    score, X = fitted(SCORES[name](), network), drawn(25, seed=1)
    alone = torch.cat([score(network, row[None]) for row in X])
    np.testing.assert_allclose(score(network, X), alone, rtol=1e-10)


@every_score
def test_parameters_are_scikit_learns(name):
    score = SCORES[name]()
    copy = clone(score)
    assert type(copy) is type(score)
    assert copy.get_params() == score.get_params()
    assert repr(score) == f"{type(score).__name__}()"
    assert isinstance(score, Score)


def test_parameters_that_are_set_are_copied_and_shown():
    assert clone(Elbo(n_draws=5)).n_draws == 5
    assert repr(Elbo(n_draws=5)) == "Elbo(n_draws=5)"
    assert Elbo().set_params(n_draws=3).get_params() == {"n_draws": 3}


@every_score
def test_fit_returns_the_score_and_a_clone_forgets(name, network_for):
    score = SCORES[name]()
    before = set(vars(score))
    assert fitted(score, network_for(name)) is score
    assert all(attribute.endswith("_") for attribute in set(vars(score)) - before)
    assert set(vars(clone(score))) == before


@every_pair
def test_every_kind_that_is_not_refused_is_scored(name, kind, make_network):
    kind, score = KINDS[kind](), SCORES[name]()
    score.check(kind)
    network = make_network(n_components=4, kind=kind, dtype=torch.float64)
    network.eval().requires_grad_(False)
    score = fitted(score, network)
    values = score(network, drawn(40, seed=1))
    assert values.shape == (40,)
    assert torch.isfinite(values).all()
    assert values.std() > 0


@pytest.mark.parametrize(
    ("name", "kind"),
    [*((n, k) for n in ("joint", "latent") for k in KINDS), ("elbo", "variational")],
)
def test_the_share_of_the_code_has_gradients(name, kind, make_network):
    network = make_network(n_components=4, kind=KINDS[kind](), dtype=torch.float64)
    network.eval().requires_grad_(False)
    score = fitted(SCORES[name](), network)

    def of_code(X):
        return score.of_code(network, X, network.encode(X))

    X = drawn(5, seed=1).requires_grad_()
    (gradient,) = torch.autograd.grad(of_code(X).sum(), X)
    assert torch.isfinite(gradient).all()
    assert (gradient != 0).any(1).all()
    way = drawn(5, seed=2)
    with torch.no_grad():
        slope = (of_code(X + 1e-6 * way) - of_code(X - 1e-6 * way)) / 2e-6
    np.testing.assert_allclose((gradient * way).sum(1), slope, rtol=1e-4, atol=1e-7)


@every_score
def test_code_and_rows_are_all_that_is_asked_for(name, network_for):
    """No statistics of the fit change when rows are scored."""
    network = network_for(name)
    score = fitted(SCORES[name](), network)
    first = score(network, drawn(10, seed=1))
    score(network, 1000 * drawn(10, seed=2))
    assert torch.equal(score(network, drawn(10, seed=1)), first)


def test_constant_residuals_and_codes(network):
    seen = torch.ones(20, N_FEATURES, dtype=torch.float64)
    codes = torch.ones(20, N_COMPONENTS, dtype=torch.float64)
    X = drawn(10)
    for name in ("residual", "joint", "latent"):
        values = SCORES[name]().fit(seen, codes)(network, X)
        assert torch.isfinite(values).all()
        assert (values > 0).all()


def test_residuals_are_of_64_bits(network):
    X = drawn(10, dtype=torch.float32)
    network = network.to(torch.float32)
    codes = network.encode(X)
    values = residuals_of(network, X, codes)
    assert values.dtype == torch.float64
    assert torch.equal(values, (X - network.decode(codes)).double())


def test_a_score_of_ones_own():
    class Own(Score):
        def of_features(self, network, X, codes):
            return X.double()

        def of_code(self, network, X, codes):
            return codes.double().sum(1)

    class Network:
        def encode(self, X):
            return X[:, :2]

    score = Own()
    score.check(Undercomplete())
    assert score.fit(torch.zeros(2, 3), torch.zeros(2, 2)) is score
    X = torch.arange(6.0).reshape(2, 3)
    assert score(Network(), X).tolist() == [3 + 1, 12 + 7]


def test_names_are_those_of_the_classes():
    assert {name: cls.__name__.lower() for name, cls in SCORES.items()} == {n: n for n in SCORES}


@every_score
def test_a_name_is_its_default(name):
    score = resolve_score(name)
    assert type(score) is SCORES[name]
    assert score.get_params() == SCORES[name]().get_params()


def test_an_object_is_copied():
    given = Elbo(n_draws=5)
    score = resolve_score(given)
    assert score is not given
    assert score.n_draws == 5


def test_what_is_no_score_is_refused():
    with pytest.raises(ValueError, match=r"scoring must be one of .*'residual'.* got 'error'"):
        resolve_score("error")
    with pytest.raises(TypeError, match=r"skae's Score, got .* \(a class: add parentheses\)"):
        resolve_score(Elbo)
