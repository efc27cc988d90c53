"""Ensemble of fitted networks, each with its score, and their mean scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from skae._data.matrix import Matrix
from skae._data.views import rows_at
from skae._detection.attribution import integrated_gradients
from skae._detection.missing_scale import MissingScale, numbers_of_missing
from skae._detection.ranges import Ranges
from skae._missing.gaussian_fit import conditional_draws
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.fitted_network import FittedNetwork, mean_reconstruction
from skae.scores import Score
from skae.scores.score import residuals

# Value of a score that is too large to be computed.
LARGEST = 1e300
# Limits of the rows that a score is fitted to, and of their entries.
_MOST_FITTED, _FEWEST_FITTED, _MOST_ENTRIES = 100_000, 5000, 2**23
# Residuals of missing values are drawn by the same random numbers in every fit.
_SEED_OF_DRAWS = 0


@dataclass(frozen=True)
class Member:
    """A fitted network and the score that was fitted to its residuals and codes.

    Parameters
    ----------
    network : FittedNetwork
        The network.

    score : Score
        The score.

    ranges : Ranges or None, default=None
        What values far outside of the training rows add to the score.
    """

    network: FittedNetwork
    score: Score
    ranges: Ranges | None = None


def fitted_score(score: Score, fitted: FittedNetwork, X: Matrix, device: str) -> Score:
    """Return the score, fitted to the residuals and codes of rows.

    At most 100,000 rows are used, fewer if they have more than 83 features, since their residuals
    are kept in memory.
    """
    n_rows = X.shape[0]
    most = min(_MOST_FITTED, max(_FEWEST_FITTED, _MOST_ENTRIES // X.shape[1]))
    X = rows_at(X, np.arange(0, n_rows, -(-n_rows // most)))
    network = fitted.network(device)

    def of_batch(X: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        codes = network.encode(X)
        of_known = residuals(network, X, codes).masked_fill(torch.isnan(X).cpu(), torch.nan)
        return of_known, codes.cpu().double()

    batches = [results for _, results in fitted.computed(of_batch, X, network)]
    differences, codes = (np.concatenate(all_) for all_ in zip(*batches, strict=True))
    if np.isnan(differences).any():
        # Zeros instead of missing values would make covariances too small.
        differences = conditional_draws(differences, _SEED_OF_DRAWS)
    return score.fit(torch.from_numpy(differences), torch.from_numpy(codes))


class Ensemble:
    """Networks that score rows together.

    Parameters
    ----------
    members : list of Member
        At least one.

    missing_scale : MissingScale or None, default=None
        Brings the scores of rows with missing values to the scale of complete rows.
    """

    def __init__(self, members: list[Member], missing_scale: MissingScale | None = None):
        self.members, self.missing_scale = members, missing_scale

    def __len__(self) -> int:
        return len(self.members)

    def part(self, members: Sequence[int]) -> Ensemble:
        """Return the ensemble of some members, by their places."""
        return Ensemble([self.members[place] for place in members], self.missing_scale)

    def scores(self, X: Matrix, device: str) -> np.ndarray:
        """Return the score of each row by each network, of shape (n_members, n_samples).

        Scores are finite and float64; higher is more anomalous.
        """
        scores = self.scores_within(X, device)
        for of_member, member in zip(scores, self.members, strict=True):
            if member.ranges is not None:
                of_member += member.ranges.added(X)
        return np.minimum(scores, LARGEST, out=scores)

    def scores_within(self, X: Matrix, device: str) -> np.ndarray:
        """Return the same without what values outside of the ranges of the training rows add."""
        scores = self.scores_of_networks(X, device)
        if self.missing_scale is None:
            return scores
        return np.minimum(self.missing_scale.apply(scores, numbers_of_missing(X)), LARGEST)

    def scores_of_networks(self, X: Matrix, device: str) -> np.ndarray:
        """Return the same without regard to the numbers of missing values."""
        scores = np.empty((len(self), X.shape[0]))
        for of_member, member in zip(scores, self.members, strict=True):
            network = member.network.network(device)
            of_batch = partial(member.score, network)
            for rows, found in member.network.computed(of_batch, X, network):
                of_member[rows] = found
        return np.nan_to_num(scores, copy=False, nan=LARGEST, posinf=LARGEST)

    def contributions(self, X: Matrix, device: str) -> np.ndarray:
        """Return the contributions of features to the mean score, (n_samples, n_features)."""
        contributions = np.zeros(X.shape)
        for member in self.members:
            network = member.network.network(device)
            of_batch = partial(contributions_of, member.score, network)
            for rows, of_features in member.network.computed(of_batch, X, network):
                contributions[rows] += self._of_all(member, of_features, X[rows]) / len(self)
        out_of_range = ~np.isfinite(contributions).all(axis=1)
        if out_of_range.any():  # the features cannot be distinguished
            scores = self.scores(X[out_of_range], device).mean(axis=0)
            contributions[out_of_range] = scores[:, None] / X.shape[1]
        return contributions

    def _of_all(self, member: Member, contributions: np.ndarray, rows: Matrix) -> np.ndarray:
        """Return contributions to a score that regards missing and far values."""
        if self.missing_scale is not None:
            of = torch.from_numpy(contributions), torch.from_numpy(numbers_of_missing(rows))
            contributions = self.missing_scale.of_features(*of).numpy()
        if member.ranges is not None:
            contributions = contributions + member.ranges.of_rows(rows)
        return contributions

    def reconstruct(self, X: Matrix, device: str) -> np.ndarray:
        """Return the mean of the reconstructions, in the units of `X`, float64."""
        return mean_reconstruction([member.network for member in self.members], X, device)


@torch.inference_mode(False)
def contributions_of(score: Score, network: AutoencoderNetwork, X: torch.Tensor) -> torch.Tensor:
    """Return the contributions of features to the score, including those through the code."""
    X = X.clone()  # outside of inference mode, so that gradients can be computed
    with torch.no_grad():
        codes = network.encode(X)
        of_features = score.of_features(network, X, codes)
        of_code = score.of_code(network, X, codes)
    if of_code is None:
        assert of_features is not None  # a score says something of one of the two
        return of_features

    def score_of_code(rows: torch.Tensor) -> Any:
        return score.of_code(network, rows, network.encode(rows))

    origin = network.features.mean.to(X.dtype)
    of_code = integrated_gradients(score_of_code, X, origin).cpu()
    return of_code if of_features is None else of_features + of_code
