"""Validation of X, codes, sample weights and groups."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.utils.validation import (
    check_array,
    validate_data,
)

from skae._data.blocks import dense_blocks
from skae._data.containers import as_matrix_like, check_finite, unequal_samples
from skae._data.matrix import Matrix, MatrixLike
from skae._data.real_numbers import column_label, real_numbers
from skae._data.spooling import at_hand
from skae._data.unequal import padded
from skae._utils.checks import is_number
from skae._utils.naming import naming
from skae._utils.sklearn_private import check_feature_names, check_sample_weight
from skae.architectures.structured import without_ones


@naming("X")
def validate_X(
    estimator: Any,
    X: MatrixLike,
    *,
    reset: bool,
    min_samples: int = 1,
    missing_allowed: bool | None = None,
) -> Any:
    """Return `X` as an array or a CSR matrix of real numbers, without changing its dtype.

    All numbers must be finite or NaN. NaN is allowed in `fit`, if every feature has a known value,
    and afterwards if the estimator was fitted for missing values.

    Integers stay integers: converting 8-bit images would take eight times their memory. Memory maps
    stay on disk, and the rows of sources of batches are written to disk.

    Parameters
    ----------
    estimator : BaseAutoencoder
        The attributes ``n_features_in_``, ``feature_names_in_`` and ``sample_shape_`` are set if
        `reset`, and compared to `X` otherwise.

    X : array-like, sparse matrix, data frame, torch.Tensor or source of batches
        The user's data, of shape (n_samples, n_features) or (n_samples, *sample_shape), or a list
        of series of unequal length, which are padded with NaN.

    reset : bool
        Whether this is the validation in `fit`.

    min_samples : int, default=1
        Smallest number of rows.

    missing_allowed : bool or None, default=None
        Whether rows may have missing values. None means as documented above.

    Raises
    ------
    ValueError
        If `X` contains infinity, or NaN where it is not allowed, if it has no rows or columns, or
        other columns than in `fit`.
    """
    if missing_allowed is None:
        missing_allowed = reset or estimator._takes_missing()
    known_shape = None if reset else estimator.sample_shape_
    X = padded(at_hand(X), known_shape, missing_allowed=missing_allowed)
    X, shape = _as_rows(_numbers(estimator, X, reset=reset))
    if not reset:
        _check_shape(estimator, X, shape)
    X = validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse="csr",
        dtype="numeric",
        ensure_all_finite=False,  # done below in blocks, with less memory
        ensure_min_samples=min_samples,
    )
    try:
        check_finite(X, missing_allowed)
    except ValueError as error:
        raise _not_finite(error, X, estimator, missing_allowed) from error
    _check_range(X)
    if reset:
        if not estimator._keeps_empty_features:
            _check_features_known(X, getattr(estimator, "feature_names_in_", None))
        estimator.sample_shape_ = X.shape[1:] if shape is None else shape
    return X


@naming("X")
def validate_codes(estimator: Any, X: MatrixLike) -> Any:
    """Return codes as an array or a CSR matrix of float32 or float64.

    Raises
    ------
    ValueError
        If codes are not finite, or do not have `n_components_` columns.
    """
    X = check_array(table_of_numbers(X), accept_sparse="csr", input_name="X")
    _check_range(X)
    if X.shape[1] != estimator.n_components_:
        raise ValueError(
            f"X has {X.shape[1]} columns, but the codes of this {type(estimator).__name__} have "
            f"{estimator.n_components_}: give the result of transform."
        )
    return X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)


@naming("sample_weight")
def validate_sample_weight(sample_weight: ArrayLike | None, X: Matrix) -> np.ndarray | None:
    """Return weights of the rows of `X` with mean 1, or None for equal weights.

    Raises
    ------
    ValueError
        If weights are negative or not finite, if their number is not the number of rows, or if
        fewer than two are above zero.
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
    """Return weights of the rows of `X` with maximum 1.

    Raises
    ------
    ValueError
        If weights are negative or not finite, if their number is not the number of rows, or if
        all are zero.
    """
    if np.asarray(sample_weight).ndim == 0 and not (is_number(sample_weight) and sample_weight > 0):
        raise ValueError(
            f"sample_weight must be an array of one number for each row, got {sample_weight!r}."
        )
    with np.errstate(over="ignore"):  # numbers out of the range of float64 become infinite
        weight = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weight.any():
        raise ValueError(f"sample_weight must be above zero for some rows, got 0 of {len(weight)}.")
    return weight / weight.max()  # the sum of very large weights may overflow


