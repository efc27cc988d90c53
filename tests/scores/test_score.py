"""What every score does."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from support.scores import N_COMPONENTS, N_FEATURES, drawn, fitted, parts

from skae.kinds import KINDS, Undercomplete
from skae.scores import SCORES, Elbo, Reconstruction, Score, resolve_score
from skae.scores.score import residuals as residuals_of

every_score = pytest.mark.parametrize("name", SCORES)
every_pair = pytest.mark.parametrize(
    ("name", "kind"),
    [(n, kind) for n in SCORES for kind in KINDS if n != "elbo" or KINDS[kind].has_posterior],
)


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

    def residuals(self, X, codes):
        return X - self.decode(codes)


def test_an_error_counts_by_how_unusual_it_is():
    rng = np.random.default_rng(0)
    seen = torch.from_numpy(rng.normal(size=(2000, N_FEATURES)) * [0.1, 1, 1, 1, 1, 3])
    errors = torch.eye(N_FEATURES, dtype=torch.float64)
    codes = torch.zeros(2000, N_COMPONENTS, dtype=torch.float64)
    for name in ("residual", "joint"):
        values = SCORES[name]().fit(seen, codes)(Blind(), errors)
        assert values[0] > 20 * values[1] > 20 * 5 * values[5]
    np.testing.assert_allclose(Reconstruction()(Blind(), errors), 1 / N_FEATURES)


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
        X = drawn(300, dtype=dtype)
        return score.fit(*parts(network, X), *([X.numpy()] if score.takes_rows else []))


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
    names = {cls.__name__.lower(): cls for cls in SCORES.values()}
    assert {name.replace("_", ""): cls for name, cls in SCORES.items()} == names


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
