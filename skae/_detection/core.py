"""The core: the rows that are closest by a robust mean and covariance."""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import solve_triangular

from skae.scores.scatter import SMALLEST_EIGENVALUE, Scatter, shrunk_covariance

# Median deviations below this share of the standard deviation are those of a constant majority.
_SMALLEST_SPREAD = 1e-3
# In ranges of the middle seven tenths: what is further away does not add to the spread of a column.
_FENCE = 20.0
# In spreads: what is further away is as good as that far.
_FARTHEST = 1e6
# In spreads: from here on a value is an outlier in a column of which more than half is another. A
# one among zeros is as far away where one in a hundred is one.
_FAR = 10.0
# Columns beyond which no covariance is written down.
_MOST_COLUMNS = 2048


def core_rows(rows: np.ndarray, share: float, n_steps: int = 10) -> np.ndarray:
    r"""Return which rows are the closest ones, by a robust mean and covariance.

    As the minimum covariance determinant [1]_, with one start instead of many: from the half of
    the rows nearest to the medians, mean and covariance are estimated again and again on the
    share of the rows with the smallest Mahalanobis length. Rows that are far away, also by many,
    have no say in where the middle is.

    Columns of which more than half is one value, such as most columns of zeros and ones, only keep
    rows out whose value is very far away, where there are other columns: the core would hold none
    of their rarer values otherwise.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_columns)
        Rows, some of which may be outliers.

    share : float in (0, 1)
        How many rows are taken.

    n_steps : int, default=10
        How often mean and covariance are estimated again, at most.

    Returns
    -------
    mask : ndarray of shape (n_samples,), dtype bool
        True for ``ceil(share * n_samples)`` rows, or some more where lengths are equal, without
        those that a column of one value keeps out.

    References
    ----------
    .. [1] P. J. Rousseeuw and K. Van Driessen, "A fast algorithm for the minimum covariance
       determinant estimator", Technometrics 41(3), 1999.
    """
    standard = _in_spreads(rows)
    one_value = np.median(np.abs(standard), axis=0) <= _SMALLEST_SPREAD
    if one_value.all():
        return _closest_again_and_again(standard, share, n_steps)
    core = _closest_again_and_again(standard[:, ~one_value], share, n_steps)
    near = (np.abs(standard[:, one_value]) <= _FAR).all(axis=1)
    return core & near if (core & near).sum() > 1 else core


def _closest_again_and_again(standard: np.ndarray, share: float, n_steps: int) -> np.ndarray:
    core = closest(_lengths_from_medians(standard), 0.5)
    for _ in range(n_steps):
        before, core = core, closest(_lengths_from_core(standard, core), share)
        if np.array_equal(before, core):
            break
    return core


def closest(lengths: np.ndarray, share: float) -> np.ndarray:
    """Return which lengths are the smallest ones, True for a share of them, or at least two."""
    rank = min(len(lengths), max(2, int(np.ceil(share * len(lengths)))))
    return lengths <= np.partition(lengths, rank - 1)[rank - 1]


def _in_spreads(rows: np.ndarray) -> np.ndarray:
    """Return columns with a spread of one around their medians, constant ones left at zero.

    The spread is the standard deviation without the hundredth of the entries at either end, so
    that single entries far away do not make all others look alike.
    """
    # In units of an ordinary entry, since sums of the largest may be out of range.
    sizes = np.quantile(np.abs(rows), [0.5, 1], axis=0)
    units = np.where(sizes[0] > 0, sizes[0], sizes[1])
    with np.errstate(over="ignore"):
        centred = np.clip(_divided(rows, units), -(_FARTHEST**2), _FARTHEST**2)
    centred -= np.median(centred, axis=0)
    first, low, high, last = np.quantile(centred, [0.01, 0.15, 0.85, 0.99], axis=0)
    # More than a hundredth may be as far away as floats go.
    fence = np.where(high > low, _FENCE * (high - low), np.inf)
    inner = np.clip(centred, np.maximum(first, -fence), np.minimum(last, fence))
    spread = np.where(inner.std(axis=0) > 0, inner.std(axis=0), centred.std(axis=0))
    return np.clip(_divided(centred, spread), -_FARTHEST, _FARTHEST)


def _divided(columns: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Return columns over units, zero where a unit is."""
    return np.divide(columns, units, out=np.zeros_like(columns), where=units > 0)


def _lengths_from_core(standard: np.ndarray, core: np.ndarray) -> np.ndarray:
    """Return squared Mahalanobis lengths by the mean and the covariance of some of the rows."""
    if standard.shape[1] > _MOST_COLUMNS:
        return Scatter.of(standard[core]).lengths(torch.from_numpy(standard)).numpy()
    mean = standard[core].mean(axis=0)
    covariance = shrunk_covariance(standard[core] - mean)
    smallest = SMALLEST_EIGENVALUE * covariance.diagonal().mean() or 1.0
    covariance[np.diag_indices_from(covariance)] += smallest
    root = np.linalg.cholesky(covariance)
    return np.square(solve_triangular(root, (standard - mean).T, lower=True)).sum(axis=0)


def _lengths_from_medians(standard: np.ndarray) -> np.ndarray:
    """Return squared lengths in median absolute deviations, in which no entry counts beyond 5."""
    distances = np.abs(standard - np.median(standard, axis=0))
    spread = 1.4826 * np.median(distances, axis=0)
    # More than half of a column may be one value.
    spread = np.where(spread > _SMALLEST_SPREAD, spread, 1.0)
    return np.square(np.minimum(distances / spread, 5)).sum(axis=1)
