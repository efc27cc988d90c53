"""The principal axes of rows, block by block and weighted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce

import torch

from skae._data.rows import Rows
from skae._missing.filling import FilledRows, NormalDistribution

# Up to this many rows or columns the whole spectrum is computed from a square matrix of that
# size; beyond, only the leading axes, by subspace iteration.
_EXACT_SIZE = 2048
# Entries up to which all rows may stand in memory at once in float64 (half a gigabyte).
_GATHERED_ENTRIES = 2**26
# Multiplications up to which the products of the covariance are in float64 (a tenth of a second).
_FLOAT64_WORK = 4e9
# Axes beyond those asked for, and passes over the data, of the subspace iteration.
_EXTRA_AXES, _PASSES = 10, 5


@dataclass(frozen=True)
class PrincipalAxes:
    """The principal axes of scaled rows, those of the largest variance first.

    ``axes`` has shape (n_axes, n_features), orthonormal rows; ``variances`` (n_axes,) is the
    variance along each; ``mean`` (n_features,); ``total`` is the sum of the variances of all
    features. Tensors are float64 where the device has it.
    """

    axes: torch.Tensor
    variances: torch.Tensor
    mean: torch.Tensor
    total: float

    def n_needed(self, share: float) -> int:
        """Return how many axes hold at least this share of the variance."""
        if self.total == 0:
            return 1
        held = torch.cumsum(self.variances, 0) / self.total
        # The smallest shares are lost to rounding: a sum of 1 - 1e-12 is all of the variance.
        n_below = int((held < share - 1e-12).sum())
        return min(n_below + 1, len(self.variances))


def principal_axes(
    rows: Rows | FilledRows,
    n_components: int,
    generator: torch.Generator,
    sample_weight: torch.Tensor | None = None,
) -> PrincipalAxes:
    """Return at least the first `n_components` principal axes of rows.

    Exact by the covariance of the features where there are at most 2,048, by the inner products
    of the samples where those are fewer, and by randomised subspace iteration [1]_ otherwise.

    Parameters
    ----------
    rows : Rows
        The data.

    n_components : int
        Number of axes.

    generator : torch.Generator
        For the subspace iteration; on the CPU.

    sample_weight : torch.Tensor of shape (n_samples,) or None
        How often each row counts.

    References
    ----------
    .. [1] N. Halko, P.-G. Martinsson and J. A. Tropp, "Finding structure with randomness", SIAM
       Review 53(2), 2011.
    """
    weighted = _Weighted(rows, sample_weight)
    n_samples, n_features = rows.shape
    if n_features <= min(_EXACT_SIZE, 4 * n_samples):
        variances, axes = _eigen(weighted.covariance())
    elif n_samples <= _EXACT_SIZE and n_samples * n_features <= _GATHERED_ENTRIES:
        variances, axes = _from_inner_products(weighted)
    else:
        variances, axes = _subspace_iteration(weighted, n_components, generator)
    return PrincipalAxes(
        signed(axes), variances.clamp_min(0), weighted.mean, float(weighted.total_variance)
    )


class _Weighted:
    """Sums over centred rows, each counted by its weight."""

    def __init__(self, rows: Rows | FilledRows, sample_weight: torch.Tensor | None):
        self.rows = rows
        n_samples, n_features = rows.shape
        wide = torch.float32 if rows.device.type == "mps" else torch.float64
        self.sum_dtype = wide
        self.dtype = wide if n_samples * n_features**2 <= _FLOAT64_WORK else rows.dtype
        if sample_weight is None:
            sample_weight = torch.ones(n_samples, device=rows.device)
        weight = sample_weight.to(wide)
        self.weight = (weight / weight.sum()).to(rows.device)
        self.mean = _sum(self.weight[s] @ block.to(wide) for s, block in rows.blocks())
        self.total_variance = _sum(
            self.weight[s] @ (block.to(wide) - self.mean).square().sum(1)
            for s, block in rows.blocks()
        )

    def blocks(self) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield (rows, centred block times the root of the weights)."""
        mean = self.mean.to(self.dtype)
        root = self.weight.sqrt().to(self.dtype)
        for s, block in self.rows.blocks():
            yield s, (block.to(self.dtype) - mean) * root[s, None]

    def covariance(self) -> torch.Tensor:
        return _sum((block.T @ block).to(self.sum_dtype) for _, block in self.blocks())

    def covariance_times(self, directions: torch.Tensor) -> torch.Tensor:
        directions = directions.to(self.dtype)
        return _sum(
            (block.T @ (block @ directions)).to(self.sum_dtype) for _, block in self.blocks()
        )


def _sum(terms: Iterable[torch.Tensor]) -> torch.Tensor:
    return reduce(torch.add, terms)


def _eigen(symmetric: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return eigenvalues, largest first, and eigenvectors as rows."""
    # On the CPU in every case: as fast for these sizes, and the same on all devices.
    values, vectors = torch.linalg.eigh(symmetric.cpu())
    return values.flip(0).to(symmetric.device), vectors.flip(1).T.to(symmetric.device)


def _from_inner_products(weighted: _Weighted) -> tuple[torch.Tensor, torch.Tensor]:
    X = torch.cat([block.to(weighted.sum_dtype) for _, block in weighted.blocks()])
    variances, vectors = _eigen(X @ X.T)
    present = variances > variances[0] * 1e-12
    variances, vectors = variances[present], vectors[present]
    return variances, vectors @ X / variances.sqrt()[:, None]


def _subspace_iteration(
    weighted: _Weighted, n_components: int, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    n_features = weighted.rows.shape[1]
    start = torch.randn(n_features, n_components + _EXTRA_AXES, generator=generator)
    directions = start.to(weighted.rows.device, weighted.sum_dtype)
    for _ in range(_PASSES):
        directions, _ = torch.linalg.qr(weighted.covariance_times(directions))
    small = directions.T @ weighted.covariance_times(directions)
    variances, vectors = _eigen((small + small.T) / 2)
    return variances[:n_components], (vectors @ directions.T)[:n_components]


def signed(axes: torch.Tensor) -> torch.Tensor:
    """Make the largest entry of each axis positive, so that the axes are the same everywhere."""
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return axes * torch.where(largest < 0, -1.0, 1.0)


def axes_of_factors(gaussian: NormalDistribution) -> PrincipalAxes:
    """Return the axes that the factors of a normal distribution span.

    The scores of filled rows are those of their known entries: on these axes, filled rows are
    rebuilt as their conditional means, but for the noise, which is small beside what all
    features together say of a factor.
    """
    loadings = (gaussian.deviation[:, None] * gaussian.factor).cpu()
    left, lengths, _ = torch.linalg.svd(loadings, full_matrices=False)
    noise = gaussian.noise * gaussian.deviation.square().mean().sqrt()
    variances = lengths.square() + noise**2
    of_features = gaussian.factor.square().sum(1) + gaussian.noise**2
    total = (gaussian.deviation.square() * of_features).sum()
    device = gaussian.mean.device
    axes = signed(left.T).to(device)
    return PrincipalAxes(axes, variances.to(device), gaussian.mean, float(total))
