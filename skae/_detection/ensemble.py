"""Several fitted networks, each with the score it gives, and what they say together."""

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

# What stands for a score that is too large to be computed.
LARGEST = 1e300
# Rows that a score is fitted to, and their entries.
_MOST_FITTED, _FEWEST_FITTED, _MOST_ENTRIES = 100_000, 5000, 2**23


@dataclass(frozen=True)
class Member:
    """A network and the score that was fitted to it."""

    network: FittedNetwork
    score: Score


def fitted_score(score: Score, fitted: FittedNetwork, X: Matrix, device: str) -> Score:
    """Return the score, fitted to what the network makes of these rows.

    Of up to 100,000, fewer where they have more than 83 features: their residuals are in memory.
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
        """Return what each network finds in each row, of shape (n_members, n_samples).

        Finite, float64; higher is more anomalous.
        """
        scores = np.empty((len(self), X.shape[0]))
        for of_member, member in zip(scores, self.members, strict=True):
            network = member.network.network(device)
            of_batch = partial(member.score, network)
            for rows, found in member.network.computed(of_batch, X, network):
                of_member[rows] = found
        return np.nan_to_num(scores, copy=False, nan=LARGEST, posinf=LARGEST)

    def contributions(self, X: Matrix, device: str) -> np.ndarray:
        """Return the share of each feature in the mean score, (n_samples, n_features), float64."""
        shares = np.zeros(X.shape)
        for member in self.members:
            network = member.network.network(device)
            of_batch = partial(_shares, member.score, network)
            for rows, of_features in member.network.computed(of_batch, X, network):
                shares[rows] += of_features / len(self)
        out_of_range = ~np.isfinite(shares).all(axis=1)
        if out_of_range.any():  # nothing can be said of the features: all alike
            scores = self.scores(X[out_of_range], device).mean(axis=0)
            shares[out_of_range] = scores[:, None] / X.shape[1]
        return shares

    def reconstruct(self, X: Matrix, device: str) -> np.ndarray:
        """Return the mean of the reconstructions, in the units of `X`, float64."""
        return mean_reconstruction([member.network for member in self.members], X, device)


@torch.inference_mode(False)
def _shares(score: Score, network: AutoencoderNetwork, X: torch.Tensor) -> torch.Tensor:
    """Return the shares of the features in the score of rows, those in its code included."""
    X = X.clone()  # one that gradients are known of
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
    shares = integrated_gradients(score_of_code, X, origin).cpu()
    return shares if of_features is None else of_features + shares
