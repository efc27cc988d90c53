"""From whatever the user has to a matrix of finite numbers."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    column_or_1d,
    validate_data,
)

from skae._data.blocks import dense_blocks
from skae._data.containers import as_matrix_like, check_finite
from skae._data.matrix import Matrix, MatrixLike
from skae._data.spooling import at_hand
from skae._utils.checks import is_number
from skae._utils.naming import naming
from skae._utils.sklearn_private import check_sample_weight
from skae.architectures.structured import without_ones


@naming("X")
def validate_X(estimator: Any, X: MatrixLike, *, reset: bool, min_samples: int = 1) -> Any:
    """Return `X` as a matrix or a CSR matrix of real numbers, of its own dtype.

    All are finite, or NaN where that may be: at the beginning of a fit, where every feature has a
    known value, and later where the fit has learned of missing values.

    Integers stay integers: converting a stack of 8-bit images would take eight times its memory.
    Memory maps stay on disk, and rows that come in batches are written there.

    Parameters
    ----------
    estimator : BaseAutoencoder
        Gets ``n_features_in_``, ``feature_names_in_`` and ``sample_shape_`` on `reset`, and is
        asked for them otherwise.

    X : array-like, sparse matrix, data frame, torch.Tensor or source of batches
        What the user gave, of shape (n_samples, n_features) or (n_samples, *sample_shape).

    reset : bool
        Whether this is the beginning of a fit.

    min_samples : int, default=1
        How many rows there must be.

    Raises
    ------
    ValueError
        If `X` holds infinity, or NaN where none may be, if it has no rows or columns, or other
        columns than in fit.
    """
    missing_allowed = reset or estimator._takes_missing()
    X, shape = _as_rows(as_matrix_like(at_hand(X)))
    if shape is not None and not reset:
        _check_shape(estimator, shape)
    try:
        X = validate_data(
            estimator,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype="numeric",
            ensure_all_finite=False,  # which would take more memory, where NaN is allowed
            ensure_min_samples=min_samples,
        )
        check_finite(X, missing_allowed)
    except ValueError as error:
        if "contains NaN" in str(error):
            raise ValueError(_no_missing_values(estimator)) from error
        if "string" not in str(error):
            raise
        raise ValueError(
            f"X must hold numbers, but {error} Encode text first, for example with "
            f"sklearn.preprocessing.OneHotEncoder in a ColumnTransformer."
        ) from error
    _check_real(X)
    if reset:
        if not estimator._keeps_empty_features:
            _check_features_known(X)
        estimator.sample_shape_ = X.shape[1:] if shape is None else shape
    return X


@naming("X")
def validate_codes(estimator: Any, X: MatrixLike) -> Any:
    """Return codes as a matrix or a CSR matrix of float32 or float64.

    Raises
    ------
    ValueError
        If they are not finite, or not as many values as the codes of the fit have.
    """
    X = check_array(as_matrix_like(X), accept_sparse="csr", input_name="X")
    _check_real(X)
    if X.shape[1] != estimator.n_components_:
        raise ValueError(
            f"X has {X.shape[1]} columns, but the codes of this {type(estimator).__name__} have "
            f"{estimator.n_components_}: give what transform returned."
        )
    return X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)


@naming("sample_weight")
def validate_sample_weight(sample_weight: ArrayLike | None, X: Matrix) -> np.ndarray | None:
    """Return weights of the rows of `X` with mean 1, or None where all rows count the same.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, if there is not one for each row, or if fewer
        than two are above zero.
    """
    if sample_weight is None:
        return None
    weight = checked_weight(sample_weight, X)
    if np.count_nonzero(weight) < 2:
        raise ValueError(
            "sample_weight must be above zero for at least two rows, got "
            f"{np.count_nonzero(weight)} of {len(weight)}."
        )
    return weight / weight.mean()


@naming("sample_weight")
def checked_weight(sample_weight: ArrayLike, X: Matrix) -> np.ndarray:
    """Return weights of the rows of `X`, the largest of which is 1.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, if there is not one for each row, or if all are
        zero.
    """
    if np.asarray(sample_weight).ndim == 0 and not (is_number(sample_weight) and sample_weight > 0):
        raise ValueError(
            f"sample_weight must be an array of one number for each row, got {sample_weight!r}."
        )
    with np.errstate(over="ignore"):  # of numbers beyond float64, which are then infinite
        weight = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weight.any():
        raise ValueError(f"sample_weight must be above zero for some rows, got 0 of {len(weight)}.")
    return weight / weight.max()  # the sum of the largest numbers is out of range


@naming("y")
def validate_labels(y: ArrayLike | None, X: Matrix) -> np.ndarray:
    """Return what is known of each row: 1 normal, -1 anomaly, 0 nothing, of dtype int8.

    Warns
    -----
    UserWarning
        If `y` holds -1 but also other values than 1 and 0, and is ignored for that.

    Raises
    ------
    ValueError
        If there is not one label for each row, or if fewer than two rows are no anomalies.
    """
    nothing = np.zeros(X.shape[0], dtype=np.int8)
    if y is None:
        return nothing
    labels: np.ndarray = column_or_1d(y)
    check_consistent_length(X, labels)
    if not np.isin(-1, labels):
        return nothing
    if not np.isin(labels, (-1, 0, 1)).all():
        warnings.warn(
            "y is ignored: it may hold -1 for known anomalies, 1 for normal rows and 0 for all "
            "others, but holds other values as well.",
            UserWarning,
            stacklevel=2,
        )
        return nothing
    if (labels != -1).sum() < 2:
        raise ValueError(
            f"y says that {(labels == -1).sum()} of {len(labels)} rows are anomalies (-1), but at "
            f"least two must be normal (1) or unknown (0)."
        )
    return labels.astype(np.int8)


def output_dtype(X: Matrix) -> np.dtype:
    """Return the dtype of results for input of this dtype: float32 stays, the rest is float64."""
    single = X.dtype.kind == "f" and X.dtype.itemsize <= 4
    return np.dtype(np.float32 if single else np.float64)


def _check_real(X: Any) -> None:
    """Refuse what is no real number, or beyond the largest that computations are made with."""
    if X.dtype.kind not in "fiub":
        raise ValueError(f"X must hold real numbers, got dtype {X.dtype}: convert it first.")
    if X.dtype.kind == "f" and X.dtype.itemsize > 8:
        values, largest = X.data if sp.issparse(X) else X, np.finfo(np.float64).max
        if np.nanmax(np.abs(values), initial=0) > largest:
            raise ValueError(
                f"X holds numbers beyond {largest:.3g}, the largest of float64, in which skae "
                f"computes: rescale it first."
            )


def _no_missing_values(estimator: Any) -> str:
    name = type(estimator).__name__
    return (
        f"Input X contains NaN, but this {name} was fitted on rows without missing values and has "
        f"learned nothing of them: fit it on rows with missing values, or with a corruption that "
        f"hides entries, kind=Denoising('missing')."
    )


def _check_features_known(X: Matrix) -> None:
    """Refuse features that are missing in every row."""
    if not has_missing(X):
        return
    known = known_features(X)
    if not known.all():
        empty = np.flatnonzero(~known)
        listed = ", ".join(map(str, empty[:5])) + (", ..." if len(empty) > 5 else "")
        raise ValueError(
            f"X has no known value in {len(empty)} of its {len(known)} columns (number {listed}): "
            f"leave them out."
        )


def known_features(X: Matrix) -> np.ndarray:
    """Return which features have a known value, of shape (n_features,)."""
    known = np.zeros(X.shape[1], dtype=bool)
    for _, block in dense_blocks(X):
        known |= ~np.isnan(block).all(axis=0)
    return known


def features_with_missing(X: Matrix) -> np.ndarray:
    """Return which features have a missing value, of shape (n_features,)."""
    missing = np.zeros(X.shape[1], dtype=bool)
    for _, block in dense_blocks(X):
        missing |= np.isnan(block).any(axis=0)
    return missing


def has_missing(X: Any) -> bool:
    """Return whether a matrix of real numbers holds NaN."""
    if X.dtype.kind != "f":
        return False
    values = [(None, X.data)] if sp.issparse(X) else dense_blocks(X)
    # NaN is less than nothing, and no array is made.
    return any(np.isnan(block.min(initial=0)) for _, block in values)


def n_known(X: Matrix) -> np.ndarray | int:
    """Return how many values of each row are known, at least 1, of shape (n_samples,) or ()."""
    if not has_missing(X):
        return X.shape[1]
    counts = [np.count_nonzero(~np.isnan(block), axis=1) for _, block in dense_blocks(X)]
    return np.maximum(np.concatenate(counts), 1)


def _as_rows(X: Any) -> tuple[Any, tuple[int, ...] | None]:
    """Return `X` with one row for each sample, and the shape of a sample if it had more axes."""
    if not isinstance(X, np.ndarray) or X.ndim < 3:
        return X, None
    return X.reshape(len(X), math.prod(X.shape[1:])), X.shape[1:]


def _check_shape(estimator: Any, shape: tuple[int, ...]) -> None:
    """Refuse samples of another shape than those of fit; axes of length one do not count."""
    n_features = estimator.n_features_in_
    known = (estimator.sample_shape_, estimator.architecture_.sample_shape((n_features,)))
    if not any(without_ones(shape) == without_ones(other) for other in known):
        raise ValueError(
            f"X holds samples of shape {shape}, but this {type(estimator).__name__} was fitted "
            f"on samples of shape {estimator.sample_shape_}, {n_features} features each."
        )
