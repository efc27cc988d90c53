"""Tables of real numbers: columns of other values are converted, or refused by their name."""

from __future__ import annotations

import datetime
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import scipy.sparse as sp

_NUMBERS = "fiub"  # kinds of dtypes of real numbers and booleans
_DATES = datetime.date | datetime.time | np.datetime64 | pd.Period
_DURATIONS = datetime.timedelta | np.timedelta64
# Values of these types would lose what they mean in a conversion to float.
_COMPLEX = complex | np.complexfloating
_NEVER = _COMPLEX | np.datetime64 | np.timedelta64


def real_numbers(X: Any) -> Any:
    """Return a table or array with columns of objects converted to float64.

    Numbers of any type (decimals, fractions, categories, text of digits) are converted; None and
    ``pandas.NA`` become NaN. Tables without such columns are returned as they are.

    Parameters
    ----------
    X : ndarray, sparse matrix or data frame
        Any dtypes.

    Raises
    ------
    ValueError, TypeError
        If a column holds something else: text, dates, durations, lists, complex numbers, ...; the
        message has the name of the column, its position, the first such value, and a remedy.
    """
    if sp.issparse(X):
        return X if X.dtype.kind in _NUMBERS else _refuse_sparse(X)
    if isinstance(X, np.ndarray):
        return X if X.dtype.kind in _NUMBERS else _of_array(X)
    if isinstance(X, pd.DataFrame):
        return _of_pandas(X)
    return _of_polars(X) if hasattr(X, "get_columns") else X


def column_label(position: int, names: Sequence[Any] | np.ndarray | None = None) -> str:
    """Return how messages name a column: by its name, if there is one, and its position."""
    if names is None:
        return f"column {position}"
    return f"column {_shown(names[position])} (position {position})"


@dataclass(frozen=True)
class _Column:
    """A column of objects; ``label`` is how messages name it, ``access`` how users write it."""

    values: np.ndarray
    label: str
    access: str

    def floats(self) -> np.ndarray:
        """Return the values as float64; refuse the first that is no real number."""
        values = self.values
        if not any(isinstance(value, _NEVER) for value in values):
            try:
                return values.astype(np.float64)
            except (TypeError, ValueError, OverflowError):
                values = np.where(pd.isna(values), np.nan, values)
        bad = [row for row, value in enumerate(values) if not _is_real(value)]
        if not bad:
            return values.astype(np.float64)
        known = int(np.sum(~pd.isna(values)))
        self.refuse(bad[0], mostly_numbers=2 * len(bad) <= known)

    def refuse(self, row: int, mostly_numbers: bool = False) -> NoReturn:
        """Raise the error for the value in a row."""
        value = self.values[row]
        what, remedy = _described(value, self.access, mostly_numbers)
        of_value = f"{what}, such as {_shown(value)} in row {row}"
        if isinstance(value, _COMPLEX):
            raise ValueError(
                f"Complex data not supported: {self.label} of X holds {of_value}. {remedy}"
            )
        message = f"X must hold numbers, but its {self.label} holds {of_value}. {remedy}"
        try:
            float(value)
        except TypeError as error:
            if what.startswith("objects"):
                raise TypeError(f"{message} ({error})") from error
        except (ValueError, OverflowError):
            pass
        raise ValueError(message)


def _of_array(X: np.ndarray) -> np.ndarray:
    """Return an array of objects as float64; refuse any other dtype."""
    if X.dtype.names is not None:
        raise ValueError(
            f"X must hold numbers in rows and columns, but is a structured array with the fields "
            f"{', '.join(X.dtype.names[:5])}: give pandas.DataFrame(X)."
        )
    rows = X.reshape(len(X), -1) if X.ndim > 1 and X.size else X.reshape(-1, 1)
    columns = [_Column(_objects(values), *_place_in(X, j)) for j, values in enumerate(rows.T)]
    numbers = np.empty(rows.shape, dtype=np.float64)
    for j, column in enumerate(columns):
        numbers[:, j] = column.floats()
    if X.dtype.kind != "O" and X.size:  # text of digits
        columns[0].refuse(0)
    if X.dtype.kind != "O":
        raise ValueError(f"X must hold numbers, got an empty array of dtype {X.dtype}.")
    return numbers.reshape(X.shape)


