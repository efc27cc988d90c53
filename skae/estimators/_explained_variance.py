"""Explained fractions of the variance."""

from __future__ import annotations

import numpy as np

from skae._data.blocks import dense_blocks, densify
from skae._data.matrix import Matrix
from skae._network.fitted_network import FittedNetwork

# Rows on which the fractions of single components are measured.
_MOST_ROWS = 10_000


def explained_fraction(squared_errors: float, squared_distances: float) -> float:
    """Return ``1 - errors / distances``; rows that all equal the mean count as explained.

    Parameters
    ----------
    squared_errors, squared_distances : float
        Sums over rows of ``||x - x_hat||^2`` and of ``||x - mean||^2``, in the same unit.
    """
    if squared_distances == 0:
        return 1.0 if squared_errors == 0 else 0.0
    return float(1 - squared_errors / squared_distances)


def squared_distances(X: Matrix, mean: np.ndarray, unit: float | np.ndarray = 1.0) -> np.ndarray:
    """Return ``||(x - mean) / unit||^2`` of each row, of shape (n_samples,), in float64.

    The sums are over observed values.
    """
    distances = np.empty(X.shape[0])
    for rows, block in dense_blocks(X):
        distances[rows] = np.nansum(np.square((block - mean) / unit), axis=1)
    return distances


def component_fractions(
    fitted: FittedNetwork, X: Matrix, mean: np.ndarray, device: str
) -> np.ndarray:
    """Return the fraction of variance that each component explains beyond those before it.

    The fraction for the first ``j`` components is that of reconstructions from codes whose other
    values are replaced by their means over the rows. For PCA, this is its
    ``explained_variance_ratio_``.

    Parameters
    ----------
    fitted : FittedNetwork
        The network.

    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Rows; the first 10,000 are used.

    mean : ndarray of shape (n_features,)
        Mean of the training rows, around which the variance is computed.

    device : str
        The device to compute on.

    Returns
    -------
    fractions : ndarray of shape (n_components,), dtype float64
    """
    X = densify(X[:_MOST_ROWS]).astype(np.float64)
    codes = fitted.encode(X, device, np.dtype(np.float64))
    unit = fitted.scaling.scale
    total = float(squared_distances(X, mean, unit).sum())
    truncated = np.tile(codes.mean(axis=0), (len(codes), 1))
    explained = [0.0]
    for component in range(fitted.n_components):
        truncated[:, component] = codes[:, component]
        residual = X - fitted.decode(truncated, device, np.dtype(np.float64))
        explained.append(explained_fraction(np.nansum(np.square(residual / unit)), total))
    return np.diff(explained)
