"""Posteriors and bounds of the log-likelihood, for kinds whose codes are distributions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from skae._data.blocks import dense_blocks
from skae._data.matrix import Matrix
from skae._generation.bound import Bound, balanced_draws
from skae._network.fitted_network import FittedNetwork


def posterior(
    fitted: FittedNetwork, X: Matrix, device: str, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """Return means and standard deviations of the codes of rows, both (n_samples, n_components)."""
    mean = np.empty((X.shape[0], fitted.n_components), dtype=dtype)
    deviation = np.empty_like(mean)
    network = fitted.network(device)

    def of_batch(X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_variance = fitted.spec.kind.posterior(network.encoder_output(X))
        return mean, torch.exp(0.5 * log_variance)

    for rows, (means, deviations) in fitted.computed(of_batch, X, network):
        mean[rows], deviation[rows] = means, deviations
    return mean, deviation


def elbo(
    fitted: FittedNetwork, X: Matrix, device: str, n_draws: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Return the evidence lower bound of each row, in nats and the units of `X`, float64.

    The expectation over the posterior is estimated by a mean over draws. They are the same for
    every row, so that the bound of a row does not depend on other rows.
    """
    draws = balanced_draws(n_draws, fitted.n_components, random_state)

    def of_batch(terms: Bound) -> torch.Tensor:
        return terms.likelihood().sum(1) - terms.divergence()

    return _bounds(of_batch, fitted, X, device, draws) - _log_units(fitted, X)


def log_likelihood(
    fitted: FittedNetwork, X: Matrix, device: str, n_draws: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Return the importance-weighted bound of the log-likelihood, in the units of :func:`elbo`."""
    draws = random_state.standard_normal((n_draws, fitted.n_components))

    def of_batch(terms: Bound) -> torch.Tensor:
        weights = torch.stack([likelihood.sum(1) + ratio for likelihood, ratio in terms.draws()])
        return torch.logsumexp(weights, 0) - math.log(n_draws)

    return _bounds(of_batch, fitted, X, device, draws) - _log_units(fitted, X)


def _log_units(fitted: FittedNetwork, X: Matrix) -> np.ndarray | float:
    """Return the difference between the log densities of scaled rows and of rows in units of `X`.

    It is the sum of the logarithms of the scales of known values. Levels and counts have
    probabilities, which have no unit.
    """
    logs = np.log(np.broadcast_to(fitted.scaling.scale, fitted.n_features))
    columns = fitted.spec.loss.table_columns
    if columns is not None:
        logs = np.where(columns.is_number, logs, 0.0)
    if not fitted.spec.takes_missing:
        return float(logs.sum())
    return np.concatenate([~np.isnan(block) @ logs for _, block in dense_blocks(X)])


def _bounds(
    of_batch: Callable[[Bound], torch.Tensor],
    fitted: FittedNetwork,
    X: Matrix,
    device: str,
    draws: np.ndarray,
) -> np.ndarray:
    """Return a bound of each row, computed from its terms."""
    network = fitted.network(device)
    bound = np.empty(X.shape[0])
    for rows, block in fitted.computed(lambda x: of_batch(Bound(network, x, draws)), X, network):
        bound[rows] = block
    return bound
