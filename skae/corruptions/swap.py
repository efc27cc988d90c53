"""Swap noise."""

from __future__ import annotations

import torch

from skae.corruptions.corruption import Corruption
from skae.corruptions.entries import check_fraction
from skae.corruptions.features import Features


class Swap(Corruption):
    r"""Swap noise: random entries are replaced by those of other rows.

    Described in [1]_ and [2]_.

    .. math:: \tilde{x}_{ij} = x_{d_{ij} j} \text{ if } u_{ij} < s, \text{ else } x_{ij}, \quad
       u_{ij} \sim \mathcal{U}(0, 1),

    with the `fraction` `s` and a donor row :math:`d_{ij} \ne i` for each entry, drawn independently
    from the other rows of the batch. Every corrupted entry is a value that its feature takes
    elsewhere, even for discrete or skewed features, so an entry alone does not reveal that it was
    changed: this is the noise for tables. A batch of a single row stays unchanged.

    Parameters
    ----------
    fraction : float, default=0.15
        Probability that an entry is replaced, in (0, 1].

    References
    ----------
    .. [1] J. Yoon, Y. Zhang, J. Jordon and M. van der Schaar, "VIME: extending the success of
       self- and semi-supervised learning to tabular domain", NeurIPS 2020.
    .. [2] D. Bahri, H. Jiang, Y. Tay and D. Metzler, "SCARF: self-supervised contrastive learning
       using random feature corruption", ICLR 2022.
    """

    def __init__(self, fraction: float = 0.15):
        self.fraction = fraction

    def check(self, sample_shape: tuple[int, ...], channel_axis: int | str | None = None) -> None:
        """Refuse a `fraction` out of range."""
        check_fraction(self.fraction, "Swap")

    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return rows with entries of other rows."""
        n_samples = len(X)
        if n_samples < 2:
            return X.clone()
        swapped = features.uniform(X, generator) < self.fraction
        # A shift of 1 to n_samples - 1 rows never gives the row itself.
        shape = (n_samples, features.n_columns)
        step = torch.randint(1, n_samples, shape, generator=generator, device=X.device)
        step = features.of_columns(step)
        row = torch.arange(n_samples, device=X.device)[:, None]
        return torch.where(swapped, X.gather(0, (row + step) % n_samples), X)
