"""Mean and shrunk covariance of rows, and Mahalanobis distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from skae.scores.subsystems import solved_parts

# Lower limit of the eigenvalues, as a fraction of their mean.
SMALLEST_EIGENVALUE = 1e-4
# With more columns, no covariance matrix is computed, and at most so many rows are used.
_MOST_COLUMNS = 2048
# With more columns, the correlations of known and unknown values are ignored.
_MOST_SOLVED = 512


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

    def squares(self, rows: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        r"""Return the contributions of the columns to the squared Mahalanobis distances.

        Parameters
        ----------
        rows : torch.Tensor of shape (n_samples, n_columns), dtype float64
            Rows, with any numbers for unknown values.

        known : torch.Tensor of shape (n_samples, n_columns), dtype bool, default=None
            Mask of the known values; None if all are known. The distance of a row is then that of
            its known values `o`, under their mean and covariance:
            :math:`(x_o - \mu_o)^T \Sigma_{oo}^{-1} (x_o - \mu_o)`. With more than 512 columns the
            correlations of known and unknown values are ignored.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_columns), dtype float64
            Zero for unknown values.
        """
        if known is None or (not torch.compiler.is_compiling() and known.all()):
            return self.whitened(rows).square()
        squares = self.whitened(self._filled(rows, known)).square()
        of_known = torch.where(known, squares, 0.0)
        # Whitened values of unknown columns consist of known ones.
        total, tiny = squares.sum(1, keepdim=True), torch.finfo(torch.float64).tiny
        return of_known * (total / of_known.sum(1, keepdim=True).clamp_min(tiny))

    def _filled(self, rows: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Return rows with conditional means as unknown values: they do not add to the distance."""
        mean = torch.from_numpy(self.mean)
        centred = torch.where(known, rows - mean, 0.0)
        if known.shape[1] > _MOST_SOLVED:
            return mean + centred
        precision, unknown = self._power(-1.0), ~known
        if torch.compiler.is_compiling():  # a graph cannot choose by the data
            return mean + centred - solved_parts(precision, centred @ precision, unknown)
        # Of both ways, the one with fewer equations.
        few = unknown.sum(1, keepdim=True) <= known.sum(1, keepdim=True)
        of_unknown = solved_parts(precision, centred @ precision, unknown & few)
        covariance = self._power(1.0)
        of_known = solved_parts(covariance, centred, known & ~few) @ covariance
        return mean + torch.where(few, centred - of_unknown, of_known)

    def _power(self, exponent: float) -> torch.Tensor:
        """Return a power of the covariance."""
        axes, rest = torch.from_numpy(self.axes), self.rest**exponent
        along = torch.from_numpy(self.eigenvalues**exponent - rest)
        return axes * along @ axes.T + rest * torch.eye(len(axes), dtype=axes.dtype)

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
