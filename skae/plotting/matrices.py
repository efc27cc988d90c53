"""Rows, codes and reconstructions as plain numbers, whatever they are kept in."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch


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
    if sp.issparse(X):
        X = X.toarray()
    elif isinstance(X, torch.Tensor):
        X = X.detach().cpu().double()
    numbers = np.asarray(X, dtype=np.float64)
    return numbers.reshape(len(numbers), -1)
