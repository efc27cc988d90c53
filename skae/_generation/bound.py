"""The terms of the evidence lower bound, for networks whose codes are distributions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import numpy as np
import torch

from skae._network.autoencoder_network import AutoencoderNetwork


def balanced_draws(
    n_draws: int, n_components: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Return standard normal draws whose mean is 0 and whose variances are 1.

    Antithetic sampling: draws come in pairs `z` and `-z`, and each coordinate is rescaled to
    variance 1. The expectations of linear and squared terms of a value of the code are then exact.
    A single draw stays unchanged.
    """
    half = random_state.standard_normal(((n_draws + 1) // 2, n_components))
    draws = np.concatenate([half, -half])[:n_draws]
    return draws / np.sqrt(np.square(draws).mean(axis=0)) if n_draws > 1 else draws


class Bound:
    """The terms of the evidence lower bound for a batch of rows.

    Parameters
    ----------
    network : AutoencoderNetwork
        A network in evaluation mode, of a kind with a posterior.

    X : torch.Tensor of shape (n_samples, n_features)
        Scaled rows.

    draws : ndarray of shape (n_draws, n_components)
        Standard normal draws, the same for all rows.
    """

    def __init__(self, network: AutoencoderNetwork, X: torch.Tensor, draws: np.ndarray):
        self.network, self.target, self.missing = network, network.filled(X), torch.isnan(X)
        self.mean, self.log_variance = network.kind.posterior(network.encoder_output(X))
        self.noise = torch.from_numpy(draws).to(self.mean)

    def draws(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield log p(x_j | z) of each entry and log p(z) - log q(z | x) of each draw, float64.

        The former are zero for missing values: the bound is that of the known values.
        """
        deviation = torch.exp(0.5 * self.log_variance)
        for noise in self.noise:
            code = self.mean + deviation * noise
            likelihood = self._log_likelihood(code, self.target, self.missing)
            ratio = 0.5 * (noise.square() - code.square() + self.log_variance)
            yield likelihood, ratio.double().sum(1)

    def _log_likelihood(
        self, code: torch.Tensor, target: torch.Tensor, missing: torch.Tensor
    ) -> torch.Tensor:
        network = self.network
        output = network.decoder_output(code)
        likelihood = network.kind.log_likelihood(network.loss, output, target, network.log_scale)
        return likelihood.masked_fill(network.loss.of_entries(missing), 0.0).double()

    def likelihood(self) -> torch.Tensor:
        """Return the mean over the draws of log p(x_j | z), of the shape of the rows, float64."""
        if torch.compiler.is_compiling():
            return self._likelihood_at_once()
        total = reduce(torch.add, (likelihood for likelihood, _ in self.draws()))
        return total / len(self.noise)

    def _likelihood_at_once(self) -> torch.Tensor:
        """Return the same in one pass; otherwise an exported graph has a decoder for each draw."""
        codes = self.mean + torch.exp(0.5 * self.log_variance) * self.noise[:, None]
        target, missing = (
            rows.expand(len(self.noise), *rows.shape) for rows in (self.target, self.missing)
        )
        likelihoods = self._log_likelihood(*(of.flatten(0, 1) for of in (codes, target, missing)))
        return likelihoods.unflatten(0, target.shape[:2]).mean(0)

    def divergence(self) -> torch.Tensor:
        """Return the Kullback-Leibler divergence of the posterior from the prior, in float64."""
        kind = self.network.kind
        return kind.divergence(self.mean.double(), self.log_variance.double()).sum(1)