def _place_in(X: np.ndarray, j: int) -> tuple[str, str]:
    """Return how to name column `j` of the rows of an array, and how to write it."""
    if X.ndim <= 2:
        return column_label(j), f"X[:, {j}]"
    index = ", ".join(str(int(i)) for i in np.unravel_index(j, X.shape[1:]))
    return f"entry [{index}] of the samples", f"X[:, {index}]"


def _refuse_sparse(X: Any) -> NoReturn:
    entries = X.tocoo()
    if entries.nnz:
        row, j = int(entries.row[0]), int(entries.col[0])
        values = np.full(row + 1, entries.data[0], dtype=object)
        _Column(values, column_label(j), f"X[:, [{j}]]").refuse(row)
    raise ValueError(f"X must hold numbers, got an empty sparse matrix of dtype {X.dtype}.")


def _of_pandas(X: pd.DataFrame) -> pd.DataFrame:
    odd = [j for j, dtype in enumerate(X.dtypes) if not _is_numeric(dtype)]
    if not odd:
        return X
    converted = X.copy(deep=False)
    for j in odd:
        values = X.iloc[:, j].astype(object).to_numpy()
        access = f"X.iloc[:, {j}]" if not isinstance(X.columns[j], str) else f"X[{X.columns[j]!r}]"
        converted.isetitem(j, _Column(values, column_label(j, X.columns), access).floats())
    return converted


def _is_numeric(dtype: Any) -> bool:
    """Return whether numpy reads a dtype of pandas as numbers."""
    dtype = dtype.categories.dtype if isinstance(dtype, pd.CategoricalDtype) else dtype
    return dtype.kind in _NUMBERS


def _of_polars(X: Any) -> Any:
    for j, column in enumerate(X.get_columns()):
        dtype = column.dtype
        if dtype.is_numeric() or str(dtype) in ("Boolean", "Null"):
            continue
        values = _Column(
            _objects(column.to_list()), column_label(j, X.columns), f"X[{column.name!r}]"
        )
        X = X.with_columns(type(column)(column.name, values.floats()))
    return X


def _objects(values: Iterable[Any]) -> np.ndarray:
    """Return a one-dimensional array of objects, also of lists of equal length."""
    values = list(values)
    objects = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        objects[i] = value
    return objects


def _is_real(value: Any) -> bool:
    if isinstance(value, _NEVER):
        return False
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _described(value: Any, access: str, mostly_numbers: bool) -> tuple[str, str]:
    """Return what a column with such a value holds, and what to do."""
    if isinstance(value, str | bytes):
        if mostly_numbers:
            numbers = f"pandas.to_numeric({access}, errors='coerce')"
            return "text between numbers", f"If it stands for a missing value, give {numbers}."
        return "text", (
            "Encode text first, for example with sklearn.preprocessing.OneHotEncoder in a "
            "ColumnTransformer; convert text of digits by astype(float)."
        )
    in_frame = not access.startswith("X[:")
    if isinstance(value, _DATES):
        parts = f", from {access}.dt" if in_frame else ""
        return "dates", (
            f"Give numbers made from them, such as the year, the month and the weekday{parts}, or "
            f"the number of days since a fixed day."
        )
    if isinstance(value, _DURATIONS):
        seconds = ".dt.total_seconds()" if in_frame else " / numpy.timedelta64(1, 's')"
        return "durations", f"Give their number of seconds, {access}{seconds}."
    if isinstance(value, _COMPLEX):
        return "complex numbers", "Give real and imaginary parts as columns of their own."
    if isinstance(value, pd.Interval):
        return "intervals", "Give their middles or both ends."
    if isinstance(value, Mapping):
        return "objects (dict)", f"Give one column for each key, pandas.json_normalize({access})."
    if isinstance(value, int):
        return "integers beyond float64", "Divide them by a power of ten."
    if isinstance(value, list | tuple | set | np.ndarray | pd.Series) or hasattr(value, "to_list"):
        return "lists", "Give one column for each of their values, or pad lists of unequal length."
    return f"objects ({type(value).__name__})", "Convert them to numbers first."


class _Short(reprlib.Repr):
    """Representations of values, short and never failing."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 60

    def repr_int(self, x: int, level: int) -> str:
        return super().repr_int(x, level) if abs(x) < 10**60 else f"an integer above 1e{60}"


def _shown(value: Any) -> str:
    try:
        return _Short().repr(value.item() if isinstance(value, np.generic) else value)
    except Exception:  # representations of users' classes may raise anything
        return f"a {type(value).__name__}"
