"""Validated rows with their original shape and dtype."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.sparsefuncs import min_max_axis
from sklearn.utils.validation import check_array

from skae._data.matrix import MatrixLike
from skae._data.validation import table_of_numbers
from skae._utils.naming import naming
from skae.compression.container import DTYPES


@dataclass(frozen=True)
class CheckedRows:
    """Rows for a transformer, checked to be finite numbers.

    Parameters
    ----------
    values : object of shape (n_samples, n_features)
        Rows in the form that is passed to ``transform``: a data frame stays a data frame.

    numbers : {ndarray, CSR matrix} of shape (n_samples, n_features)
        The same rows as a matrix of numbers.

    sample_shape : tuple of int
        Original shape of a row.

    dtype : dtype
        Original dtype of the numbers.
    """

    values: Any
    numbers: Any
    sample_shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def n_features(self) -> int:
        """Number of values in a row."""
        return self.numbers.shape[1]

    def ranges(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the smallest and the largest value of each feature."""
        if sp.issparse(self.numbers):
            X = self.numbers.astype(np.promote_types(self.dtype, np.float32))
            low, high = min_max_axis(X, axis=0)
            return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
        return self.numbers.min(axis=0), self.numbers.max(axis=0)


def check_rows(X: MatrixLike, estimator: Any = None, name: str = "X") -> CheckedRows:
    """Return validated rows of finite numbers.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features) or (n_samples, ...)
        Argument of the user.

    estimator : Compressor or None, default=None
        Fitted compressor whose number of features the rows must have.

    name : str, default="X"
        Name of the argument, for error messages.

    Raises
    ------
    ValueError
        If `X` contains anything but finite real numbers, or has another number of features.
    """
    with naming(name):
        return _checked(table_of_numbers(X), estimator)


def _checked(X: Any, estimator: Any) -> CheckedRows:
    numbers = check_array(X, accept_sparse="csr", dtype="numeric", allow_nd=True, input_name="X")
    if numbers.dtype.newbyteorder("=") not in DTYPES:
        raise ValueError(
            f"X must contain real numbers of {DTYPES[0]} or a smaller dtype, got {numbers.dtype}: "
            f"convert it first."
        )
    sample_shape = numbers.shape[1:]
    if numbers.ndim > 2:
        X = numbers = numbers.reshape(len(numbers), math.prod(sample_shape))
    rows = CheckedRows(X, numbers, sample_shape, numbers.dtype.newbyteorder("="))
    if estimator is not None and rows.n_features != estimator.n_features_in_:
        raise ValueError(
            f"X has {rows.n_features} features, but this {type(estimator).__name__} was fitted on "
            f"{estimator.n_features_in_}."
        )
    return rows


def as_dtype(X: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return numbers in a dtype; for integer dtypes they are rounded and clipped to its range."""
    if dtype.kind == "b":
        return X >= 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        # Floats cannot represent the largest 64-bit integers, which would round up and overflow.
        largest = np.nextafter(np.float64(limits.max), 0) if dtype.itemsize == 8 else limits.max
        X = np.clip(np.rint(X.astype(np.float64)), limits.min, largest)
    return X.astype(dtype)
