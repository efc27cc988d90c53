"""Where rows lie and how they spread: means and shrunk covariances, also robust ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import solve_triangular

# Median deviations below this share of the standard deviation are those of a constant majority.
_SMALLEST_SPREAD = 1e-3
# Eigenvalues count as at least this share of their mean.
_SMALLEST_EIGENVALUE = 1e-4
# In ranges of the middle seven tenths: what is further away does not add to the spread of a column.
_FENCE = 20.0
# In spreads: what is further away is as good as that far.
_FARTHEST = 1e6
# In spreads: from here on a value is an outlier in a column of which more than half is another. A
# one among zeros is as far away where one in a hundred is one.
_FAR = 10.0
# Columns beyond which no covariance is written down, and rows that stand for all of them then.
_MOST_COLUMNS = 2048


@dataclass(frozen=True)
class Scatter:
    r"""Mean and covariance of rows, for squared Mahalanobis lengths.

    The covariance is :math:`V \Lambda V^T + \rho (I - V V^T)`: the sample covariance shrunk
    towards a multiple of the identity (Ledoit and Wolf [1]_), known along the axes `V`; along all
    others it is :math:`\rho`. It can so be inverted for constant and for collinear columns, and
    for more columns than rows.

    Parameters
    ----------
    mean : ndarray of shape (n_columns,)
        Means of the columns.

    axes : ndarray of shape (n_columns, n_axes)
        `V`, orthonormal columns.

    eigenvalues : ndarray of shape (n_axes,)
        Diagonal of :math:`\Lambda`.

    rest : float
        :math:`\rho`.

    References
    ----------
    .. [1] O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance
       matrices", Journal of Multivariate Analysis 88(2), 2004.
    """

    mean: np.ndarray
    axes: np.ndarray
    eigenvalues: np.ndarray
    rest: float

    @classmethod
    def of(cls, rows: np.ndarray) -> Scatter:
        """Estimate the scatter of rows, an ndarray of shape (n_samples, n_columns)."""
        mean = rows.mean(axis=0)
        axes, eigenvalues, rest = _spectrum(rows - mean)
        n_columns = rows.shape[1]
        total = eigenvalues.sum() + rest * (n_columns - len(eigenvalues))
        smallest = _SMALLEST_EIGENVALUE * float(total) / n_columns
        smallest = smallest or 1.0  # rows that are all the same
        return cls(mean, axes, np.maximum(eigenvalues, smallest), max(rest, smallest))

    def whitened(self, rows: torch.Tensor) -> torch.Tensor:
        r"""Return rows whose squares add up to their squared Mahalanobis lengths.

        .. math:: w = \left(V \Lambda^{-1/2} V^T + \rho^{-1/2} (I - V V^T)\right) (x - \mu)

        By the symmetric root of the inverse covariance each value belongs to one column, and its
        square is the share of that column in the length (Garthwaite and Koch [1]_).

        Parameters
        ----------
        rows : torch.Tensor of shape (n_samples, n_columns), dtype float64
            Rows.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_columns), dtype float64

        References
        ----------
        .. [1] P. H. Garthwaite and I. Koch, "Evaluating the contributions of individual variables
           to a quadratic form", Australian and New Zealand Journal of Statistics 58(1), 2016.
        """
        axes = torch.from_numpy(self.axes)
        everywhere = self.rest**-0.5
        along = torch.from_numpy(self.eigenvalues**-0.5 - everywhere)
        centred = rows - torch.from_numpy(self.mean)
        return everywhere * centred + (centred @ axes * along) @ axes.T

    def lengths(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the squared Mahalanobis length of each row, of shape (n_samples,)."""
        return self.whitened(rows).square().sum(1)


def _spectrum(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return axes and eigenvalues of the shrunk covariance, and its eigenvalue everywhere else."""
    if centred.shape[1] > _MOST_COLUMNS:
        return _spectrum_of_wide(centred[:: -(-len(centred) // _MOST_COLUMNS)])
    eigenvalues, axes = np.linalg.eigh(_shrunk_covariance(centred))
    eigenvalues = np.maximum(eigenvalues, 0)
    return axes, eigenvalues, float(eigenvalues.mean())


def _shrunk_covariance(centred: np.ndarray) -> np.ndarray:
    from sklearn.covariance import ledoit_wolf  # takes as long as all of skae to import

    return np.atleast_2d(ledoit_wolf(centred, assume_centered=True)[0])


def _spectrum_of_wide(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the same for fewer rows than columns, by the products of rows with one another.

    These have the eigenvalues of the covariance, and all that the shrinkage is computed from.
    """
    n_rows, n_columns = centred.shape
    products = centred @ centred.T / n_rows
    mean = products.trace() / n_columns
    squares = float(np.square(products).sum())
    distance = squares - n_columns * mean**2
    noise = float(np.square(products.diagonal()).sum()) - squares / n_rows
    shrinkage = min(1.0, max(0.0, noise / distance)) if distance > 0 else 1.0
    eigenvalues, axes = np.linalg.eigh(products)
    known = eigenvalues > _SMALLEST_EIGENVALUE * max(mean, np.finfo(float).tiny)
    axes = centred.T @ (axes[:, known] / np.sqrt(n_rows * eigenvalues[known]))
    rest = shrinkage * mean
    return axes, (1 - shrinkage) * eigenvalues[known] + rest, rest


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
    covariance = _shrunk_covariance(standard[core] - mean)
    smallest = _SMALLEST_EIGENVALUE * covariance.diagonal().mean() or 1.0
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
