"""Conversion of rows, codes and reconstructions of any container to arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_array

from skae._data.containers import as_matrix_like
from skae._utils.naming import naming


def as_array(rows: Any) -> np.ndarray:
    """Return rows as an array with their dtype and shape."""
    rows = as_matrix_like(rows)
    return rows.toarray() if sp.issparse(rows) else np.asarray(rows)


def as_matrix(X: Any, name: str = "X") -> np.ndarray:
    """Return rows as a matrix of numbers, with the axes of each sample flattened.

    Parameters
    ----------
    X : {array-like, sparse matrix, data frame, tensor} of shape (n_samples, ...)
        Rows.

    name : str, default="X"
        Name of the argument, for error messages.

    Returns
    -------
    ndarray of shape (n_samples, n_features), dtype float64

    Raises
    ------
    ValueError
        If they are not rows of real numbers.
    """
    with naming(name), np.errstate(over="ignore"):
        numbers = check_array(
            as_array(X), dtype=np.float64, allow_nd=True, ensure_all_finite="allow-nan"
        )
        return numbers.reshape(len(numbers), -1)
