"""Masking noise."""

from __future__ import annotations

import torch

from skae.corruptions.corruption import Corruption
from skae.corruptions.entries import check_fill, check_fraction, fill_values, uniform
from skae.corruptions.features import Features


class Masking(Corruption):
    r"""Masking noise: random entries are hidden.

    Described in [1]_.

    .. math:: \tilde{x}_j = f_j \text{ if } u_j < s, \text{ else } x_j, \quad
       u_j \sim \mathcal{U}(0, 1),

    with the `fraction` `s` and the `fill` :math:`f`. The paper hides the same number of entries in
    each row; here each entry is hidden independently of all others.

    Parameters
    ----------
    fraction : float, default=0.25
        Probability that an entry is hidden, in (0, 1].

    fill : "mean" or float, default="mean"
        Value of hidden entries: the mean of the feature over the training rows, or a number in
        units of `X`. The paper uses 0.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio and P.-A. Manzagol, "Stacked denoising
       autoencoders", Journal of Machine Learning Research 11, 2010, section 3.3.
    """

    def __init__(self, fraction: float = 0.25, fill: float | str = "mean"):
        self.fraction = fraction
        self.fill = fill

    def check(self, sample_shape: tuple[int, ...], channel_axis: int | str | None = None) -> None:
        """Refuse parameters out of range."""
        check_fraction(self.fraction, "Masking")
        check_fill(self.fill, "Masking")

    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return rows with hidden entries."""
        hidden = uniform(X, generator) < self.fraction
        return torch.where(hidden, fill_values(self.fill, features, X.dtype), X)
