"""Ranges of the columns of the training rows, and what values far outside of them add to scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from skae._data.blocks import dense_blocks, densify
from skae._data.matrix import Matrix

# Differences from a constant column, relative to its value, that rounding to float32 may cause, in
# arithmetic of a few steps.
_ROUNDING = 2.0**-20
# Differences from a column of zeros below it are rounding as well.
_SMALLEST = float(np.finfo(np.float32).tiny)
# Values of rows outside of the core extend a range if they are within one width of it. Each step
# may treble it.
_MOST_STEPS = 20


@dataclass(frozen=True)
class Ranges:
    r"""Smallest and largest value of each column, in the units of `X`.

    A network continues linearly outside of the range of its training rows, where its code may
    represent anything, and residuals may stay small. So the score of a row is increased for each
    value whose distance `e` from the range is more than half of the width `w` of the range, by

    .. math:: s \left(\frac{2 e}{w} - 1\right)^2

    where `s` is the range of the scores of calibration rows: a value more than one width outside of
    the range makes a score larger than all of these. In a column that was constant, any difference
    beyond the rounding to float32 :math:`\epsilon` adds
    :math:`s (1 + \log_{10}(e / \epsilon) / 10)`.

    Parameters
    ----------
    low, high : ndarray of shape (n_features,), dtype float64
        The ranges; infinite for columns without any known value.

    size : float
        `s`, above zero.
    """

    low: np.ndarray
    high: np.ndarray
    size: float = 1.0

    @classmethod
    def of(cls, X: Matrix, others: Matrix | None = None) -> Ranges:
        """Return the ranges of rows.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n_samples, n_features)
            Rows that are treated as normal.

        others : ndarray or CSR matrix of shape (n_others, n_features), default=None
            Rows that may be normal or outliers. Their values extend a range if they are within one
            width of it, so that the range has the whole tail of a distribution, and no values far
            from all others. Constant columns get the range of all rows.
        """
        low, high = _extremes(X, -np.inf, np.inf)
        if others is not None:
            low, high = _extended(low, high, others)
        none_known = low > high
        low, high = np.where(none_known, -np.inf, low), np.where(none_known, np.inf, high)
        return cls(low.astype(np.float64), high.astype(np.float64))

    def of_features(self, X: torch.Tensor) -> torch.Tensor:
        """Return what each value adds to the score of its row, of the shape of `X`, float64.

        Parameters
        ----------
        X : torch.Tensor of shape (n_samples, n_features), dtype float64
            Rows in the units of `X`. Missing values add zero.
        """
        low, high = torch.from_numpy(self.low), torch.from_numpy(self.high)
        width, rounding = map(torch.from_numpy, _widths(self.low, self.high))
        outside = torch.nan_to_num(torch.maximum(low - X, X - high)).clamp_min(0)
        widths = outside / torch.where(width > 0, width, 1.0)
        of_varying = (2 * widths - 1).clamp_min(0).square()
        changed = outside > rounding
        of_constant = 1 + torch.log10(torch.where(changed, outside / rounding, 1.0)) / 10
        of_constant = torch.where(changed, of_constant, 0.0)
        # The exporter would write a number that is not a tensor in float32.
        size = torch.tensor(self.size, dtype=torch.float64)
        return size * torch.where(width > 0, of_varying, of_constant)

    def of_rows(self, X: Matrix) -> np.ndarray:
        """Return the same for a few rows."""
        return self.of_features(torch.from_numpy(densify(X).astype(np.float64))).numpy()

    def added(self, X: Matrix) -> np.ndarray:
        """Return what is added to the score of each row, of shape (n_samples,), float64."""
        added = np.zeros(X.shape[0])
        for rows, block in dense_blocks(X):
            if ((block < self.low) | (block > self.high)).any():
                added[rows] = self.of_rows(block).sum(axis=1)
        return added


def _extremes(X: Matrix, lowest: ArrayLike, highest: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the extremes of the values of each column between two limits.

    They are infinite, the first one positive, for columns without such values.
    """
    low, high = np.full(X.shape[1], np.inf), np.full(X.shape[1], -np.inf)
    for _, block in dense_blocks(X):
        inside = (block >= lowest) & (block <= highest)  # not so for missing values
        low = np.minimum(low, np.where(inside, block, np.inf).min(axis=0))
        high = np.maximum(high, np.where(inside, block, -np.inf).max(axis=0))
    return low, high


def _extended(low: np.ndarray, high: np.ndarray, others: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Return ranges with the values of other rows that are within one width of them."""
    for _ in range(_MOST_STEPS):
        width, _ = _widths(low, high)
        with np.errstate(over="ignore"):  # a limit beyond all numbers is none
            ends = [low - width, high + width]
        limits = np.where(width > 0, ends, [[-np.inf], [np.inf]])
        lower, higher = _extremes(others, *limits)
        if not ((lower < low) | (higher > high)).any():
            break
        low, high = np.minimum(low, lower), np.maximum(high, higher)
    return low, high


def _widths(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the widths of the ranges, zero for constant columns, and the rounding of values."""
    with np.errstate(over="ignore", invalid="ignore"):  # some are infinite
        width = high - low
        rounding = np.maximum(_ROUNDING * np.maximum(np.abs(low), np.abs(high)), _SMALLEST)
        return np.where(width > rounding, width, 0.0), rounding
