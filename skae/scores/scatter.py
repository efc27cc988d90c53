"""Mean and shrunk covariance of rows, and Mahalanobis distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

# Lower limit of the eigenvalues, as a fraction of their mean.
SMALLEST_EIGENVALUE = 1e-4
# With more columns, no covariance matrix is computed, and at most so many rows are used.
_MOST_COLUMNS = 2048


@dataclass(frozen=True)
class Scatter:
    r"""Mean and covariance of rows, for squared Mahalanobis distances.

    The covariance is :math:`V \Lambda V^T + \rho (I - V V^T)`: the sample covariance shrunk
    towards a multiple of the identity (Ledoit and Wolf [1]_), with its eigenvalues along the axes
    `V`, and :math:`\rho` in all other directions. It is invertible even for constant and collinear
    columns, and for more columns than rows.

    Parameters
    ----------
    mean : ndarray of shape (n_columns,)
        Means of the columns.

    axes : ndarray of shape (n_columns, n_axes)
        `V`, with orthonormal columns.

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
        """Estimate mean and covariance of rows, an ndarray of shape (n_samples, n_columns)."""
        mean = rows.mean(axis=0)
        axes, eigenvalues, rest = _spectrum(rows - mean)
        n_columns = rows.shape[1]
        total = eigenvalues.sum() + rest * (n_columns - len(eigenvalues))
        smallest = SMALLEST_EIGENVALUE * float(total) / n_columns
        smallest = smallest or 1.0  # rows that are all the same
        return cls(mean, axes, np.maximum(eigenvalues, smallest), max(rest, smallest))

    def whitened(self, rows: torch.Tensor) -> torch.Tensor:
        r"""Return whitened rows, whose squared norms are their squared Mahalanobis distances.

        .. math:: w = \left(V \Lambda^{-1/2} V^T + \rho^{-1/2} (I - V V^T)\right) (x - \mu)

        With this symmetric square root of the inverse covariance, each whitened value belongs to
        one column, and its square is the contribution of that column to the squared distance
        (Garthwaite and Koch [1]_).

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
        outside = self.rest**-0.5
        along = torch.from_numpy(self.eigenvalues**-0.5 - outside)
        centred = rows - torch.from_numpy(self.mean)
        return outside * centred + (centred @ axes * along) @ axes.T

    def mahalanobis(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the squared Mahalanobis distance of each row, of shape (n_samples,)."""
        return self.whitened(rows).square().sum(1)


def _spectrum(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return axes and eigenvalues of the shrunk covariance, and its other eigenvalue."""
    if centred.shape[1] > _MOST_COLUMNS:
        return _spectrum_of_wide(centred[:: -(-len(centred) // _MOST_COLUMNS)])
    eigenvalues, axes = np.linalg.eigh(shrunk_covariance(centred))
    eigenvalues = np.maximum(eigenvalues, 0)
    return axes, eigenvalues, float(eigenvalues.mean())


def shrunk_covariance(centred: np.ndarray) -> np.ndarray:
    """Return the Ledoit-Wolf covariance of centred rows."""
    from sklearn.covariance import ledoit_wolf  # slow to import

    return np.atleast_2d(ledoit_wolf(centred, assume_centered=True)[0])


def _spectrum_of_wide(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the same for fewer rows than columns, from the Gram matrix of the rows.

    It has the nonzero eigenvalues of the sample covariance, which also determine the shrinkage.
    """
    n_rows, n_columns = centred.shape
    products = centred @ centred.T / n_rows
    mean = products.trace() / n_columns
    squares = float(np.square(products).sum())
    distance = squares - n_columns * mean**2
    noise = float(np.square(products.diagonal()).sum()) - squares / n_rows
    shrinkage = min(1.0, max(0.0, noise / distance)) if distance > 0 else 1.0
    eigenvalues, axes = np.linalg.eigh(products)
    known = eigenvalues > SMALLEST_EIGENVALUE * max(mean, np.finfo(float).tiny)
    axes = centred.T @ (axes[:, known] / np.sqrt(n_rows * eigenvalues[known]))
    rest = shrinkage * mean
    return axes, (1 - shrinkage) * eigenvalues[known] + rest, rest
