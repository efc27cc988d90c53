"""Entries that are hidden as if they were missing."""

from __future__ import annotations

from typing import Any

import torch

from skae._utils.checks import is_number
from skae.corruptions.corruption import Corruption
from skae.corruptions.entries import uniform
from skae.corruptions.features import Features


class Missing(Corruption):
    r"""Missing values: entries here and there are hidden, and the encoder knows which.

    .. math:: \tilde{x}_j = \text{NaN if } u_j < s, \text{ else } x_j, \quad
       u_j \sim \mathcal{U}(0, 1).

    Other than with :class:`~skae.corruptions.Masking`, what is hidden counts as missing: the
    encoder is shown its conditional mean given the rest of the row, and a mask that says where
    (as in [1]_). An autoencoder with this corruption takes rows with missing values in
    ``transform`` and its other methods, whether there were any in `fit` or not.

    Parameters
    ----------
    share : float or tuple of two floats, default=(0.0, 1.0)
        Probability that an entry is hidden, in (0, 1]. Of a pair, with 0 <= low < high <= 1, the
        probability is drawn for each row by itself, evenly between the two: no share of missing
        values is then unknown to the network.

    References
    ----------
    .. [1] P.-A. Mattei and J. Frellsen, "MIWAE: deep generative modelling and imputation of
       incomplete data sets", ICML 2019.
    """

    makes_missing = True

    def __init__(self, share: float | tuple[float, float] = (0.0, 1.0)):
        self.share = share

    def check(self, sample_shape: tuple[int, ...], channel_axis: int | None = None) -> None:
        """Refuse a `share` out of range."""
        if _is_share(self.share):
            return
        raise ValueError(
            f"share of Missing must be a number > 0 and <= 1, the probability that an entry is "
            f"hidden, or a pair (low, high) with 0 <= low < high <= 1, got {self.share!r}."
        )

    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return rows with NaN in the place of hidden entries."""
        share: Any = self.share
        if isinstance(share, tuple | list):
            low, high = share
            share = low + (high - low) * uniform(X[:, :1], generator)
        return X.masked_fill(uniform(X, generator) < share, torch.nan)


def _is_share(share: Any) -> bool:
    if isinstance(share, tuple | list):
        return len(share) == 2 and all(map(is_number, share)) and 0 <= share[0] < share[1] <= 1
    return is_number(share) and 0 < share <= 1
