"""Tables as codes, and codes as tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from skae._tables.frames import FrameColumn, columns_of, new_frame
from skae.columns import LevelColumn, Number, TableColumns


def codes_of(table: TableColumns, X: Any) -> np.ndarray:
    """Return the codes of a table, of shape (n_samples, n_columns), float64.

    Parameters
    ----------
    table : TableColumns
        The columns of the fit.

    X : data frame or array of shape (n_samples, n_columns)
        A table with the same columns.

    Raises
    ------
    ValueError
        If a column does not hold what it held in the fit.
    """
    found = columns_of(X if hasattr(type(X), "columns") else _array_of(X))
    if found is None or len(found) != table.n_columns:
        shape = "" if found is None else f" with {len(found)} columns"
        raise ValueError(
            f"X is a {type(X).__name__}{shape}, but the columns of fit were "
            f"{table.names[:9].tolist()}: give a table of these."
        )
    codes = [
        column.codes(_read(given, column))
        for given, column in zip(found, table.columns, strict=True)
    ]
    return np.stack(codes, axis=1)


def partial_codes(table: TableColumns, given: Any) -> np.ndarray:
    """Return the codes of a table with some of the columns, NaN for the others.

    Raises
    ------
    ValueError
        If it has other columns, or if a column does not hold what it held in the fit.
    """
    found = columns_of(given) if hasattr(type(given), "columns") else None
    if not found:
        raise ValueError(f"given must be a data frame with columns of fit, got {given!r:.60}.")
    places = {name: j for j, name in enumerate(table.names)}
    unknown = [column.name for column in found if column.name not in places]
    if unknown:
        raise ValueError(
            f"given has the column {unknown[0]!r}, which fit did not see; its columns were "
            f"{table.names[:9].tolist()}."
        )
    columns = [(places[c.name], c) for c in found]
    read = {j: table.columns[j].codes(_read(c, table.columns[j])) for j, c in columns}
    codes = np.full((len(next(iter(read.values()))), table.n_columns), np.nan)
    for j, values in read.items():
        codes[:, j] = values
    return codes


def table_frame(
    table: TableColumns, codes: np.ndarray, *, index: Any = None, clip: bool = False
) -> Any:
    """Return codes as a table with names, order, dtypes and categories of the fit.

    Parameters
    ----------
    table : TableColumns
        The columns.

    codes : ndarray of shape (n_samples, n_columns)
        The codes.

    index : pandas.Index or None, default=None
        Index of a frame of pandas.

    clip : bool, default=False
        Whether numbers are clipped to the range of the fit.
    """
    codes = table.clip(codes) if clip else codes
    columns = table.columns
    return new_frame(
        table.container,
        {column.name: column.values(codes[:, j]) for j, column in enumerate(columns)},
        dtypes={column.name: column.dtype for column in columns},
        categories={column.name: getattr(column, "categories", None) for column in columns},
        index=index,
    )


def probability_frame(table: TableColumns, features: np.ndarray, index: Any = None) -> Any:
    """Return the probability of each level, and the numbers, as a table."""
    values = table.probabilities(features)
    none = dict.fromkeys(values)
    floats = dict.fromkeys(values, "Float64" if table.container == "polars" else "float64")
    return new_frame(table.container, values, floats, none, index)


def _array_of(X: Any) -> Any:
    """Return lists and the like as arrays of objects."""
    if isinstance(X, np.ndarray) or type(X).__module__.split(".")[0] == "pyarrow":
        return X
    return np.array(X, dtype=object)


def _read(given: FrameColumn, column: Any) -> Any:
    """Return the values of a column in the way that fits its role."""
    if isinstance(column, LevelColumn):
        return given.levels()
    values = given.numbers()
    assert isinstance(column, Number) or column.role == "boolean"
    return values
