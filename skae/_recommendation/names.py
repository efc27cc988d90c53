"""Names of users and items: the labels of a data frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skae._utils.naming import naming


def names_of(X: Any) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the names of users and items, the labels of the rows and columns of a data frame.

    Returns
    -------
    users, items : ndarray or None
        Strings or integers. None if there are no labels, if they count from zero, if some are
        equal, or of another type: then users or items are known by their positions.
    """
    users = X.index if isinstance(X, pd.DataFrame) else None
    return _names(users), _names(labels_of_columns(X))


def labels_of_columns(X: Any) -> Any:
    """Return the labels of the columns of a frame of any library; None for an array."""
    if not hasattr(type(X), "shape"):  # a lazy frame, which computes its names
        return None
    # The `columns` of a table of pyarrow are their values.
    is_arrow = type(X).__module__.startswith("pyarrow")
    return getattr(X, "column_names" if is_arrow else "columns", None)


def _names(labels: Any) -> np.ndarray | None:
    if labels is None:
        return None
    names = np.asarray(labels)
    if names.ndim == 1 and names.dtype.kind in "iu":
        names = names.astype(np.int64)
        usual = np.array_equal(names, np.arange(len(names)))
    else:
        names = np.asarray(labels, dtype=object)
        usual = names.ndim != 1 or not all(type(name) is str for name in names)
    return None if usual or len(set(names.tolist())) < len(names) else names


def check_names(names: np.ndarray | None, known: np.ndarray | None) -> None:
    """Refuse a frame whose items are not those of the fit, in the same order."""
    if names is None or known is None or np.array_equal(names, known):
        return
    new = [name for name in names.tolist() if name not in set(known.tolist())]
    what = f"{new[0]!r} is new" if new else "some are missing or in another order"
    raise ValueError(
        f"The columns of X must be the items of fit, in the same order, but {what}: give "
        f"X.reindex(columns=...) with the columns of the table of fit."
    )


def positions(wanted: ArrayLike, names: np.ndarray | None, length: int, what: str) -> np.ndarray:
    """Return the positions of users or items in the table of the fit.

    Parameters
    ----------
    wanted : array-like of shape (n,)
        Names or positions. Integers are names if the names are integers.

    names : ndarray of shape (length,) or None
        The names, if there are any.

    length : int
        Number of users or items.

    what : {"users", "items"}
        Name of the argument, for the messages.

    Raises
    ------
    ValueError
        If they are not all known.
    """
    with naming(what):
        wanted = np.atleast_1d(np.asarray(wanted))
    if names is not None and (wanted.dtype.kind in "OUS" or names.dtype.kind == "i"):
        return _named(wanted, names, what)
    if wanted.ndim != 1 or (wanted.size and wanted.dtype.kind not in "iu"):
        hint = "" if names is not None else _WITHOUT_NAMES.format(what)
        raise ValueError(
            f"{what} must be integers in one dimension, got dtype {wanted.dtype} and shape "
            f"{wanted.shape}.{hint}"
        )
    outside = wanted[(wanted < 0) | (wanted >= length)]
    if len(outside):
        raise ValueError(f"{what} must be in 0 ... {length - 1}, got {outside[0]}.")
    return wanted.astype(np.int64)


_WITHOUT_NAMES = " The table of fit had no names of {}, so they are known by their positions."


def _named(wanted: np.ndarray, names: np.ndarray, what: str) -> np.ndarray:
    if wanted.ndim != 1:
        raise ValueError(f"{what} must have one dimension, got shape {wanted.shape}.")
    found = pd.Index(names).get_indexer(pd.Index(wanted))
    if (found < 0).any():
        raise ValueError(
            f"{what} must be labels of the table of fit, such as {names[:1].tolist()[0]!r}, got "
            f"{wanted[found < 0][:1].tolist()[0]!r}."
        )
    return found.astype(np.int64)


def named_items(items: np.ndarray, names: np.ndarray | None) -> np.ndarray:
    """Return names in place of positions, and None in place of -1; positions without names."""
    if names is None:
        return items
    padded = np.array([*names.tolist(), None], dtype=object)
    return padded[items]
