"""The negative evidence lower bound."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from skae._generation.bound import Bound, balanced_draws
from skae._utils.checks import check_size
from skae.kinds import Kind
from skae.scores.score import Score


class Elbo(Score):
    r"""Negative evidence lower bound, for kinds whose codes are distributions.

    .. math:: a(x) = -E_{z \sim q(z|x)} \log p(x|z) + KL(q(z|x) \| N(0, I))

    in nats, for the density of the scaled features. The expectation is estimated by a mean over
    draws, the same for all rows.

    Parameters
    ----------
    n_draws : int, default=32
        Number of draws.
    """

    def __init__(self, n_draws: int = 32):
        self.n_draws = n_draws

    def check(self, kind: Kind) -> None:
        """Refuse kinds whose codes are not distributions, and a number of draws out of range."""
        if not kind.has_posterior:
            raise ValueError(
                f"scoring='elbo' needs a kind whose codes are distributions, such as "
                f"kind='variational', got kind={kind!r}: use another scoring, such as 'joint'."
            )
        check_size(self.n_draws, "n_draws of Elbo")

    def of_features(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the negative expected log-likelihood of each entry."""
        return -self._bound(network, X).likelihood().cpu()

    def of_code(self, network: Any, X: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Return the Kullback-Leibler divergence of the posterior from the prior."""
        return self._bound(network, X).divergence().cpu()

    def _bound(self, network: Any, X: torch.Tensor) -> Bound:
        draws = balanced_draws(self.n_draws, network.n_components, np.random.RandomState(0))
        return Bound(network, X, draws)
