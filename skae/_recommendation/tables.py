"""Tables that a recommender can learn little or nothing from."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skae._recommendation.names import labels_of_columns

# A long table has a user, an item, perhaps a rating, and perhaps a time.
_LONG_WIDTHS = (2, 3, 4)
# In fewer rows, and with no more different values, whole numbers may be ratings as well.
_FEWEST_ROWS, _MOST_GRADES, _MOST_REPEATED = 10, 5, 0.1


def refuse_long_table(X: Any) -> None:
    """Refuse a table with a row for each rating: (user, item), (user, item, rating) and so on.

    It is known by the names of its first two columns, or by their values: whole numbers or text,
    in different pairs, while the values of both repeat.
    """
    shape = getattr(X, "shape", None)
    if (
        sp.issparse(X)
        or not isinstance(shape, tuple)
        or len(shape) != 2
        or shape[1] not in _LONG_WIDTHS
    ):
        return
    if not isinstance(X, np.ndarray) and not hasattr(X, "columns"):
        return
    labels = labels_of_columns(X)
    names = [] if labels is None else [str(name) for name in labels]
    first = _first_columns(X)
    if not all(map(_is_identifier, first)) or not (_are_named(names) or _name_pairs(*first)):
        return
    user, item, *value = names or ["user", "item", "rating"]
    values = f", values={value[0]!r}" if value else ""
    raise ValueError(
        f"X looks like a long table with a row for each rating, of shape {shape}: its first two "
        f"columns name users and items. A recommender needs one row per user and one column per "
        f"item: give frame.pivot(index={user!r}, columns={item!r}{values}), or "
        f"scipy.sparse.csr_matrix((ratings, (users, items))) with positions of users and items."
    )


def _are_named(names: list[str]) -> bool:
    return any("user" in name.lower() for name in names[:2])


def _name_pairs(users: np.ndarray, items: np.ndarray) -> bool:
    """Return whether two columns hold different pairs of values that repeat."""
    pairs = pd.DataFrame({"user": users, "item": items})
    n_rows, n_values = len(pairs), [pairs[name].nunique() for name in pairs]
    many = n_rows >= _FEWEST_ROWS and max(n_values) > _MOST_GRADES
    return many and max(n_values) < n_rows and pairs.duplicated().mean() <= _MOST_REPEATED


def _first_columns(X: Any) -> list[np.ndarray]:
    if isinstance(X, np.ndarray):
        return [X[:, 0], X[:, 1]]
    if isinstance(X, pd.DataFrame):
        return [np.asarray(X.iloc[:, i]) for i in (0, 1)]
    if hasattr(X, "column"):  # a table of pyarrow, which may have two columns of one name
        return [np.asarray(X.column(i)) for i in (0, 1)]
    return [np.asarray(X[name]) for name in list(labels_of_columns(X))[:2]]


def _is_identifier(values: np.ndarray) -> bool:
    if values.dtype.kind in "fiu":
        return bool((np.isfinite(values) & (values >= 0) & (values == np.floor(values))).all())
    return all(isinstance(value, str) for value in values.tolist())


def warn_of_ratings(entries: sp.csr_matrix) -> None:
    """Warn of tables of ratings from which nothing can be learned, or in which nothing is unknown.

    Parameters
    ----------
    entries : csr_matrix of shape (n_users, n_items)
        The known ratings, at least one.
    """
    first = entries.data[0]
    if (entries.data == first).all():
        warnings.warn(
            f"All known ratings in X equal {first:g}, so every prediction does. For clicks, "
            f"purchases or plays, use feedback='implicit'.",
            UserWarning,
            stacklevel=2,
        )
    if entries.nnz == entries.shape[0] * entries.shape[1]:
        warnings.warn(
            "X has no unknown rating, so there is nothing to recommend. In dense tables NaN stands "
            "for an unknown rating, and 0 is a rating. If 0 means unknown, give a sparse matrix, "
            "or for clicks use feedback='implicit'.",
            UserWarning,
            stacklevel=2,
        )
