"""Moments of the features, and the scalings that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from skae._data.blocks import dense_blocks, densify
from skae._data.matrix import Matrix
from skae._data.scaling import LIMIT, Scaling

# Largest number of rows for quantiles, and the interquartile range of the standard normal.
_ROWS_OF_QUANTILES = 20_000
_NORMAL_RANGE = 1.3489795003921634


@dataclass(frozen=True)
class Moments:
    """Means, standard deviations, minima and maxima of the features of `X`, all float64.

    ``mean``, ``deviations``, ``lows`` and ``highs`` have shape (n_features,). All are computed from
    the known values; ``known_fraction`` is the fraction of these, 1 without missing values.
    """

    mean: np.ndarray
    deviations: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    known_fraction: float = 1.0

    @property
    def deviation(self) -> float:
        """The root of the mean over the features of their variance."""
        unit = self.deviations.max() or 1.0  # avoids overflow and underflow of the squares
        return float(np.sqrt(np.mean(np.square(self.deviations / unit)))) * unit

    @property
    def minimum(self) -> float:
        """The smallest entry."""
        return float(self.lows.min())

    @property
    def maximum(self) -> float:
        """The largest entry."""
        return float(self.highs.max())

    @classmethod
    def of(cls, X: Matrix, sample_weight: np.ndarray | None = None) -> Moments:
        """Compute the weighted moments of `X`, block by block."""
        weight = np.ones(X.shape[0]) if sample_weight is None else sample_weight
        lows, highs = zip(
            *((b.min(axis=0), b.max(axis=0)) for _, b in dense_blocks(X)), strict=True
        )
        lows = np.min(lows, axis=0).astype(np.float64)
        highs = np.max(highs, axis=0).astype(np.float64)
        if np.isnan(lows).any():
            return cls._of_incomplete(X, weight)
        unit = _unit(lows, highs)
        total = weight.sum()
        # Relative to the first row, so that constant features have a variance of exactly zero.
        first = densify(X[:1])[0].astype(np.float64) / unit

        def shifted() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for rows, block in dense_blocks(X):
                yield weight[rows], np.divide(block, unit, dtype=np.float64) - first

        mean = sum(w @ block for w, block in shifted()) / total
        variances = sum(w @ np.square(block - mean) for w, block in shifted()) / total
        mean = mean + first
        return cls(mean * unit, np.sqrt(variances) * unit, lows, highs)

    @classmethod
    def _of_incomplete(cls, X: Matrix, weight: np.ndarray) -> Moments:
        """Compute the moments of known values; a feature without any has mean 0 and variance 0."""
        n_features = X.shape[1]
        lows, highs = np.full(n_features, np.inf), np.full(n_features, -np.inf)
        first = np.full(n_features, np.nan)
        for _, block in dense_blocks(X):
            lows = np.fmin(lows, np.fmin.reduce(block, axis=0))
            highs = np.fmax(highs, np.fmax.reduce(block, axis=0))
            chosen = np.argmin(np.isnan(block), axis=0)  # the first known value, if any
            first = np.where(np.isnan(first), block[chosen, np.arange(n_features)], first)
        lows, highs, first = (np.where(np.isfinite(a), a, 0.0) for a in (lows, highs, first))
        unit = _unit(lows, highs)
        first = first / unit

        def mean_of(function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
            total, count = np.zeros(n_features), np.zeros(n_features)
            for rows, block in dense_blocks(X):
                known = ~np.isnan(block)
                values = function(np.where(known, block / unit - first, 0.0))
                total += weight[rows] @ np.where(known, values, 0.0)
                count += weight[rows] @ known
            return total / np.maximum(count, np.finfo(np.float64).tiny)

        mean = mean_of(lambda values: values)
        variances = mean_of(lambda values: np.square(values - mean))
        n_known = sum(np.count_nonzero(~np.isnan(block)) for _, block in dense_blocks(X))
        known_fraction = n_known / (X.shape[0] * n_features)
        return cls((mean + first) * unit, np.sqrt(variances) * unit, lows, highs, known_fraction)

    def scaling(self, *, rescales: bool, each: bool = False, limited: bool = False) -> Scaling:
        """Return the scaling for a loss with or without rescaling.

        Parameters
        ----------
        rescales : bool
            Whether the loss is computed on scaled features.

        each : bool, default=False
            Whether each feature is divided by its own standard deviation.

        limited : bool, default=False
            Whether extreme scaled values are clipped.
        """
        limit = LIMIT if limited else np.inf
        if not rescales:
            return Scaling(np.zeros_like(self.mean), 1.0, limit)
        if each:
            return Scaling(self.mean, _positive(self.deviations), limit)
        return Scaling(self.mean, float(_positive(self.deviation)), limit)


def robust_scaling(X: Matrix, moments: Moments) -> Scaling:
    """Return the scaling by medians and interquartile ranges, from up to 20,000 rows of `X`.

    The scale of a feature is the standard deviation of a normal distribution with the same
    interquartile range. If that range is zero, it is the standard deviation of the feature.
    """
    some = densify(X[:: -(-X.shape[0] // _ROWS_OF_QUANTILES)]).astype(np.float64)
    some[:, np.isnan(some).all(axis=0)] = 0.0  # features without a known value
    low, middle, high = np.nanquantile(some, [0.25, 0.5, 0.75], axis=0)
    ranges = (high - low) / _NORMAL_RANGE
    spreads = np.where(ranges > 0, ranges, moments.deviations)
    return Scaling(middle, _positive(spreads), LIMIT)


def _unit(lows: np.ndarray, highs: np.ndarray) -> np.ndarray:
    """Return the largest absolute value of each feature, or 1 for zeros.

    Dividing by it first avoids overflow and underflow of squares.
    """
    unit = np.maximum(np.abs(lows), np.abs(highs))
    return np.where(unit > 0, unit, 1.0)


def _positive(scale: float | np.ndarray) -> np.ndarray:
    """Return scales, with 1 for constant features.

    Subnormal scales count as zero, since dividing by them would overflow.
    """
    return np.where(scale > np.finfo(np.float64).tiny, scale, 1.0)
