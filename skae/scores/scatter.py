"""Where rows lie and how they spread: means and shrunk covariances, also robust ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import solve_triangular
from sklearn.covariance import ledoit_wolf

# Median deviations below this share of the standard deviation are those of a constant majority.
_SMALLEST_SPREAD = 1e-3
# Eigenvalues count as at least this share of their mean.
_SMALLEST_EIGENVALUE = 1e-4
# Columns beyond which the covariance is known along so many axes only.
_MOST_COLUMNS = 2048
_AXES = 256


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
        smallest = _SMALLEST_EIGENVALUE * max(float(eigenvalues.mean()), rest)
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
    n_columns = centred.shape[1]
    if n_columns <= _MOST_COLUMNS:
        eigenvalues, axes = np.linalg.eigh(_shrunk_covariance(centred))
        return axes, np.maximum(eigenvalues, 0), float(np.maximum(eigenvalues, 0).mean())
    axes = _principal_axes(centred)
    eigenvalues = np.square(centred @ axes).mean(axis=0)
    left_over = float(np.square(centred).mean(axis=0).sum() - eigenvalues.sum())
    return axes, eigenvalues, max(0.0, left_over) / (n_columns - axes.shape[1])


def _shrunk_covariance(centred: np.ndarray) -> np.ndarray:
    return np.atleast_2d(ledoit_wolf(centred, assume_centered=True)[0])


def _principal_axes(centred: np.ndarray) -> np.ndarray:
    """Return up to 256 axes of rows with very many columns, of shape (n_columns, n_axes)."""
    _, _, axes = np.linalg.svd(centred[: 4 * _AXES], full_matrices=False)
    return axes[:_AXES].T


def core_rows(rows: np.ndarray, share: float, n_steps: int = 5) -> np.ndarray:
    r"""Return which rows are the closest ones, by a robust mean and covariance.

    As the minimum covariance determinant [1]_, with one start instead of many: from the half of
    the rows nearest to the medians, mean and covariance are estimated again and again on the
    share of the rows with the smallest Mahalanobis length. Rows that are far away, also by many,
    have no say in where the middle is.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_columns)
        Rows, some of which may be outliers.

    share : float in (0, 1)
        How many rows are taken.

    n_steps : int, default=5
        How often mean and covariance are estimated again.

    Returns
    -------
    mask : ndarray of shape (n_samples,), dtype bool
        True for ``ceil(share * n_samples)`` rows, or some more where lengths are equal.

    References
    ----------
    .. [1] P. J. Rousseeuw and K. Van Driessen, "A fast algorithm for the minimum covariance
       determinant estimator", Technometrics 41(3), 1999.
    """
    standard = _in_deviations(rows)
    if standard.shape[1] > _MOST_COLUMNS:
        axes = _principal_axes(standard)
        along = standard @ axes
        left_over = np.linalg.norm(standard - along @ axes.T, axis=1)
        standard = np.column_stack([along, left_over])
    core = closest(_lengths_from_medians(standard), 0.5)
    for _ in range(n_steps):
        core = closest(_lengths_from_core(standard, core), share)
    return core


def closest(lengths: np.ndarray, share: float) -> np.ndarray:
    """Return which lengths are the smallest ones, True for a share of them, or at least two."""
    rank = min(len(lengths), max(2, int(np.ceil(share * len(lengths)))))
    return lengths <= np.partition(lengths, rank - 1)[rank - 1]


def _in_deviations(rows: np.ndarray) -> np.ndarray:
    """Return columns with a standard deviation of one, those that are constant left at zero."""
    centred = rows - rows.mean(axis=0)
    largest = np.abs(centred).max(axis=0)  # squares of it may be out of range
    centred = np.divide(centred, largest, out=np.zeros_like(centred), where=largest > 0)
    deviations = centred.std(axis=0)
    return np.divide(centred, deviations, out=np.zeros_like(centred), where=deviations > 0)


def _lengths_from_core(standard: np.ndarray, core: np.ndarray) -> np.ndarray:
    """Return squared Mahalanobis lengths by the mean and the covariance of some of the rows."""
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
