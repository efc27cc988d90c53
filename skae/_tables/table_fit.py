"""The columns of a table, found in `fit`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from skae._tables.frames import FrameColumn, columns_of, container_of
from skae._utils.checks import is_integer
from skae.columns import (
    Boolean,
    Categorical,
    Column,
    Columns,
    Count,
    Factor,
    LevelColumn,
    Number,
    Ordinal,
    TableColumns,
)
from skae.columns.columns import ROLES

# A column of text in which more than this fraction of the values differ is no category, if it has
# at least so many rows.
_MOST_LEVELS, _FEWEST_ROWS = 0.9, 20
# Quantiles of numbers that are kept, so that samples have the distribution of the fit.
_N_QUANTILES = 257
_NUMERIC = {"numeric": "number"}


def fit_table(X: Any, columns: Columns) -> TableColumns | None:
    """Return the columns of a table, or None if all are numbers and no role is given by name.

    Parameters
    ----------
    X : data frame or ndarray
        The user's table.

    columns : Columns
        What the columns are.

    Raises
    ------
    ValueError
        If a column is unknown, in two roles, or holds what its role does not take.
    """
    columns.check()
    if isinstance(X, np.ndarray) and not columns.names_roles:
        return None
    found = columns_of(X)
    if found is None:
        if columns.names_roles:
            raise ValueError(
                f"columns={columns!r} names columns, but X is a {type(X).__name__}: give a data "
                f"frame or an array with two axes."
            )
        return None
    roles = {column.name: column.role() for column in found}
    if not columns.names_roles and set(roles.values()) == {"number"}:
        return None
    _check_names(found)
    orders: dict[Any, list] = {}
    for role in ROLES:
        given = getattr(columns, role)
        if isinstance(given, Mapping):
            orders |= dict(given)
    named = _roles_by_name(X, found, columns)
    for column in found:
        if column.name not in named and column.categories is None:
            _refuse_text_between_numbers(column, roles[column.name])
    roles |= named
    made = tuple(_fitted(c, roles[c.name], columns, orders.get(c.name)) for c in found)
    return TableColumns(made, container_of(X))


def _refuse_text_between_numbers(column: FrameColumn, role: str) -> None:
    """Refuse a column of numbers as text in which something else stands for a missing value."""
    if role != "categorical":
        return
    factor = column.levels()
    numeric = pd.to_numeric(pd.Series(factor.values, dtype=object), errors="coerce").notna()
    others = np.flatnonzero(~numeric)
    if not len(others) or len(others) > len(numeric) / 2:
        return
    row = int(np.flatnonzero(factor.places == others[0])[0])
    raise ValueError(
        f"column {column.name!r} holds text between numbers, such as {factor.values[others[0]]!r} "
        f"in row {row}: if they are numbers, give pandas.to_numeric(X[{column.name!r}], "
        f"errors='coerce'); if they are categories, say so with "
        f"columns=Columns(categorical=[{column.name!r}])."
    )


def _check_names(found: list[FrameColumn]) -> None:
    names = [column.name for column in found]
    twice = sorted({str(name) for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"X has more than one column of the name {twice[0]!r}: rename them, as the roles of "
            f"columns go by name."
        )


def _roles_by_name(X: Any, found: list[FrameColumn], columns: Columns) -> dict[Any, str]:
    """Return the roles of the columns that the parameters name."""
    roles: dict[Any, str] = {}
    for parameter in ROLES:
        role = _NUMERIC.get(parameter, parameter)
        for name in _chosen(X, [c.name for c in found], getattr(columns, parameter), parameter):
            if name in roles:
                raise ValueError(
                    f"columns puts the column {name!r} in two roles, {roles[name]} and {role}: "
                    f"name it once."
                )
            roles[name] = role
    return roles


def _chosen(X: Any, names: list[Any], given: Any, parameter: str) -> list[Any]:
    """Return the names of the columns that a parameter of ``Columns`` selects."""
    if given is None:
        return []
    if callable(given):
        given = given(_for_selector(X))
    if isinstance(given, str) or (is_integer(given) and not isinstance(given, bool)):
        given = [given]
    if not isinstance(given, Iterable):
        raise ValueError(
            f"{parameter} of Columns must be names or positions of columns, a mask or a function, "
            f"got {given!r}."
        )
    listed = list(given)
    if listed and all(isinstance(item, bool | np.bool_) for item in listed):
        if len(listed) != len(names):
            raise ValueError(
                f"{parameter} of Columns is a mask of {len(listed)} columns, but X has "
                f"{len(names)}."
            )
        return [name for name, chosen in zip(names, listed, strict=True) if chosen]
    return [_named(item, names, parameter) for item in listed]


def _named(item: Any, names: list[Any], parameter: str) -> Any:
    if item in names:
        return item
    if is_integer(item) and -len(names) <= item < len(names):
        return names[item]
    raise ValueError(
        f"{parameter} of Columns names the column {item!r}, which X does not have; its columns are "
        f"{names[:9]}{'...' if len(names) > 9 else ''}."
    )


def _for_selector(X: Any) -> Any:
    """Return a frame of pandas with the first rows, which is what scikit-learn's selectors take."""
    if isinstance(X, pd.DataFrame | np.ndarray):
        return X
    import narwhals.stable.v2 as nw

    return nw.from_native(X, eager_only=True).head(100).to_pandas()


