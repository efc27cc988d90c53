"""The variational kind: a code that is a distribution."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from torch.distributions import Bernoulli, Laplace, Normal, kl_divergence

from skae import AutoencoderTransformer
from skae.architectures import Dense
from skae.kinds import CodeSummary, ForwardPass, Setting, Variational
from skae.losses import BCE, MAE, MSE, FunctionLoss, Huber

IRIS = load_iris().data
DIGITS = load_digits().data
LINEAR = Dense(hidden_layer_sizes=())


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(n_samples=7):
    return torch.rand(n_samples, 6, generator=seeded(3))


def outputs(n_samples=7, size=1.0):
    return size * torch.randn(n_samples, 4, generator=seeded(5), dtype=torch.float64)


def forward_pass(encoder_output, **kwargs):
    X = torch.zeros(len(encoder_output), 6)
    code = encoder_output.chunk(2, dim=1)[0]
    return ForwardPass(X, X, None, encoder_output, code, X, None, None, [], None, **kwargs)


def fit(X=IRIS, n_components=2, max_epochs=20, **kind):
    parameters = {"max_epochs": max_epochs, "early_stopping": False, "random_state": 0}
    return AutoencoderTransformer(n_components, kind=Variational(**kind), **parameters).fit(X)


def divergences(ae, X):
    """Return the mean over rows of the divergence of each value of the code, by torch."""
    mean, deviation = (torch.from_numpy(values) for values in ae.posterior(X))
    return kl_divergence(Normal(mean, deviation), Normal(0.0, 1.0)).mean(0).numpy()


# --- the objective


def test_divergence_is_torchs():
    mean, log_variance = outputs(), outputs(size=3.0).flip(0)
    expected = kl_divergence(Normal(mean, torch.exp(log_variance / 2)), Normal(0.0, 1.0))
    divergence = Variational.divergence(mean, log_variance)
    torch.testing.assert_close(divergence, expected)
    assert (divergence > 0).all()
    zero = torch.zeros(1, 1)
    assert Variational.divergence(zero, zero) == 0


@pytest.mark.parametrize(
    ("loss", "distribution"),
    [
        (MSE(), lambda output, scale: Normal(output, scale)),
        (MAE(), lambda output, scale: Laplace(output, scale)),
        (BCE(), lambda output, scale: Bernoulli(logits=output)),
    ],
    ids=["mse", "mae", "bce"],
)
def test_objective_is_minus_the_bound_of_a_draw(make_network, loss, distribution):
    network = make_network(kind=Variational(), loss=loss)
    with torch.no_grad():
        network.encoder_rest.fill_(-0.5)
        if loss.has_scale:
            network.log_scale.fill_(-0.7)
        X = rows().round() if isinstance(loss, BCE) else rows()
        mean, log_variance = network.encoder_output(X).chunk(2, dim=1)
        q = Normal(mean, torch.exp(log_variance / 2))
        code = mean + q.scale * torch.randn(mean.shape, generator=seeded(1))
        scale = np.exp(-0.7)
        likelihood = distribution(network.decoder_output(code), scale).log_prob(X).sum(1)
        expected = kl_divergence(q, Normal(0.0, 1.0)).sum(1) - likelihood
        torch.testing.assert_close(network.sample_losses(X, seeded(1)), expected)


def test_divergence_has_gradients():
    """Neither means nor variances are cut off: both are drawn to the prior."""
    encoder_output = outputs().requires_grad_()
    Variational().added_loss(forward_pass(encoder_output)).sum().backward()
    mean, log_variance = encoder_output.detach().chunk(2, dim=1)
    expected = torch.cat([mean, (log_variance.exp() - 1) / 2], dim=1)
    torch.testing.assert_close(encoder_output.grad, expected)


def test_extreme_variances_stay_finite(make_network):
    encoder_output = torch.tensor([[0.0, 1e4], [0.0, -1e4]])
    mean, log_variance = Variational().posterior(encoder_output)
    assert torch.isfinite(Variational.divergence(mean, log_variance)).all()
    assert torch.isfinite(Variational().code(encoder_output, seeded())).all()


def test_draws_have_mean_and_variance_of_the_posterior():
    encoder_output = torch.tensor([[1.0, -2.0, np.log(4.0), np.log(0.25)]]).repeat(100_000, 1)
    codes = Variational().code(encoder_output.float(), seeded())
    np.testing.assert_allclose(codes.mean(0), [1, -2], atol=0.03)
    np.testing.assert_allclose(codes.std(0), [2, 0.5], rtol=0.02)
    assert torch.equal(Variational().code(encoder_output), encoder_output[:, :2])


@pytest.mark.parametrize("beta", [0, 0.5, 4])
def test_beta_is_the_weight_of_the_divergence(beta):
    added = Variational(beta=beta).added_loss(forward_pass(outputs()))
    torch.testing.assert_close(added, beta * Variational().added_loss(forward_pass(outputs())))


@pytest.mark.parametrize(
    ("warmup", "progress", "share"),
    [(0.5, 0, 0), (0.5, 0.1, 0.2), (0.5, 0.5, 1), (0.5, 0.8, 1), (1, 0.3, 0.3), (0, 0, 1)],
)
def test_warmup_raises_the_weight(warmup, progress, share):
    kind = Variational(beta=2, warmup=warmup)
    added = kind.added_loss(forward_pass(outputs(), progress=progress))
    expected = 2 * share * Variational().added_loss(forward_pass(outputs()))
    torch.testing.assert_close(added, expected)


def test_warmup_changes_the_training_and_not_the_comparison():
    parameters = {"max_epochs": 3, "random_state": 0, "validation_fraction": 0.2}
    plain, warm = (
        AutoencoderTransformer(2, kind=Variational(warmup=w), **parameters).fit(IRIS).history_
        for w in (0.0, 1.0)
    )
    assert plain["valid_loss"][0] == warm["valid_loss"][0]
    assert warm["train_loss"][1] < plain["train_loss"][1]
    assert warm["valid_loss"][3] != plain["valid_loss"][3]


def test_free_bits_are_of_the_mean_over_the_batch():
    encoder_output = outputs()
    mean, log_variance = encoder_output.chunk(2, dim=1)
    each = Variational.divergence(mean, log_variance).mean(0)
    free = float(each.mean())
    assert each.min() < free < each.max()
    added = Variational(beta=3, free_bits=free).added_loss(forward_pass(encoder_output))
    assert added.shape == (7,)
    np.testing.assert_allclose(added, 3 * (each.max() + free))


def test_free_bits_keep_values_in_use():
    plain, free = (fit(DIGITS[:600], 10, 15, beta=10.0, free_bits=b) for b in (0.0, 0.5))
    assert len(free.active_units_) > len(plain.active_units_) > 0


def test_larger_beta_gives_smaller_divergence():
    X = DIGITS[:600]
    sums = [divergences(fit(X, 8, 10, beta=beta), X).sum() for beta in (0.3, 1.0, 10.0)]
    assert sums[0] > 1.1 * sums[1] > 1.3 * sums[2]


# --- probabilistic PCA


@pytest.fixture(scope="module")
def linear():
    parts = {"kind": "variational", "architecture": LINEAR}
    # A rate that leaves the start as it is, to the digits that are looked at.
    parameters = {"max_epochs": 1, "learning_rate": 1e-9, "random_state": 0}
    return AutoencoderTransformer(5, **parts, **parameters, early_stopping=False).fit(DIGITS)


@pytest.fixture(scope="module")
def pca():
    """With the variances of maximum likelihood: scikit-learn's are by n - 1."""
    pca = PCA(5, svd_solver="full").fit(DIGITS)
    share = 1 - 1 / len(DIGITS)
    pca.explained_variance_ *= share
    pca.noise_variance_ *= share
    return pca


