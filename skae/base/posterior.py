"""What a network whose codes are distributions says about rows: posteriors and likelihoods."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from skae.base.fitted import FittedNetwork


def posterior(
    fitted: FittedNetwork, X, device: str, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """Return means and standard deviations of the codes of rows, both (n_samples, n_components)."""
    mean = np.empty((X.shape[0], fitted.n_components), dtype=dtype)
    deviation = np.empty_like(mean)
    network = fitted.network(device)
    for rows, scaled in fitted.batches(X, network, scale=True):
        n_rows = rows.stop - rows.start
        batch_mean, log_variance = fitted.kind.posterior(network.encoder_output(scaled))
        mean[rows] = batch_mean[:n_rows].cpu().numpy()
        deviation[rows] = torch.exp(0.5 * log_variance)[:n_rows].cpu().numpy()
    return mean, deviation


def elbo(
    fitted: FittedNetwork, X, device: str, n_draws: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Return the evidence lower bound of each row, in nats and the units of `X`, float64.

    The expectation over the posterior is a mean over draws, the same for every row, so that the
    value of a row does not depend on the others.
    """
    draws = balanced_draws(n_draws, fitted.n_components, random_state)
    bound = np.empty(X.shape[0])
    for rows, terms in _terms(fitted, X, device, draws):
        likelihoods = torch.stack([likelihood for likelihood, _ in terms.draws()])
        bound[rows] = terms.of_rows(likelihoods.mean(0) - terms.divergence())
    return bound - _log_units(fitted)


def balanced_draws(
    n_draws: int, n_components: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Return standard normal draws whose mean is 0 and whose variances are 1.

    With each draw comes its reflection, and each coordinate is brought to variance 1: what the
    bound has of a linear and of a squared term in a value of the code is then exact. A single
    draw is left as it is.
    """
    half = random_state.standard_normal(((n_draws + 1) // 2, n_components))
    draws = np.concatenate([half, -half])[:n_draws]
    return draws / np.sqrt(np.square(draws).mean(axis=0)) if n_draws > 1 else draws


def log_likelihood(
    fitted: FittedNetwork, X, device: str, n_draws: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Return the importance-weighted bound of the log-likelihood of each row, as :func:`elbo`."""
    draws = random_state.standard_normal((n_draws, fitted.n_components))
    bound = np.empty(X.shape[0])
    for rows, terms in _terms(fitted, X, device, draws):
        weights = torch.stack([likelihood + ratio for likelihood, ratio in terms.draws()])
        bound[rows] = terms.of_rows(torch.logsumexp(weights, 0) - math.log(n_draws))
    return bound - _log_units(fitted)


def _log_units(fitted: FittedNetwork) -> float:
    """Return what a density of scaled rows loses when it is counted in the units of `X`."""
    return fitted.n_features * math.log(fitted.scaling.scale)


def _terms(fitted, X, device, draws: np.ndarray) -> Iterator[tuple[slice, _Terms]]:
    network = fitted.network(device)
    for rows, scaled in fitted.batches(X, network, scale=True):
        yield rows, _Terms(network, scaled, draws, rows.stop - rows.start)


class _Terms:
    """The terms of both bounds for a batch of rows."""

    def __init__(self, network, scaled: torch.Tensor, draws: np.ndarray, n_rows: int):
        self.network, self.target, self.n_rows = network, scaled, n_rows
        self.mean, self.log_variance = network.kind.posterior(network.encoder_output(scaled))
        self.noise = torch.from_numpy(draws).to(self.mean)

    def draws(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield log p(x | z) and log p(z) - log q(z | x) of each draw, in float64."""
        deviation = torch.exp(0.5 * self.log_variance)
        for noise in self.noise:
            code = self.mean + deviation * noise
            likelihood = self.network.kind.log_likelihood(
                self.network.loss,
                self.network.decoder_output(code),
                self.target,
                self.network.log_scale,
            )
            ratio = 0.5 * (noise.square() - code.square() + self.log_variance)
            yield likelihood.double().sum(1), ratio.double().sum(1)

    def divergence(self) -> torch.Tensor:
        """Return the divergence of the posterior from the prior, in float64."""
        kind = self.network.kind
        return kind.divergence(self.mean.double(), self.log_variance.double()).sum(1)

    def of_rows(self, values: torch.Tensor) -> np.ndarray:
        """Return the values of the rows that are not padding."""
        return values[: self.n_rows].cpu().numpy()
