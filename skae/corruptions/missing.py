"""Artificially missing values."""

from __future__ import annotations

import torch

from skae.corruptions.corruption import Corruption
from skae.corruptions.entries import Fraction, check_fraction, fractions
from skae.corruptions.features import Features


class Missing(Corruption):
    r"""Missing values: random entries are hidden, and the encoder knows which.

    .. math:: \tilde{x}_j = \text{NaN if } u_j < s, \text{ else } x_j, \quad
       u_j \sim \mathcal{U}(0, 1).

    Unlike with :class:`~skae.corruptions.Masking`, hidden entries are treated as missing: the
    encoder receives their conditional means given the rest of the row, and a mask of the missing
    entries (as in [1]_). An autoencoder with this corruption accepts rows with missing values in
    ``transform`` and its other methods, even if it was fitted on complete rows.

    Parameters
    ----------
    fraction : float or tuple of two floats, default=(0.0, 1.0)
        Probability that an entry is hidden, in (0, 1]. With a pair ``(low, high)``, where
        0 <= low < high <= 1, the probability is drawn uniformly from that range for each row, so
        that the network learns to handle every fraction of missing values.

    References
    ----------
    .. [1] P.-A. Mattei and J. Frellsen, "MIWAE: deep generative modelling and imputation of
       incomplete data sets", ICML 2019.
    """

    makes_missing = True

    def __init__(self, fraction: Fraction = (0.0, 1.0)):
        self.fraction = fraction

    def check(self, sample_shape: tuple[int, ...], channel_axis: int | str | None = None) -> None:
        """Refuse a `fraction` out of range."""
        check_fraction(self.fraction, "Missing")

    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return rows with NaN in place of hidden entries."""
        fraction = fractions(self.fraction, X, generator)
        return X.masked_fill(features.uniform(X, generator) < fraction, torch.nan)
