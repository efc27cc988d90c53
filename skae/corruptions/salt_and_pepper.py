"""Salt-and-pepper noise."""

from __future__ import annotations

import torch

from skae.corruptions.corruption import Corruption
from skae.corruptions.entries import Fraction, check_fraction, fractions, is_range
from skae.corruptions.features import Features


class SaltAndPepper(Corruption):
    r"""Salt-and-pepper noise: random entries become the minimum or maximum of their feature.

    Described in [1]_.

    .. math:: \tilde{x}_j = \min_i x_{ij} \text{ if } u_j < s / 2, \;
       \max_i x_{ij} \text{ if } s / 2 \le u_j < s, \text{ else } x_j, \quad
       u_j \sim \mathcal{U}(0, 1),

    with the `fraction` `s`, and minima and maxima over the training rows `i`. If all features have
    the same bounds, as pixels from 0 to 255, entries become one of these bounds: also pixels that
    are black in all training rows.

    Parameters
    ----------
    fraction : float or pair of float, default=(0.0, 0.7)
        Probability that an entry is changed, in (0, 1]. Minimum and maximum are equally likely.
        With a pair ``(low, high)``, the probability is drawn uniformly from that range for each
        row.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio and P.-A. Manzagol, "Stacked denoising
       autoencoders", Journal of Machine Learning Research 11, 2010, section 3.3.
    """

    def __init__(self, fraction: Fraction = (0.0, 0.7)):
        self.fraction = fraction

    def check(self, sample_shape: tuple[int, ...], channel_axis: int | str | None = None) -> None:
        """Refuse a `fraction` out of range."""
        check_fraction(self.fraction, "SaltAndPepper")

    def varies(self) -> bool:
        """Return whether the fraction is a range."""
        return is_range(self.fraction)

    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return rows with extreme entries."""
        # A single uniform number chooses the entries and between minimum and maximum.
        draw = features.uniform(X, generator)
        fraction = fractions(self.fraction, X, generator)
        low, high = features.bounds() or (features.low, features.high)
        extreme = torch.where(draw < fraction / 2, low.to(X.dtype), high.to(X.dtype))
        return features.of_numbers(torch.where(draw < fraction, extreme, X), X)
