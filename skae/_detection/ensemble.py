"""Ensemble of fitted networks, each with its score, and their mean scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from skae._data.matrix import Matrix
from skae._data.views import rows_at
from skae._detection.attribution import integrated_gradients
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.fitted_network import FittedNetwork, mean_reconstruction
from skae.scores import Score
from skae.scores.score import residuals

# Value of a score that is too large to be computed.
LARGEST = 1e300
# Limits of the rows that a score is fitted to, and of their entries.
_MOST_FITTED, _FEWEST_FITTED, _MOST_ENTRIES = 100_000, 5000, 2**23


@dataclass(frozen=True)
class Member:
    """A fitted network and the score that was fitted to its residuals and codes."""

    network: FittedNetwork
    score: Score


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
        return residuals(network, X, codes), codes.cpu().double()

    batches = [results for _, results in fitted.computed(of_batch, X, network)]
    return score.fit(
        *(torch.from_numpy(np.concatenate(all_)) for all_ in zip(*batches, strict=True))
    )


class Ensemble:
    """Networks that score rows together.

    Parameters
    ----------
    members : list of Member
        At least one.
    """

    def __init__(self, members: list[Member]):
        self.members = members

    def __len__(self) -> int:
        return len(self.members)

    def scores(self, X: Matrix, device: str) -> np.ndarray:
        """Return the score of each row by each network, of shape (n_members, n_samples).

        Scores are finite and float64; higher is more anomalous.
        """
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
                contributions[rows] += of_features / len(self)
        out_of_range = ~np.isfinite(contributions).all(axis=1)
        if out_of_range.any():  # the features cannot be distinguished
            scores = self.scores(X[out_of_range], device).mean(axis=0)
            contributions[out_of_range] = scores[:, None] / X.shape[1]
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