def test_start_has_the_likelihood_of_probabilistic_pca(linear, pca):
    assert linear.elbo(DIGITS).mean() == pytest.approx(pca.score(DIGITS), abs=1e-3)
    np.testing.assert_allclose(linear.elbo(DIGITS), pca.score_samples(DIGITS), atol=0.02)


@pytest.mark.parametrize("n_importance_samples", [1, 20])
def test_its_posterior_is_exact(linear, pca, n_importance_samples):
    """Then every draw has the same importance weight, that of the likelihood itself."""
    likelihoods = linear.log_likelihood(DIGITS, n_importance_samples)
    np.testing.assert_allclose(likelihoods, pca.score_samples(DIGITS), atol=0.02)


def test_its_posterior_is_that_of_probabilistic_pca(linear, pca):
    noise = pca.noise_variance_
    W = pca.components_.T * np.sqrt(pca.explained_variance_ - noise)
    M = W.T @ W + noise * np.eye(5)
    expected = (DIGITS - DIGITS.mean(axis=0)) @ W @ np.linalg.inv(M)
    mean, deviation = linear.posterior(DIGITS)
    np.testing.assert_allclose(np.abs(mean), np.abs(expected), atol=1e-4)
    variances = np.diag(noise * np.linalg.inv(M))
    np.testing.assert_allclose(deviation**2, np.tile(variances, (len(DIGITS), 1)), rtol=1e-4)