@naming("groups")
def validate_groups(groups: ArrayLike | None, X: Matrix) -> np.ndarray | None:
    """Return the number of the group of each row of `X`, or None if there are no groups.

    Raises
    ------
    ValueError
        If there is not one group for each row, or if it is unknown for some.
    """
    if groups is None:
        return None
    values = np.asarray(as_matrix_like(groups))
    if values.shape == (X.shape[0], 1):
        values = values[:, 0]
    if values.shape != (X.shape[0],):
        raise ValueError(
            f"groups must hold one group for each of the {X.shape[0]} rows of X, got an array of "
            f"shape {values.shape}."
        )
    with np.errstate(over="ignore"):  # of numbers beyond float64
        numbers = pd.factorize(values)[0]
    if (numbers < 0).any():
        first = int(np.argmin(numbers))
        raise ValueError(
            f"groups must have no missing values, got {values[first]!r} in row {first}: give rows "
            f"of unknown groups a group of their own."
        )
    return numbers


def output_dtype(X: Matrix) -> np.dtype:
    """Return the dtype of results for `X`: float32 for float32 and smaller floats, else float64."""
    single = X.dtype.kind == "f" and X.dtype.itemsize <= 4
    return np.dtype(np.float32 if single else np.float64)


def table_of_numbers(X: MatrixLike) -> Any:
    """Return `X` as a table of real numbers with two or more axes, in an array or its container.

    Raises
    ------
    ValueError, TypeError
        If `X` holds anything but real numbers, or is no table.
    """
    table = as_matrix_like(X)
    if len(table.shape) < 2:
        raise ValueError(_no_table(X, table))
    return real_numbers(table)


def _numbers(estimator: Any, X: MatrixLike, *, reset: bool) -> Any:
    """Return `X` as numbers; columns that `fit` did not see are refused before what they hold."""
    try:
        return table_of_numbers(X)
    except (ValueError, TypeError):
        if not reset and hasattr(type(X), "columns") and hasattr(estimator, "feature_names_in_"):
            check_feature_names(estimator, X, reset=False)
        raise


def _no_table(X: Any, array: np.ndarray) -> str:
    """Return why `X` is no table, and what to give instead."""
    first = array.flat[0] if array.size else None
    if isinstance(X, dict) or isinstance(first, dict):
        return f"X is a {type(X).__name__} of columns or dictionaries: give pandas.DataFrame(X)."
    if isinstance(X, str):
        return f"X is text, {X[:60]!r}: read a file first, for example by pandas.read_csv."
    if array.ndim == 0:
        return (
            f"X must be a table of numbers with rows and columns, got a {type(X).__name__}. "
            f"Expected 2D array, got scalar array instead."
        )
    if array.dtype.names is not None:
        return (
            f"X is a structured array with the fields {', '.join(array.dtype.names[:5])}: give "
            f"pandas.DataFrame(X)."
        )
    if hasattr(first, "__len__") and not isinstance(first, str | bytes):
        message = unequal_samples(list(array))
        if message:
            return message
    return (
        f"X must have two axes, rows and columns, got shape {array.shape}. Expected 2D array, got "
        f"1D array instead. Reshape your data: X.reshape(-1, 1) if it is one column (X.to_frame() "
        f"if it is a Series), X.reshape(1, -1) if it is one row."
    )


def _check_range(X: Any) -> None:
    """Refuse numbers out of the range of float64."""
    if X.dtype.kind == "f" and X.dtype.itemsize > 8:
        values, largest = X.data if sp.issparse(X) else X, np.finfo(np.float64).max
        if np.nanmax(np.abs(values), initial=0) > largest:
            raise ValueError(
                f"X contains numbers larger than {largest:.3g}, the largest number of float64, in "
                f"which skae computes: rescale X first."
            )


def _not_finite(error: ValueError, X: Matrix, estimator: Any, missing_allowed: bool) -> ValueError:
    """Return an error that says where the first NaN or infinity is, and what to do."""
    name, row, column = type(estimator).__name__, *_first_not_finite(X, missing_allowed)
    where = f"first in {column_label(column, getattr(estimator, 'feature_names_in_', None))}, "
    where += f"row {row}"
    if "contains NaN" not in str(error):
        return ValueError(f"{error} It is {where}: remove or replace it.")
    return ValueError(
        f"Input X contains NaN, but this {name} was fitted on rows without missing values: fit it "
        f"on rows with missing values, or with a corruption that hides entries, "
        f"kind=Denoising('missing'). NaN is {where}."
    )


