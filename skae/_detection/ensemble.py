"""Ensemble of fitted networks, each with its score, and their mean scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from skae._data.blocks import dense_blocks
from skae._data.matrix import Matrix
from skae._data.views import rows_at
from skae._detection.attribution import added_up, known_groups
from skae._detection.explanation import contributions_of
from skae._detection.missing_scale import MissingScale, numbers_of_missing
from skae._detection.ranges import Ranges
from skae._missing.gaussian_fit import conditional_draws
from skae._network.fitted_network import FittedNetwork, batch_rows, mean_reconstruction
from skae._runtime.memory import FittingBatches
from skae._runtime.precision import array_dtype
from skae._runtime.threads import threads_for
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

    baselines : ndarray of shape (n_baselines, n_features) or None, default=None
        Scaled training rows with which explanations compare a row; None means the mean row, as in
        files without them.

    ranges : Ranges or None, default=None
        What values far outside of the training rows add to the score.

    unit : float, default=1
        Divides the score.
    """

    network: FittedNetwork
    score: Score
    baselines: np.ndarray | None = None
    ranges: Ranges | None = None
    unit: float = 1.0

    def parts(self, X: Matrix, device: str) -> np.ndarray:
        """Return the parts of the score of each row, of shape (n_samples, n_parts)."""
        network = self.network.network(device)
        of_batch = partial(self.score.parts, network)
        found = [found for _, found in self.network.computed(of_batch, X, network)]
        return np.nan_to_num(np.concatenate(found), nan=LARGEST, posinf=LARGEST)


def fitted_score(score: Score, fitted: FittedNetwork, X: Matrix, device: str) -> Score:
    """Return the score, fitted to the residuals and codes of rows.

    At most 100,000 rows are used, fewer if they have more than 83 features, since their residuals
    are kept in memory.
    """
    n_rows = X.shape[0]
    most = min(_MOST_FITTED, max(_FEWEST_FITTED, _MOST_ENTRIES // X.shape[1]))
    X = rows_at(X, np.arange(0, n_rows, -(-n_rows // most)))
    network = fitted.network(device)

    def of_batch(X: torch.Tensor) -> tuple[torch.Tensor, ...]:
        codes = network.encode(X)
        of_known = residuals(network, X, codes).masked_fill(torch.isnan(X).cpu(), torch.nan)
        return of_known, codes.cpu().double(), *([X.cpu()] if score.takes_rows else [])

    batches = [results for _, results in fitted.computed(of_batch, X, network)]
    differences, codes, *rows = (np.concatenate(all_) for all_ in zip(*batches, strict=True))
    if np.isnan(differences).any():
        # Zeros instead of missing values would make covariances too small.
        differences = conditional_draws(differences, _SEED_OF_DRAWS)
    return score.fit(torch.from_numpy(differences), torch.from_numpy(codes), *rows)


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
            of_member /= member.unit
        return np.nan_to_num(scores, copy=False, nan=LARGEST, posinf=LARGEST)

    def contributions(
        self, X: Matrix, device: str, group_of: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the contributions of groups of features to the mean score.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, n_features)
            Rows.

        device : str
            Device of the networks.

        group_of : ndarray of shape (n_features,) or None, default=None
            Number of the group of each feature, from 0; None means one group for each.

        Returns
        -------
        ndarray of shape (n_samples, n_groups), dtype float64
        """
        group_of = np.arange(X.shape[1]) if group_of is None else group_of
        scores = self.scores(X, device).mean(axis=0)
        contributions = np.empty((X.shape[0], group_of.max() + 1))
        for rows, block in dense_blocks(X):
            of_members = [
                _explained(member, block, device, group_of, len(self)) for member in self.members
            ]
            of_ranges = self.of_ranges(block, group_of)
            rest = scores[rows] - of_ranges.sum(axis=1)
            known = known_groups(block, group_of)
            contributions[rows] = added_up(np.mean(of_members, axis=0), rest, known) + of_ranges
        return contributions

    def of_ranges(self, block: np.ndarray, group_of: np.ndarray) -> np.ndarray:
        """Return what far values of groups add to the mean score; zero if it is out of range."""
        added = np.zeros((group_of.max() + 1, len(block)))
        for member in self.members:
            if member.ranges is not None:
                np.add.at(added, group_of, member.ranges.of_rows(block).T / len(self))
        return np.where(added.sum(axis=0) < LARGEST, added, 0.0).T

    def reconstruct(self, X: Matrix, device: str) -> np.ndarray:
        """Return the mean of the reconstructions, in the units of `X`, float64."""
        return mean_reconstruction([member.network for member in self.members], X, device)


def _explained(
    member: Member, block: np.ndarray, device: str, group_of: np.ndarray, n_members: int
) -> np.ndarray:
    """Return what groups of features contribute to the score of a member, (n_rows, n_groups)."""
    fitted, network = member.network, member.network.network(device)
    work, like = network.work, next(network.parameters())
    scaled = torch.from_numpy(fitted.scaling.apply(block, array_dtype(like.dtype))).to(like.device)
    n_rows = batch_rows(fitted.n_features, work.in_all)
    with threads_for(n_rows, work.at_once):
        batches = FittingBatches(like.device, n_rows)
        of = (member.score, network, scaled, member.baselines, group_of, batches, n_members)
        return contributions_of(*of).numpy() / member.unit
