"""Data frames of any library: their columns as arrays, and frames from arrays."""

from __future__ import annotations

import datetime
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from skae._data.real_numbers import real_numbers
from skae.columns import Factor

# The dtype of ordered categories of pandas, whose own name is that of unordered ones.
ORDERED = "ordered category"
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
        if isinstance(native, pd.Series):
            ordered = isinstance(native.dtype, pd.CategoricalDtype) and native.dtype.ordered
            return ORDERED if ordered else str(native.dtype)
        return str(getattr(native, "type", self.series.dtype))  # a type is one of pyarrow

    @property
    def categories(self) -> tuple | None:
        """Return the categories of the dtype in its order, if it fixes them."""
        if isinstance(self.series, np.ndarray):
            return None
        native = self.series.to_native()
        if isinstance(native, pd.Series):
            known = isinstance(native.dtype, pd.CategoricalDtype)
            return tuple(_own(c) for c in native.cat.categories) if known else None
        if _is_ordered_dictionary(native):
            return tuple(native.unify_dictionaries().chunk(0).dictionary.to_pylist())
        is_enum = isinstance(self.series.dtype, nw.Enum)
        return tuple(self.series.dtype.categories) if is_enum else None

    @property
    def has_order(self) -> bool:
        """Return whether the dtype gives the categories an order."""
        if isinstance(self.series, np.ndarray):
            return False
        native = self.series.to_native()
        if isinstance(native, pd.Series):
            return bool(getattr(native.dtype, "ordered", False))
        return isinstance(self.series.dtype, nw.Enum) or _is_ordered_dictionary(native)

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
        if self._is_object():
            return pd.api.types.infer_dtype(self._objects(), skipna=True) == "integer"
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
            places: np.ndarray = native.cat.codes.to_numpy().astype(np.intp)
            values: Any = self.categories
        else:
            objects = self._objects()
            try:
                places, values = pd.factorize(objects)
            except TypeError:  # lists and the like
                plain = str | int | float | type(None) | type(pd.NA) | type(pd.NaT)
                values = [value for value in objects if not isinstance(value, plain)]
        levels = [_own(value) for value in values]
        odd = [level for level in levels if not isinstance(level, str | int | float)]
        if odd:
            raise ValueError(
                f"X must hold numbers, text or categories, but its column {self.name!r} holds "
                f"{odd[0]!r}, a {type(odd[0]).__name__}: {_recipe(odd[0])}."
            )
        return Factor(places, _objects_of(levels))

    def _is_object(self) -> bool:
        native = self.series if isinstance(self.series, np.ndarray) else self.series.to_native()
        return isinstance(native, np.ndarray | pd.Series) and native.dtype == object

    def _is_text(self) -> bool:
        levels = nw.String | nw.Categorical | nw.Enum
        return self._is_object() or isinstance(self.series.dtype, levels)

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
    if isinstance(X, pd.DataFrame):  # names may be of any type, and occur twice
        return [
            FrameColumn(_own(name), nw.from_native(X.iloc[:, j], series_only=True))
            for j, name in enumerate(X.columns)
        ]
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        return None
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
    index: Any = None,
) -> Any:
    """Return a data frame of a library, or an array of objects for "numpy".

    Parameters
    ----------
    container : str
        As :func:`container_of` returns it.

    values : mapping of ndarray of shape (n_samples,)
        The values by name.

    dtypes, categories : mapping
        The dtype of each column, and its categories if the dtype fixes them.

    index : pandas.Index or None, default=None
        Index of a frame of pandas.
    """
    if container == "numpy":
        columns = [column.astype(object) for column in values.values()]
        return np.stack(columns, axis=1)
    if container == "pandas":
        made = {
            place: _pandas_series(array, dtypes[name], categories[name])
            for place, (name, array) in enumerate(values.items())
        }
        frame = pd.DataFrame(made)
        frame.columns = pd.Index(list(values))
        return frame if index is None else frame.set_axis(index, axis=0)
    series = [
        _series(str(name), array, dtypes[name], categories[name], container)
        for name, array in values.items()
    ]
    return series[0].to_frame().with_columns(*series[1:]).to_native()


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


def _pandas_series(values: np.ndarray, dtype: str, categories: tuple | None) -> pd.Series:
    if categories is not None:
        ordered = dtype == ORDERED
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
    if dtype.endswith("string[pyarrow]") or dtype.startswith("dictionary<"):  # pandas misreads both
        array = _arrow_array(values, dtype.removesuffix("[pyarrow]"), None)
        return pd.Series(array, dtype=pd.ArrowDtype(array.type))
    return pd.Series(values, dtype=object).astype(dtype)


_NUMPY_INTEGERS = tuple(f"{sign}int{size}" for sign in ("", "u") for size in (8, 16, 32, 64))


def _series(
    name: str, values: np.ndarray, dtype: str, categories: tuple | None, container: Any
) -> Any:
    if container == "pyarrow":
        import pyarrow as pa

        array = pa.chunked_array([_arrow_array(values, dtype, categories)])
        return nw.from_native(array, series_only=True).alias(name)
    kind: Any = nw.Enum(list(categories)) if categories else getattr(nw, dtype.split("(")[0])
    if kind is nw.Decimal:
        kind = nw.Float64
    if values.dtype.kind == "f" and not np.isnan(values).any():
        return nw.new_series(name, values, backend=container).cast(kind)
    listed = [None if pd.isna(value) else value for value in values.tolist()]
    if kind is nw.Boolean:
        listed = [None if value is None else bool(value) for value in listed]
    elif not categories and kind().is_integer():
        listed = [None if value is None else int(value) for value in listed]
    return nw.new_series(name, listed, kind, backend=container)


def _arrow_array(values: np.ndarray, dtype: str, categories: tuple | None) -> Any:
    """Return an array of pyarrow of the type of this name; decimals are floats."""
    import pyarrow as pa

    missing = pd.isna(values)
    if dtype.startswith("dictionary<"):
        kind, index = re.findall(r"(?:values|indices)=(\w+)", dtype)
        plain = pa.array(values, pa.type_for_alias(kind), mask=missing)
        if categories is None:
            made = plain.dictionary_encode()
            places, levels = made.indices, made.dictionary
        else:
            levels = pa.array(categories, pa.type_for_alias(kind))
            places = pa.array(pd.Categorical(values, list(categories)).codes, mask=missing)
        places = places.cast(pa.type_for_alias(index))
        return pa.DictionaryArray.from_arrays(places, levels, ordered="ordered=1" in dtype)
    array = pa.array(values, mask=missing)
    return array if dtype.startswith("decimal") else array.cast(pa.type_for_alias(dtype))


def _recipe(value: Any) -> str:
    """Return what to do with a value that is no number and no text."""
    if isinstance(value, bytes):
        return "make it text, for example with .str.decode('utf-8')"
    if isinstance(value, pd.Interval):
        return "give the intervals names, for example with .cat.rename_categories(str)"
    if isinstance(value, datetime.date | datetime.time | datetime.timedelta | pd.Period):
        return (
            "turn dates into numbers first, such as the year and the day of the week, or encode "
            "them, for example by skrub.TableVectorizer"
        )
    return "turn it into numbers or text first, or drop it"


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
