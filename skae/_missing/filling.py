"""Imputation of missing values by their conditional means given the rest of the row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from skae._data.rows import Rows

# Largest number of entries of the matrices that are factorised at once.
_SOLVED_NUMBERS = 2**22


@dataclass(frozen=True)
class NormalDistribution:
    """A normal distribution of scaled rows, ``x = mean + deviation * (factor z + noise e)``.

    ``z`` and ``e`` are standard normal; ``mean`` and ``deviation`` have shape (n_features,),
    ``factor`` (n_features, rank), ``noise`` is a standard deviation. Tensors are float64 if the
    device supports it.
    """

    mean: torch.Tensor
    deviation: torch.Tensor
    factor: torch.Tensor
    noise: float


class Filling(nn.Module):
    r"""Fills missing values by their conditional means under a normal distribution.

    With the known entries `o` of a standardised row,

    .. math:: z = (\sigma^2 I + F_o^T F_o)^{-1} F_o^T x_o, \qquad \hat{x} = F z,

    the posterior mean of a factor model (Tipping and Bishop [1]_). Known entries stay unchanged.

    Parameters
    ----------
    n_features : int
        Size of a sample.

    rank : int
        Number of factors; `n_features` factors can represent any covariance.

    References
    ----------
    .. [1] M. E. Tipping and C. M. Bishop, "Probabilistic principal component analysis", Journal
       of the Royal Statistical Society B 61(3), 1999.
    """

    mean: torch.Tensor
    deviation: torch.Tensor
    factor: torch.Tensor
    noise: torch.Tensor

    def __init__(self, n_features: int, rank: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("deviation", torch.ones(n_features))
        self.register_buffer("factor", torch.zeros(n_features, rank))
        self.register_buffer("noise", torch.ones(()))

    @property
    def rank(self) -> int:
        """Number of factors."""
        return self.factor.shape[1]

    @property
    def n_multiplications(self) -> int:
        """Approximate number of multiplications to fill a row."""
        return len(self.mean) * self.rank**2 + self.rank**3 // 3

    def set(self, gaussian: NormalDistribution) -> None:
        """Set the parameters to those of a distribution of the same size."""
        self.mean.copy_(gaussian.mean)
        self.deviation.copy_(gaussian.deviation)
        self.factor.copy_(gaussian.factor)
        self.noise.fill_(gaussian.noise)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return rows without missing values.

        Parameters
        ----------
        X : torch.Tensor of shape (n_samples, n_features)
            Scaled rows, with NaN for missing values.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features)
            Of the dtype of `X`.
        """
        known = ~torch.isnan(X)
        # An exported graph cannot branch on the data: there, complete rows are filled as well.
        if not torch.compiler.is_compiling() and known.all():
            return X
        wide = torch.float32 if X.device.type == "mps" else torch.float64
        mean, deviation, factor = (t.to(wide) for t in (self.mean, self.deviation, self.factor))
        away = torch.where(known, (X.to(wide) - mean) / deviation, 0.0)
        scores = _posterior_means(away, known.to(wide), factor, self.noise.to(wide).square())
        filled = mean + deviation * (scores @ factor.mT)
        return torch.where(known, X, filled.to(X.dtype))

    def conditional_variances(self, X: torch.Tensor) -> torch.Tensor:
        r"""Return the variance of each entry given the known entries of its row, float64.

        .. math:: \sigma^2 (1 + f_j^T (\sigma^2 I + F_o^T F_o)^{-1} f_j)

        for a missing entry `j`, in standardised units; the result is in those of `X`.

        Parameters
        ----------
        X : torch.Tensor of shape (n_samples, n_features)
            Scaled rows on the CPU, with NaN for missing values.
        """
        known = (~torch.isnan(X)).double()
        deviation, factor = self.deviation.double(), self.factor.double()
        noise_variance = self.noise.double().square()
        lower = torch.linalg.cholesky(posterior_precision(known, factor, noise_variance))
        solved = torch.linalg.solve_triangular(lower, factor.T, upper=False)
        return deviation.square() * noise_variance * (1 + solved.square().sum(1))

    def draw(self, n_samples: int, generator: torch.Generator) -> torch.Tensor:
        """Return rows drawn from the distribution, of the dtype and on the device of the buffers.

        Parameters
        ----------
        n_samples : int
            Number of rows.

        generator : torch.Generator
            On the CPU, so that the draws are the same on all devices.
        """
        scores = torch.randn(n_samples, self.rank, generator=generator).to(self.mean)
        errors = torch.randn(n_samples, len(self.mean), generator=generator).to(self.mean)
        return self.mean + self.deviation * (scores @ self.factor.T + self.noise * errors)


def _posterior_means(
    away: torch.Tensor, known: torch.Tensor, factor: torch.Tensor, noise_variance: torch.Tensor
) -> torch.Tensor:
    """Return E[z | known entries] of each row, of shape (n_samples, rank).

    All tensors may have an axis of networks in front.
    """
    precision = posterior_precision(known, factor, noise_variance)
    right = (away @ factor)[..., None]  # missing entries are zero
    return torch.cholesky_solve(right, torch.linalg.cholesky(precision))[..., 0]


def posterior_precision(
    known: torch.Tensor, factor: torch.Tensor, noise_variance: torch.Tensor
) -> torch.Tensor:
    """Return ``noise_variance I + F_o^T F_o`` of each row, (n_samples, rank, rank)."""
    rank = factor.shape[-1]
    products = (factor[..., :, None] * factor[..., None, :]).flatten(-2)
    grams = (known @ products).unflatten(-1, (rank, rank))
    return grams + noise_variance * torch.eye(rank, dtype=grams.dtype, device=grams.device)


class FilledRows:
    """Rows whose missing values are filled block by block.

    Parameters
    ----------
    rows : Rows
        The data, with NaN for missing values.

    filling : Filling
        Filling on the device of the rows.
    """

    def __init__(self, rows: Rows, filling: Filling):
        self.shape, self.device, self.dtype = rows.shape, rows.device, rows.dtype
        self._rows, self._filling = rows, filling

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, index: torch.Tensor) -> torch.Tensor:
        """Return the rows at `index`, a tensor on the device, in that order."""
        return self._filling(self._rows.take(index))

    def blocks(self) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield all rows as (slice, tensor) pairs of consecutive rows."""
        step = max(1, _SOLVED_NUMBERS // self._filling.rank**2)
        for rows, block in self._rows.blocks():
            yield rows, torch.cat([self._filling(part) for part in block.split(step)])
