"""Robust core of the training rows, by the minimum covariance determinant."""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import solve_triangular

from skae.scores.scatter import SMALLEST_EIGENVALUE, Scatter, shrunk_covariance

# Smaller median absolute deviations, relative to the standard deviation, are those of columns with
# one value in more than half of the rows.
_SMALLEST_SPREAD = 1e-3
# Values farther from the median, in multiples of the range between the 15th and 85th percentile, do
# not increase the standard deviation of a column.
_FENCE = 20.0
# Largest absolute value of standardised columns.
_FARTHEST = 1e6
# In columns with one value in more than half of the rows, other values are outliers from this many
# standard deviations on. In a column of zeros and ones with 1% ones, a one is that far away.
_FAR = 10.0
# Fraction of the rows in a core if all columns have rare values: it leaves out rare combinations.
_FRACTION_OF_RARE = 0.95
# With more columns, no covariance matrix is computed.
_MOST_COLUMNS = 2048


def core_rows(rows: np.ndarray, fraction: float, n_steps: int = 10) -> np.ndarray:
    r"""Return a mask of the rows nearest to a robust mean, in a robust Mahalanobis distance.

    The minimum covariance determinant [1]_ with one start instead of many: beginning with the half
    of the rows nearest to the medians, mean and covariance are re-estimated on the `fraction` of
    the rows with the smallest Mahalanobis distances. Outliers do not influence the result, even if
    they are many or very far away.

    Columns with two values, or with one value in more than half of the rows, are not used for the
    distances, since the core would otherwise not contain their rarer values. They only exclude rows
    with very unusual values. If there are no other columns, they are used, for a core of almost all
    rows.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_columns)
        Rows, some of which may be outliers.

    fraction : float in (0, 1)
        Fraction of the rows in the core.

    n_steps : int, default=10
        Largest number of re-estimations of mean and covariance.

    Returns
    -------
    mask : ndarray of shape (n_samples,), dtype bool
        True for ``ceil(fraction * n_samples)`` rows, or more if distances are equal, without the
        rows that are excluded by very unusual values.

    References
    ----------
    .. [1] P. J. Rousseeuw and K. Van Driessen, "A fast algorithm for the minimum covariance
       determinant estimator", Technometrics 41(3), 1999.
    """
    standard = robustly_standardised(rows)
    unused = _with_rare_values(standard)
    core = (np.abs(standard[:, unused]) <= _FAR).all(axis=1)
    if unused.all():
        nearest = _iterated_core(standard, max(fraction, _FRACTION_OF_RARE), n_steps)
    else:
        nearest = _iterated_core(standard[:, ~unused], fraction, n_steps)
    return core & nearest if (core & nearest).sum() > 1 else nearest


def _with_rare_values(standard: np.ndarray) -> np.ndarray:
    """Return a mask of columns with two values, or one value in more than half of the rows."""
    one_value = np.median(np.abs(standard), axis=0) <= _SMALLEST_SPREAD
    low, high = standard.min(axis=0), standard.max(axis=0)
    return one_value | ((standard == low) | (standard == high)).all(axis=0)


def _iterated_core(standard: np.ndarray, fraction: float, n_steps: int) -> np.ndarray:
    core = nearest_rows(_distances_from_medians(standard), 0.5)
    for _ in range(n_steps):
        before, core = core, nearest_rows(_distances_from_core(standard, core), fraction)
        if np.array_equal(before, core):
            break
    return core


def nearest_rows(distances: np.ndarray, fraction: float) -> np.ndarray:
    """Return a mask of a fraction of the rows, at least two, with the smallest distances."""
    rank = min(len(distances), max(2, int(np.ceil(fraction * len(distances)))))
    return distances <= np.partition(distances, rank - 1)[rank - 1]


def robustly_standardised(rows: np.ndarray) -> np.ndarray:
    """Return columns with median 0 and robust standard deviation 1; constant ones become 0.

    The smallest and the largest hundredth of the entries are clipped before the standard deviation
    is computed, so that it does not depend on a few extreme entries.
    """
    # In units of the median absolute value, since sums of the largest entries may overflow.
    sizes = np.quantile(np.abs(rows), [0.5, 1], axis=0)
    units = np.where(sizes[0] > 0, sizes[0], sizes[1])
    with np.errstate(over="ignore"):
        centred = np.clip(_divided(rows, units), -(_FARTHEST**2), _FARTHEST**2)
    centred -= np.median(centred, axis=0)
    first, low, high, last = np.quantile(centred, [0.01, 0.15, 0.85, 0.99], axis=0)
    # More than a hundredth of the entries may be extreme.
    fence = np.where(high > low, _FENCE * (high - low), np.inf)
    inner = np.clip(centred, np.maximum(first, -fence), np.minimum(last, fence))
    spread = np.where(inner.std(axis=0) > 0, inner.std(axis=0), centred.std(axis=0))
    return np.clip(_divided(centred, spread), -_FARTHEST, _FARTHEST)


def _divided(columns: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return columns divided by their units, zero if the unit is."""
    return np.divide(columns, units, out=np.zeros_like(columns), where=units > 0)


def _distances_from_core(standard: np.ndarray, core: np.ndarray) -> np.ndarray:
    """Return squared Mahalanobis distances, by mean and covariance of the core."""
    if standard.shape[1] > _MOST_COLUMNS:
        return Scatter.of(standard[core]).mahalanobis(torch.from_numpy(standard)).numpy()
    mean = standard[core].mean(axis=0)
    covariance = shrunk_covariance(standard[core] - mean)
    smallest = SMALLEST_EIGENVALUE * covariance.diagonal().mean() or 1.0
    covariance[np.diag_indices_from(covariance)] += smallest
    root = np.linalg.cholesky(covariance)
    return np.square(solve_triangular(root, (standard - mean).T, lower=True)).sum(axis=0)


def _distances_from_medians(standard: np.ndarray) -> np.ndarray:
    """Return squared distances from the medians, in median absolute deviations clipped at 5."""
    deviations = np.abs(standard - np.median(standard, axis=0))
    spread = 1.4826 * np.median(deviations, axis=0)
    # It is zero for columns with one value in more than half of the rows.
    spread = np.where(spread > _SMALLEST_SPREAD, spread, 1.0)
    return np.square(np.minimum(deviations / spread, 5)).sum(axis=1)
