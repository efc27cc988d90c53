"""Validation of tables whose columns are not all numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from skae._data.matrix import MatrixLike
from skae._data.validation import validate_X
from skae._data.views import Converted
from skae._tables.table_fit import fit_table
from skae._tables.table_frames import codes_of
from skae._utils.named_parts import resolve_part
from skae._utils.naming import naming
from skae._utils.sklearn_private import check_feature_names
from skae.columns import COLUMN_RULES, Columns, TableColumns

# Up to this many bytes, encoded rows are kept; beyond, they are encoded again whenever they are
# read.
_KEPT_BYTES = 2**28


@naming("X")
def validate_rows(
    estimator: Any,
    X: MatrixLike,
    *,
    reset: bool,
    min_samples: int = 1,
    missing_allowed: bool | None = None,
) -> Any:
    """Return `X` as a matrix of numbers; a table whose columns are not all numbers is encoded.

    Parameters and errors are those of :func:`~skae._data.validation.validate_X`. In `fit`, the
    attribute ``columns_`` is set; it is None for numbers.
    """
    if reset:
        estimator.columns_ = None
        if estimator.columns is not None:  # a recommender has none: its columns are items
            columns = resolve_part(estimator.columns, "columns", COLUMN_RULES, Columns)
            estimator.columns_ = fit_table(X, columns)
    table = estimator.columns_
    limits: dict[str, Any] = {"reset": reset, "min_samples": min_samples}
    if table is None:
        return validate_X(estimator, X, missing_allowed=missing_allowed, **limits)
    if missing_allowed is None:
        missing_allowed = reset or estimator._takes_missing()
    return validate_table(estimator, X, table, missing_allowed=missing_allowed, **limits)


def validate_table(
    estimator: Any,
    X: MatrixLike,
    table: TableColumns,
    *,
    reset: bool,
    min_samples: int,
    missing_allowed: bool,
) -> Any:
    """Return the encoded rows of a table, of shape (n_samples, table.n_features), float64.

    Parameters
    ----------
    estimator : BaseAutoencoder
        The attributes ``n_features_in_``, ``feature_names_in_`` and ``sample_shape_`` are set if
        `reset`.

    X : data frame or array of shape (n_samples, n_columns)
        The user's table.

    table : TableColumns
        Its columns.

    reset, min_samples, missing_allowed : bool, int, bool
        As in :func:`~skae._data.validation.validate_X`.

    Raises
    ------
    ValueError
        If a column does not hold what it held in `fit`.
    """
    if reset or hasattr(X, "columns"):
        check_feature_names(estimator, X, reset=reset)
    codes = codes_of(table, X)
    name = type(estimator).__name__
    if len(codes) < min_samples:
        raise ValueError(
            f"Found array with {len(codes)} sample(s) (shape={codes.shape}) while a minimum of "
            f"{min_samples} is required by {name}."
        )
    if reset:
        estimator.n_features_in_ = table.n_columns
        estimator.sample_shape_ = (table.n_columns,)
    _check_numbers(codes, table, name, missing_allowed)
    if reset:
        _check_known(codes, table)
    return _encoded(codes, table)


def _check_numbers(
    codes: np.ndarray, table: TableColumns, name: str, missing_allowed: bool
) -> None:
    """Refuse infinity, and missing values unless they are allowed, naming the column."""
    for place, what in ((np.isinf(codes), "infinity"), (np.isnan(codes), "NaN")):
        if (what == "NaN" and missing_allowed) or not place.any():
            continue
        row, column = (int(i) for i in np.argwhere(place)[0])
        where = f"first in column {table.names[column]!r}, row {row}"
        if what == "infinity":
            raise ValueError(f"Input X contains infinity, {where}: remove or replace it.")
        raise ValueError(
            f"Input X contains NaN, a missing value, {where}, but this {name} was fitted on rows "
            f"without missing values: fit it on rows with missing values, or with a corruption "
            f"that hides entries, kind=Denoising('missing')."
        )


def _check_known(codes: np.ndarray, table: TableColumns) -> None:
    empty = np.flatnonzero(np.isnan(codes).all(axis=0))
    if len(empty):
        raise ValueError(
            f"X has no known value in {len(empty)} of its {codes.shape[1]} columns "
            f"({', '.join(repr(str(name)) for name in table.names[empty[:5]])}): remove these "
            f"columns."
        )


def _encoded(codes: np.ndarray, table: TableColumns) -> Any:
    """Return encoded rows: an array, or a view that encodes what is read if it would be large."""
    if len(codes) * table.n_features * 8 <= _KEPT_BYTES:
        return table.encode(codes)
    return Converted(codes, table.encode)
