"""Imputed tables whose columns are not all numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.impute import MissingIndicator

from skae._data.blocks import densify
from skae._data.matrix import Matrix, MatrixLike
from skae._tables.frames import with_columns, with_values_of
from skae._tables.table_frames import codes_of, table_frame
from skae.columns import TableColumns


def missing_columns(table: TableColumns, rows: Matrix) -> np.ndarray:
    """Return a mask of the missing values of encoded rows, of shape (n_samples, n_columns)."""
    return np.isnan(densify(rows[:])[:, table.first_features])


def completed_table(
    table: TableColumns,
    X: MatrixLike,
    rows: Matrix,
    imputed: np.ndarray,
    random_state: np.random.RandomState | None,
) -> Any:
    """Return a table with imputed values instead of missing ones.

    Parameters
    ----------
    table : TableColumns
        The columns.

    X : data frame or array of shape (n_samples, n_columns)
        The table with missing values.

    rows : ndarray or view of shape (n_samples, n_features)
        The same, encoded.

    imputed : ndarray of shape (n_samples, n_features)
        Encoded rows with means, or draws of numbers, instead of missing values.

    random_state : RandomState instance or None
        Source of drawn levels and counts; None for the most probable ones.
    """
    missing = missing_columns(table, rows)
    codes = table.draw(imputed, random_state) if random_state else table.decode(imputed)
    known = codes_of(table, X)
    codes = np.where(missing, codes, known)
    frame = table_frame(table, codes, index=getattr(X, "index", None))
    return with_values_of(frame, X, table.is_unseen(known))


def bounds_of_features(table: TableColumns, bounds: np.ndarray, *, least: bool) -> np.ndarray:
    """Return the bounds of encoded features from those of columns.

    Parameters
    ----------
    table : TableColumns
        The columns.

    bounds : ndarray of shape (n_columns,)
        Bounds of numbers and counts; those of other columns have no meaning.

    least : bool
        Whether these are lower bounds.
    """
    found = np.full(table.n_features, -np.inf if least else np.inf)
    for column, span, bound in zip(table.columns, table.spans, bounds, strict=True):
        if column.role == "number":
            found[span] = bound
        elif column.role == "count" and np.isfinite(bound):
            found[span] = np.log1p(max(bound, 0.0))
    return found


def with_indicator(
    frame: Any, missing: np.ndarray, indicator: MissingIndicator, names: np.ndarray
) -> Any:
    """Return a table with a column for each column that had missing values in `fit`."""
    named = indicator.get_feature_names_out([str(name) for name in names])
    added = {name: missing[:, j] for name, j in zip(named, indicator.features_, strict=True)}
    return with_columns(frame, added)