def test_default_start_is_the_same(linear):
    """The residual networks of the default architecture start at zero."""
    parameters = {"max_epochs": 1, "learning_rate": 1e-9, "random_state": 0}
    ae = AutoencoderTransformer(5, kind="variational", **parameters).fit(DIGITS)
    assert ae.elbo(DIGITS).mean() == pytest.approx(linear.elbo(DIGITS).mean(), abs=0.2)


def test_training_raises_the_bound():
    new = DIGITS[1500:]
    ae = AutoencoderTransformer(10, kind="variational", max_epochs=15, random_state=0)
    ae.fit(DIGITS[:1500])
    assert ae.elbo(new).mean() > PCA(10).fit(DIGITS[:1500]).score(new)
    assert ae.elbo(new).mean() < ae.log_likelihood(new).mean()


@pytest.mark.parametrize("factor", [10.0, 1e-3])
def test_bounds_are_in_units_of_the_data(factor):
    one, other = fit(IRIS), fit(factor * IRIS)
    shift = 4 * np.log(factor)
    expected = one.elbo(IRIS) - shift
    np.testing.assert_allclose(other.elbo(factor * IRIS), expected, atol=1e-2)
    expected = one.log_likelihood(IRIS) - shift
    np.testing.assert_allclose(other.log_likelihood(factor * IRIS), expected, atol=1e-2)


def test_binary_data_have_a_probability():
    X = (DIGITS > 7).astype(float)
    ae = AutoencoderTransformer(4, kind="variational", loss="bce", max_epochs=5, random_state=0)
    likelihood = ae.fit(X).log_likelihood(X)
    assert (likelihood < 0).all()
    share = X.mean(axis=0).clip(1e-3, 1 - 1e-3)
    independent = (X * np.log(share) + (1 - X) * np.log(1 - share)).sum(axis=1)
    assert likelihood.mean() > independent.mean() + 3


# --- attributes, warnings and refusals


def test_transform_is_the_mean_and_deterministic():
    ae = fit()
    codes = ae.transform(IRIS)
    assert np.array_equal(codes, ae.transform(IRIS))
    assert np.array_equal(codes, ae.posterior(IRIS)[0])


def test_active_units_vary_over_the_rows():
    X = DIGITS[:600]
    ae = fit(X, 12, beta=10.0)
    expected = np.flatnonzero(ae.transform(X).var(axis=0) > 0.01)
    assert ae.active_units_.tolist() == expected.tolist()
    assert 0 < len(expected) < 12


def test_limit_of_active_units():
    variance = np.array([0.009, 0.5, 0.011, 0.0])
    summary = CodeSummary(np.zeros(4), variance, np.ones(4), None)
    assert Variational().attributes(summary)["active_units_"].tolist() == [1, 2]


def test_collapse_is_warned_of():
    noise = np.random.default_rng(0).normal(size=(100, 6))
    with pytest.warns(UserWarning, match="Posterior collapse: only 0 of the 3 values"):
        ae = fit(noise, 3, beta=100.0)
    assert len(ae.active_units_) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(fit(DIGITS[:600], 8, 10).active_units_) == 8


def setting(loss):
    return Setting(2, 6, sample_shape=(6,), loss=loss)


@pytest.mark.parametrize("loss", [Huber(), FunctionLoss(torch.nn.functional.huber_loss)])
def test_losses_without_a_distribution_are_refused(loss):
    sentence = rf"kind='variational' needs a loss .* got loss={type(loss).__name__}\("
    with pytest.raises(ValueError, match=sentence):
        Variational().check(setting(loss))
    given = loss.function if isinstance(loss, FunctionLoss) else "huber"
    with pytest.raises(ValueError, match=sentence):
        AutoencoderTransformer(2, kind="variational", loss=given).fit(IRIS)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"beta": -1}, r"beta of Variational must be a number in \[0, 1e\+30\], got -1"),
        ({"beta": "1"}, "beta of Variational must be a number"),
        ({"beta": float("inf")}, "beta of Variational must be a number"),
        ({"warmup": 1.1}, r"warmup of Variational must be a number in \[0, 1\], got 1.1"),
        ({"warmup": -0.1}, "warmup of Variational must be a number"),
        ({"free_bits": -0.5}, r"free_bits of Variational must be a number in \[0, 1e\+30\]"),
        ({"free_bits": None}, "free_bits of Variational must be a number"),
    ],
)
def test_parameters_out_of_range(parameters, sentence):
    with pytest.raises(ValueError, match=sentence):
        fit(**parameters)


@pytest.mark.parametrize("loss", [MSE(), MAE(), BCE()])
def test_limits_of_parameters_are_taken(loss):
    Variational(beta=0, warmup=1, free_bits=0).check(setting(loss))
    Variational(beta=1e3, warmup=0.0, free_bits=5.0).check(setting(loss))
