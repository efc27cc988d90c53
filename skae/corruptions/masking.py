"""Masking noise."""

from __future__ import annotations

import torch

from skae.corruptions.corruption import Corruption
from skae.corruptions.entries import (
    Fraction,
    check_fill,
    check_fraction,
    fill_values,
    fractions,
    is_range,
)
from skae.corruptions.features import Features


class Masking(Corruption):
    r"""Masking noise: random entries are hidden.

    Described in [1]_.

    .. math:: \tilde{x}_j = f_j \text{ if } u_j < s, \text{ else } x_j, \quad
       u_j \sim \mathcal{U}(0, 1),

    with the `fraction` `s` and the `fill` :math:`f`. The paper hides the same number of entries in
    each row, a quarter, and fills with 0; here each entry is hidden independently of all others.

    Parameters
    ----------
    fraction : float or pair of float, default=(0.0, 0.7)
        Probability that an entry is hidden, in (0, 1]. With a pair ``(low, high)``, the probability
        is drawn uniformly from that range for each row.

    fill : "auto", "mean" or float, default="auto"
        Value of hidden entries: the mean of the feature over the training rows, or a number in
        units of `X`. "auto" is "mean", unless all features have the same bounds, as pixels from 0
        to 255: then each row is filled with the lower bound, the means or the upper bound, at
        random.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio and P.-A. Manzagol, "Stacked denoising
       autoencoders", Journal of Machine Learning Research 11, 2010, section 3.3.
    """

    def __init__(self, fraction: Fraction = (0.0, 0.7), fill: float | str = "auto"):
        self.fraction = fraction
        self.fill = fill

    def check(self, sample_shape: tuple[int, ...], channel_axis: int | str | None = None) -> None:
        """Refuse parameters out of range."""
        check_fraction(self.fraction, "Masking")
        check_fill(self.fill, "Masking")

    def varies(self) -> bool:
        """Return whether the fraction is a range."""
        return is_range(self.fraction)

    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return rows with hidden entries."""
        hidden = features.uniform(X, generator) < fractions(self.fraction, X, generator)
        return torch.where(hidden, fill_values(self.fill, features, X, generator), X)