def _fitted(column: FrameColumn, role: str, columns: Columns, order: list | None) -> Column:
    """Return one column as the fit sees it."""
    common: dict[str, Any] = {"name": column.name, "dtype": column.dtype}
    if role in ("categorical", "ordinal"):
        return _with_levels(column, role, columns, order, common)
    values = column.numbers()
    n_rows = len(values.places if isinstance(values, Factor) else values)
    if role == "boolean":
        made: Column = Boolean(**common, n_rows=n_rows)
    else:
        cls = Count if role == "count" else Number
        made = cls(**common, n_rows=n_rows, whole=column.whole())
    if isinstance(values, Factor):
        _check_types(column, values.values)
        raise ValueError(
            f"column {column.name!r} is to be {made.role}, but holds text, such as "
            f"{values.values[0]!r}: convert it, or leave it out of columns=Columns(...)."
        )
    codes = made.codes(values)
    if isinstance(made, Number) and not np.isnan(codes).all():
        cls = type(made)
        return cls(
            **common,
            n_rows=n_rows,
            whole=made.whole,
            low=float(np.nanmin(codes)),
            high=float(np.nanmax(codes)),
            quantiles=_quantiles(codes),
        )
    return made


def _quantiles(codes: np.ndarray) -> tuple[float, ...]:
    """Return quantiles that are numbers of the fit, so that frequent ones stay frequent."""
    found = np.nanquantile(codes, np.linspace(0, 1, _N_QUANTILES), method="nearest")
    return tuple(float(value) for value in found)


def _with_levels(
    column: FrameColumn, role: str, columns: Columns, order: list | None, common: dict[str, Any]
) -> LevelColumn:
    factor = column.levels()
    counts = np.bincount(factor.places[factor.places >= 0], minlength=len(factor.values))
    _check_levels(column, factor, counts)
    common |= {
        "n_rows": len(factor.places),
        "categories": column.categories,
        "unknown": columns.unknown,
    }
    if role == "ordinal":
        return Ordinal(**common, levels=_in_order(column, factor, counts, order))
    seen = np.flatnonzero(counts)
    if column.categories is None:
        seen = np.array(sorted(seen, key=lambda i: factor.values[i]), dtype=int)
    rare = _rare(counts, seen, len(factor.places), columns)
    levels = tuple(factor.values[i] for i in seen if i not in rare)
    by_frequency = sorted(rare, key=lambda i: -counts[i])
    return Categorical(**common, levels=levels, rare=tuple(factor.values[i] for i in by_frequency))


def _check_types(column: FrameColumn, values: np.ndarray) -> None:
    """Refuse text and numbers in one column."""
    text = [value for value in values if isinstance(value, str)]
    other = [value for value in values if not isinstance(value, str)]
    if text and other:
        raise ValueError(
            f"column {column.name!r} holds text and other values, such as {text[0]!r} and "
            f"{other[0]!r}: make it one of them, for example with .astype(str)."
        )


def _check_levels(column: FrameColumn, factor: Factor, counts: np.ndarray) -> None:
    """Refuse levels of unlike types, and columns in which nearly every value is another one."""
    _check_types(column, factor.values[counts > 0])
    n_known, n_levels = int(counts.sum()), int((counts > 0).sum())
    if n_known >= _FEWEST_ROWS and n_levels > _MOST_LEVELS * n_known:
        raise ValueError(
            f"column {column.name!r} has {n_levels} different values in {n_known} rows, such as "
            f"{factor.values[int(np.argmax(counts > 0))]!r}: it says nothing of other rows. Drop "
            f"it, as you would an identifier, or turn it into a category or numbers first."
        )


def _rare(counts: np.ndarray, seen: np.ndarray, n_rows: int, columns: Columns) -> set[int]:
    """Return the levels that are one together, as in scikit-learn's ``OneHotEncoder``."""
    least = columns.min_frequency
    fewest: float = 0
    if least is not None:
        fewest = least if is_integer(least) else least * n_rows
    rare = {int(i) for i in seen if counts[i] < fewest}
    most = columns.max_categories
    n_levels = len(seen) - len(rare) + bool(rare)
    if most is not None and n_levels > most:
        kept = sorted((i for i in seen if i not in rare), key=lambda i: counts[i])
        rare |= {int(i) for i in kept[: len(kept) - most + 1]}
    return rare


def _in_order(column: FrameColumn, factor: Factor, counts: np.ndarray, order: list | None) -> tuple:
    """Return the levels of an ordinal column in order."""
    seen = [factor.values[i] for i in np.flatnonzero(counts)]
    if order is not None:
        unknown = [level for level in seen if level not in order]
        if unknown or len(set(order)) != len(order):
            raise ValueError(
                f"ordinal of Columns gives the levels {list(order)} of the column "
                f"{column.name!r}, which also holds {unknown[:5]}: give each level once."
            )
        return tuple(order)
    if column.categories is not None and column.has_order:
        return column.categories
    if any(isinstance(level, str) for level in seen):
        raise ValueError(
            f"column {column.name!r} is ordinal, but its dtype has no order: give it, "
            f"Columns(ordinal={{{column.name!r}: {sorted(seen)[:3]}...}}), in ascending order."
        )
    return tuple(sorted(seen))
