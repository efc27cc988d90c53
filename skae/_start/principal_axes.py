"""The principal axes of rows, block by block and weighted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce

import torch

from skae._data.rows import Rows
from skae._missing.filling import FilledRows, NormalDistribution

# Up to this many rows or columns, the whole spectrum is computed from a square matrix of that size;
# beyond, subspace iteration computes the leading axes only.
_EXACT_SIZE = 2048
# Up to this many entries, all rows may be in memory at once in float64 (half a gigabyte).
_GATHERED_ENTRIES = 2**26
# Up to this many multiplications, the covariance is computed in float64 (a tenth of a second).
_FLOAT64_WORK = 4e9
# Number of additional axes, and passes over the data, of the subspace iteration.
_EXTRA_AXES, _PASSES = 10, 5


@dataclass(frozen=True)
class PrincipalAxes:
    """The principal axes of scaled rows, with variances in descending order.

    ``axes`` has shape (n_axes, n_features), orthonormal rows; ``variances`` (n_axes,) is the
    variance along each; ``mean`` (n_features,); ``total`` is the sum of the variances of all
    features. Tensors are float64 if the device supports it.
    """

    axes: torch.Tensor
    variances: torch.Tensor
    mean: torch.Tensor
    total: float

    def n_needed(self, fraction: float) -> int:
        """Return the number of axes that explain at least this fraction of the variance."""
        if self.total == 0:
            return 1
        explained = torch.cumsum(self.variances, 0) / self.total
        # Rounding can lose the smallest variances: a sum of 1 - 1e-12 counts as all of it.
        n_below = int((explained < fraction - 1e-12).sum())
        return min(n_below + 1, len(self.variances))


def principal_axes(
    rows: Rows | FilledRows,
    n_components: int,
    generator: torch.Generator,
    sample_weight: torch.Tensor | None = None,
) -> PrincipalAxes:
    """Return at least the first `n_components` principal axes of rows.

    They are computed exactly from the covariance of the features if there are at most 2,048, or
    from the inner products of the samples if those are fewer; otherwise by randomised subspace
    iteration [1]_.

    Parameters
    ----------
    rows : Rows
        The data.

    n_components : int
        Number of axes.

    generator : torch.Generator
        Generator of the subspace iteration, on the CPU.

    sample_weight : torch.Tensor of shape (n_samples,) or None
        Weight of each row.

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
    """Weighted sums over centred rows."""

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
        """Yield (rows, centred block times the square root of the weights)."""
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
    # Always on the CPU, which is as fast for these sizes, so that results agree on all devices.
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
    """Make the largest entry of each axis positive, so that signs are reproducible."""
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return axes * torch.where(largest < 0, -1.0, 1.0)


def axes_of_factors(gaussian: NormalDistribution) -> PrincipalAxes:
    """Return the principal axes of the space that the factors of a normal distribution span.

    Projecting filled rows on these axes reconstructs their conditional means. The noise is
    neglected: it is small compared with the information of all features on a factor.
    """
    loadings = (gaussian.deviation[:, None] * gaussian.factor).cpu()
    left, singular_values, _ = torch.linalg.svd(loadings, full_matrices=False)
    noise = gaussian.noise * gaussian.deviation.square().mean().sqrt()
    variances = singular_values.square() + noise**2
    of_features = gaussian.factor.square().sum(1) + gaussian.noise**2
    total = (gaussian.deviation.square() * of_features).sum()
    device = gaussian.mean.device
    axes = signed(left.T).to(device)
    return PrincipalAxes(axes, variances.to(device), gaussian.mean, float(total))