def _first_not_finite(X: Any, missing_allowed: bool) -> tuple[int, int]:
    """Return the row and the column of the first infinity, or NaN unless it is allowed."""
    bad = np.isinf if missing_allowed else lambda values: ~np.isfinite(values)
    if sp.issparse(X):
        entries = X.tocoo()
        first = np.flatnonzero(bad(entries.data))[0]
        return int(entries.row[first]), int(entries.col[first])
    for rows, block in dense_blocks(X):
        found = np.argwhere(bad(block))
        if len(found):
            return rows.start + int(found[0, 0]), int(found[0, 1])
    raise AssertionError("all numbers are finite")


def _check_features_known(X: Matrix, names: np.ndarray | None) -> None:
    """Refuse features that are missing in every row."""
    if not has_missing(X):
        return
    known = known_features(X)
    if not known.all():
        empty = np.flatnonzero(~known)
        listed = [f"{j}" if names is None else f"{j}, {names[j]!r:.60}" for j in empty[:5]]
        raise ValueError(
            f"X has no known value in {len(empty)} of its {len(known)} columns (number "
            f"{'; '.join(listed)}{'; ...' if len(empty) > 5 else ''}): remove these columns."
        )


def known_features(X: Matrix) -> np.ndarray:
    """Return a mask of the features with a known value, of shape (n_features,)."""
    known = np.zeros(X.shape[1], dtype=bool)
    for _, block in dense_blocks(X):
        known |= ~np.isnan(block).all(axis=0)
    return known


def features_with_missing(X: Matrix) -> np.ndarray:
    """Return a mask of the features with a missing value, of shape (n_features,)."""
    missing = np.zeros(X.shape[1], dtype=bool)
    for _, block in dense_blocks(X):
        missing |= np.isnan(block).any(axis=0)
    return missing


def has_missing(X: Any) -> bool:
    """Return whether a matrix of real numbers contains NaN."""
    if X.dtype.kind != "f":
        return False
    values = [(None, X.data)] if sp.issparse(X) else dense_blocks(X)
    # The minimum is NaN if any entry is; unlike np.isnan(block).any(), it needs no temporary array.
    return any(np.isnan(block.min(initial=0)) for _, block in values)


def n_known(X: Matrix) -> np.ndarray | int:
    """Return the number of known values of each row, at least 1, (n_samples,) or a scalar."""
    if not has_missing(X):
        return X.shape[1]
    counts = [np.count_nonzero(~np.isnan(block), axis=1) for _, block in dense_blocks(X)]
    return np.maximum(np.concatenate(counts), 1)


def _as_rows(X: Any) -> tuple[Any, tuple[int, ...] | None]:
    """Return `X` with one row per sample, and the shape of a sample if `X` has more axes."""
    if not isinstance(X, np.ndarray) or X.ndim < 3:
        return X, None
    return X.reshape(len(X), math.prod(X.shape[1:])), X.shape[1:]


def _check_shape(estimator: Any, X: Any, shape: tuple[int, ...] | None) -> None:
    """Refuse samples of another shape than in `fit`, apart from axes of size 1."""
    n_features, fitted = estimator.n_features_in_, estimator.sample_shape_
    name = type(estimator).__name__
    given = tuple(X.shape) if shape is None else (len(X), *shape)
    if given == fitted and math.prod(given[1:]) != n_features:
        raise ValueError(
            f"X has shape {given}, which is that of one sample of this {name}: give a batch of "
            f"samples, for one X[None], of shape {(1, *fitted)}."
        )
    if shape is None:
        if X.shape[1] != n_features and len(fitted) > 1 and isinstance(X, np.ndarray):
            raise ValueError(
                f"X has {X.shape[1]} features, but {name} is expecting {n_features} features as "
                f"input, since it was fitted on samples of shape {fitted}: give samples of this "
                f"shape, or rows of {n_features} values; one sample is X[None]."
            )
        return
    known = [fitted]
    if hasattr(estimator, "architecture_"):  # not yet while fit validates further rows
        known.append(estimator.architecture_.sample_shape((n_features,)))
    if not any(without_ones(shape) == without_ones(other) for other in known):
        raise ValueError(
            f"X holds samples of shape {shape}, but this {name} was fitted "
            f"on samples of shape {fitted}, {n_features} features each."
        )
