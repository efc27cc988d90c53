"""Swap noise."""

from __future__ import annotations

import torch

from skae.corruptions.corruption import Corruption
from skae.corruptions.entries import check_share, uniform
from skae.corruptions.features import Features


class Swap(Corruption):
    r"""Swap noise: entries here and there are taken from other rows.

    Described in [1]_ and [2]_.

    .. math:: \tilde{x}_{ij} = x_{d_{ij} j} \text{ if } u_{ij} < s, \text{ else } x_{ij}, \quad
       u_{ij} \sim \mathcal{U}(0, 1),

    with the share `s` and a donor :math:`d_{ij} \ne i` for each entry, drawn independently from
    the other rows of the batch. Every entry is then a value that its feature has, also where
    features are discrete or skewed, so single entries do not give away what was changed: the
    noise for tables. A batch of one row has no other row and stays as it is.

    Parameters
    ----------
    share : float, default=0.15
        Probability that an entry is replaced, in (0, 1].

    References
    ----------
    .. [1] J. Yoon, Y. Zhang, J. Jordon and M. van der Schaar, "VIME: extending the success of
       self- and semi-supervised learning to tabular domain", NeurIPS 2020.
    .. [2] D. Bahri, H. Jiang, Y. Tay and D. Metzler, "SCARF: self-supervised contrastive learning
       using random feature corruption", ICLR 2022.
    """

    def __init__(self, share: float = 0.15):
        self.share = share

    def check(self, sample_shape: tuple[int, ...], channel_axis: int | None = None) -> None:
        """Refuse a `share` out of range."""
        check_share(self.share, "Swap")

    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return rows with entries of other rows."""
        n_samples = len(X)
        if n_samples < 2:
            return X.clone()
        swapped = uniform(X, generator) < self.share
        # Between 1 and n_samples - 1 rows further on, and so never the row itself.
        step = torch.randint(1, n_samples, X.shape, generator=generator, device=X.device)
        row = torch.arange(n_samples, device=X.device)[:, None]
        return torch.where(swapped, X.gather(0, (row + step) % n_samples), X)
