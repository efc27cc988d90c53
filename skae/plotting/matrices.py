"""Rows, codes and reconstructions as plain numbers, whatever they are kept in."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch


def as_array(rows) -> np.ndarray:
    """Return rows as an array of their own dtype and shape."""
    if sp.issparse(rows):
        return rows.toarray()
    if isinstance(rows, torch.Tensor):
        rows = rows.detach().cpu()
        # Numpy has no bfloat16.
        return (rows.double() if rows.is_floating_point() else rows).numpy()
    return np.asarray(rows)


def as_matrix(X) -> np.ndarray:
    """Return rows as numbers, their axes in one.

    Parameters
    ----------
    X : {array-like, sparse matrix, data frame, tensor} of shape (n_samples, ...)
        Rows.

    Returns
    -------
    ndarray of shape (n_samples, n_features), dtype float64
    """
    numbers = np.asarray(as_array(X), dtype=np.float64)
    return numbers.reshape(len(numbers), -1)
