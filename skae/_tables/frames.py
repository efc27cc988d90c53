"""Data frames of any library: their columns as arrays, and frames from arrays."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from skae._data.real_numbers import real_numbers
from skae.columns import Factor

_DATES = (nw.Date, nw.Datetime, nw.Duration, nw.Time)


@dataclass(frozen=True)
class FrameColumn:
    """A column of a data frame or an array.

    Parameters
    ----------
    name : str or int
        Its name; the place in an array.

    series : narwhals.Series or ndarray of objects
        Its values.
    """

    name: Hashable
    series: Any

    @property
    def dtype(self) -> str:
        """Name of the dtype, from which :func:`new_frame` makes the column again."""
        if isinstance(self.series, np.ndarray):
            return str(self.series.dtype)
        native = self.series.to_native()
        return str(native.dtype) if isinstance(native, pd.Series) else str(self.series.dtype)

    @property
    def categories(self) -> tuple | None:
        """Return the categories of the dtype in its order, if it fixes them."""
        if isinstance(self.series, np.ndarray):
            return None
        native = self.series.to_native()
        if isinstance(native, pd.Series):
            known = isinstance(native.dtype, pd.CategoricalDtype)
            return tuple(_own(c) for c in native.cat.categories) if known else None
        is_enum = isinstance(self.series.dtype, nw.Enum)
        return tuple(self.series.dtype.categories) if is_enum else None

    def role(self) -> str:
        """Return what the dtype says the column is."""
        if isinstance(self.series, np.ndarray):
            return _role_of_objects(self.series)
        native, dtype = self.series.to_native(), self.series.dtype
        if isinstance(native, pd.Series) and isinstance(native.dtype, pd.CategoricalDtype):
            return "ordinal" if native.dtype.ordered else "categorical"
        if isinstance(native, pd.Series) and native.dtype == object:
            return _role_of_objects(native.to_numpy())
        if _is_ordered_dictionary(native):
            return "ordinal"
        if isinstance(dtype, nw.Categorical | nw.Enum | nw.String):
            return "categorical"
        return "boolean" if isinstance(dtype, nw.Boolean) else "number"

    def whole(self) -> bool:
        """Return whether the dtype is one of integers."""
        if isinstance(self.series, np.ndarray):
            known = [v for v in self.series[:1000] if not pd.isna(v)]
            return bool(known) and all(isinstance(v, int | np.integer) for v in known)
        return bool(self.series.dtype.is_integer())

    def numbers(self) -> np.ndarray | Factor:
        """Return the values as float64, NaN for missing ones; text that is no number as levels."""
        values = self._objects() if self._is_text() else None
        if values is None:
            return self._floats()
        missing = pd.isna(values)
        try:
            return np.where(missing, np.nan, values).astype(np.float64)
        except (TypeError, ValueError):
            return self.levels()

    def levels(self) -> Factor:
        """Return the values as levels, -1 for missing ones."""
        native = None if isinstance(self.series, np.ndarray) else self.series.to_native()
        if isinstance(native, pd.Series) and isinstance(native.dtype, pd.CategoricalDtype):
            return Factor(native.cat.codes.to_numpy().astype(np.intp), _objects_of(self.categories))
        places, values = pd.factorize(self._objects())
        return Factor(places, _objects_of([_own(value) for value in values]))

    def _is_text(self) -> bool:
        if isinstance(self.series, np.ndarray):
            return True
        native, dtype = self.series.to_native(), self.series.dtype
        is_object = isinstance(native, pd.Series) and native.dtype == object
        return is_object or isinstance(dtype, nw.String | nw.Categorical | nw.Enum)

    def _objects(self) -> np.ndarray:
        if isinstance(self.series, np.ndarray):
            return self.series
        native = self.series.to_native()
        if isinstance(native, pd.Series):
            return native.astype(object).to_numpy()
        return _objects_of(self.series.to_list())

    def _floats(self) -> np.ndarray:
        native = self.series.to_native()
        frame = native.to_frame() if isinstance(native, pd.Series) else None
        if frame is not None:
            found = real_numbers(frame)
            values = (
                found
                if isinstance(found, np.ndarray)
                else found.to_numpy(np.float64, na_value=np.nan)
            )
            return np.asarray(values, dtype=np.float64).reshape(-1)
        self._refuse_dates()
        return self.series.cast(nw.Float64).to_numpy().astype(np.float64)

    def _refuse_dates(self) -> None:
        dtype = self.series.dtype
        if dtype.is_numeric() or isinstance(dtype, nw.Boolean):
            return
        what = "dates" if isinstance(dtype, _DATES) else f"values of the type {dtype}"
        raise ValueError(
            f"X must hold numbers, text or categories, but its column {self.name!r} holds {what}: "
            f"turn them into numbers first, such as the year and the day of the week, or encode "
            f"them, for example by skrub.TableVectorizer."
        )


def columns_of(X: Any) -> list[FrameColumn] | None:
    """Return the columns of a data frame or of an array of objects; None for all else."""
    if isinstance(X, np.ndarray):
        if X.ndim != 2:
            return None
        return [FrameColumn(j, X[:, j].astype(object)) for j in range(X.shape[1])]
    if not hasattr(type(X), "columns") and type(X).__module__.split(".")[0] != "pyarrow":
        return None
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        return None
    if isinstance(X, pd.DataFrame):  # names may be of any type
        return [
            FrameColumn(_own(name), nw.from_native(X.iloc[:, j], series_only=True))
            for j, name in enumerate(X.columns)
        ]
    return [FrameColumn(name, frame[name]) for name in frame.columns]


def container_of(X: Any) -> str:
    """Return the library of a table: "pandas", "polars", "pyarrow" or "numpy"."""
    if isinstance(X, np.ndarray):
        return "numpy"
    return str(nw.from_native(X, eager_only=True).implementation.value)


def new_frame(
    container: Any,
    values: Mapping[Any, np.ndarray],
    dtypes: Mapping[Any, str],
    categories: Mapping[Any, tuple | None],
    ordered: Mapping[Any, bool],
    index: Any = None,
) -> Any:
    """Return a data frame of a library, or an array of objects for "numpy".

    Parameters
    ----------
    container : str
        As :func:`container_of` returns it.

    values : mapping of ndarray of shape (n_samples,)
        The values by name.

    dtypes, categories, ordered : mapping
        The dtype of each column, its categories if the dtype fixes them, and their order.

    index : pandas.Index or None, default=None
        Index of a frame of pandas.
    """
    if container == "numpy":
        columns = [column.astype(object) for column in values.values()]
        return np.stack(columns, axis=1)
    if container == "pandas":
        made = {
            place: _pandas_series(array, dtypes[name], categories[name], ordered[name])
            for place, (name, array) in enumerate(values.items())
        }
        frame = pd.DataFrame(made)
        frame.columns = pd.Index(list(values))
        return frame if index is None else frame.set_axis(index, axis=0)
    return nw.from_dict(
        {
            str(name): _series(str(name), array, dtypes[name], categories[name], container)
            for name, array in values.items()
        },
        backend=container,
    ).to_native()


def with_columns(frame: Any, added: Mapping[str, np.ndarray]) -> Any:
    """Return a table with further columns."""
    if isinstance(frame, np.ndarray):
        return np.column_stack([frame, *(array.astype(object) for array in added.values())])
    if isinstance(frame, pd.DataFrame):
        return frame.assign(**added)
    native = nw.from_native(frame, eager_only=True)
    backend = native.implementation
    series = [nw.new_series(name, array.tolist(), backend=backend) for name, array in added.items()]
    return native.with_columns(*series).to_native()


def with_values_of(frame: Any, X: Any, places: np.ndarray) -> Any:
    """Return a table with the values of another one in some places.

    Parameters
    ----------
    frame : data frame or ndarray of objects
        A table.

    X : data frame or ndarray
        Another one with the same columns.

    places : ndarray of shape (n_samples, n_columns), dtype bool
        Where values of `X` are taken. Columns with such a place have the dtype of objects or text.
    """
    given = columns_of(X)
    for j in np.flatnonzero(places.any(axis=0)):
        assert given is not None
        own = given[j]._objects()
        if isinstance(frame, np.ndarray):
            frame[places[:, j], j] = own[places[:, j]]
        elif isinstance(frame, pd.DataFrame):
            column = frame.iloc[:, j]
            taken = pd.Series(np.where(places[:, j], own, column.astype(object)), column.index)
            if isinstance(column.dtype, pd.CategoricalDtype):
                more = column.dtype.categories.union(own[places[:, j]], sort=False)
                taken = taken.astype(pd.CategoricalDtype(more, column.dtype.ordered))
            elif column.dtype != object:
                taken = taken.astype(column.dtype)
            frame.isetitem(j, taken)
        else:
            native = nw.from_native(frame, eager_only=True)
            name = native.columns[j]
            mixed = np.where(places[:, j], own, _objects_of(native[name].to_list()))
            series = nw.new_series(name, mixed.tolist(), nw.String, backend=native.implementation)
            frame = native.with_columns(series).to_native()
    return frame


def _pandas_series(
    values: np.ndarray, dtype: str, categories: tuple | None, ordered: bool
) -> pd.Series:
    if categories is not None:
        return pd.Series(pd.Categorical(values, categories=list(categories), ordered=ordered))
    numeric = values.dtype.kind == "f"
    if numeric and np.isnan(values).any() and dtype in ("bool", *_NUMPY_INTEGERS):
        return pd.Series(values)
    if numeric and dtype in ("bool", "boolean", "bool[pyarrow]"):
        missing = np.isnan(values)
        series = pd.Series(np.where(missing, 0.0, values).astype(bool), dtype=dtype)
        return series.mask(pd.Series(missing)) if missing.any() else series
    if numeric and dtype not in ("object", "str", "string"):
        return pd.Series(values).astype(dtype)
    return pd.Series(values, dtype=object).astype(dtype)


_NUMPY_INTEGERS = tuple(f"{sign}int{size}" for sign in ("", "u") for size in (8, 16, 32, 64))


def _series(
    name: str, values: np.ndarray, dtype: str, categories: tuple | None, container: Any
) -> Any:
    kind: Any = nw.Enum(list(categories)) if categories else getattr(nw, dtype.split("(")[0])
    listed = [None if pd.isna(value) else value for value in values.tolist()]
    if kind == nw.Boolean:
        listed = [None if value is None else bool(value) for value in listed]
    elif kind is not nw.Enum and not categories and kind().is_integer():
        listed = [None if value is None else int(value) for value in listed]
    if container == "pyarrow" and (categories or kind == nw.Categorical):
        import pyarrow as pa

        return nw.from_native(
            pa.chunked_array([pa.array(listed).dictionary_encode()]), series_only=True
        )
    return nw.new_series(name, listed, kind, backend=container)


def _role_of_objects(values: np.ndarray) -> str:
    """Return the sort of a column of objects: text, booleans, or all else as numbers."""
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind == "string":
        return "categorical"
    return "boolean" if kind == "boolean" else "number"


def _is_ordered_dictionary(native: Any) -> bool:
    return bool(getattr(getattr(native, "type", None), "ordered", False))


def _objects_of(values: Any) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = list(values)
    return array


def _own(value: Any) -> Any:
    """Return a Python number instead of numpy's."""
    return value.item() if isinstance(value, np.generic) else value
