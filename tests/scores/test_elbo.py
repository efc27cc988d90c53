import math

import numpy as np
import pytest
import torch
from support.scores import N_COMPONENTS, drawn

from skae import AutoencoderTransformer
from skae._generation.bound import balanced_draws
from skae.kinds import KINDS, Variational
from skae.losses import BCE, MAE, MSE
from skae.scores import Elbo


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
