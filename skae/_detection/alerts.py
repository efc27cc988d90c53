"""Alerts: outliers with their leading features, the values of these, and what was expected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from skae._detection.ensemble import Ensemble
from skae.columns import LevelColumn, TableColumns

# How often a replaced value is reconstructed. Each time it moves towards what the other features
# suggest; after so many times it hardly moves any more.
_N_STEPS = 32
# Entries of rows that are reconstructed at once.
_MOST_ENTRIES = 2**22


def leading_features(contributions: np.ndarray, n_features: int) -> np.ndarray:
    """Return the features with the largest contributions to each row, the largest first.

    Parameters
    ----------
    contributions : ndarray of shape (n_rows, n_features)
        Contributions to the anomaly score.

    n_features : int
        Number of features to return; all of them if there are fewer.

    Returns
    -------
    ndarray of shape (n_rows, n_leading), dtype int
    """
    return np.argsort(-contributions, axis=1, kind="stable")[:, :n_features]


def expected_values(
    reconstruct: Callable[[np.ndarray], np.ndarray],
    rows: np.ndarray,
    features: np.ndarray,
    start: np.ndarray,
) -> np.ndarray:
    """Return the value that each feature would be expected to have, given the other features.

    The reconstruction of a row is no such value, since the network sees the value itself, and
    keeps most of an extreme one. So the value is replaced by its mean, then by its own
    reconstruction, again and again, while the other features stay as they are. Where it comes to
    rest, it agrees with them. The leading features of a row are replaced one at a time.

    Parameters
    ----------
    reconstruct : callable
        Returns the reconstructions of rows.

    rows : ndarray of shape (n_rows, n_features)
        Rows, float64.

    features : ndarray of shape (n_rows, n_leading)
        Features of each row.

    start : ndarray of shape (n_features,)
        Mean of each feature.

    Returns
    -------
    ndarray of shape (n_rows, n_leading), dtype float64
    """
    expected = np.empty(features.shape)
    step = max(1, _MOST_ENTRIES // max(1, rows.shape[1] * features.shape[1]))
    for first in range(0, len(rows), step):
        block = slice(first, first + step)
        expected[block] = _at_rest(reconstruct, rows[block], features[block], start)
    return expected


def _at_rest(
    reconstruct: Callable[[np.ndarray], np.ndarray],
    rows: np.ndarray,
    features: np.ndarray,
    start: np.ndarray,
) -> np.ndarray:
    one_each = np.repeat(rows, features.shape[1], axis=0)
    entries = np.arange(len(one_each)), features.ravel()
    one_each[entries] = start[entries[1]]
    for _ in range(_N_STEPS):
        one_each[entries] = reconstruct(one_each)[entries]
    return one_each[entries].reshape(features.shape)


@dataclass(frozen=True)
class Leading:
    """The leading features of rows.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_leading), dtype int
        The features.

    values : ndarray of shape (n_rows, n_leading)
        Their values.

    expected : ndarray of shape (n_rows, n_leading)
        The values that would agree with the other features.
    """

    features: np.ndarray
    values: np.ndarray
    expected: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, ensemble: Ensemble, device: str, n_features: int) -> Leading:
        """Return at most so many leading features of each row."""
        if not len(rows):
            nothing = np.empty((0, min(n_features, rows.shape[1])))
            return cls(nothing.astype(int), nothing, nothing)
        features = leading_features(ensemble.contributions(rows, device), n_features)
        start = ensemble.members[0].network.scaling.centre.astype(np.float64)
        reconstruct = partial(ensemble.reconstruct, device=device)
        expected = expected_values(reconstruct, rows, features, start)
        return cls(features, np.take_along_axis(rows, features, axis=1), expected)

    @classmethod
    def of_table(
        cls,
        table: TableColumns,
        rows: np.ndarray,
        ensemble: Ensemble,
        device: str,
        n_columns: int,
    ) -> Leading:
        """Return at most so many leading columns of each row of a table, with values as objects."""
        if not len(rows):
            nothing = np.empty((0, min(n_columns, table.n_columns)))
            return cls(nothing.astype(int), nothing, nothing)
        contributions = ensemble.contributions(rows, device, table.column_of_feature)
        columns = leading_features(contributions, n_columns)
        start = ensemble.members[0].network.scaling.centre.astype(np.float64)
        expected = np.empty(columns.shape, dtype=object)
        for place in range(columns.shape[1]):
            replaced = table.column_of_feature == columns[:, place, None]
            others = np.where(replaced, start, rows)
            for _ in range(_N_STEPS):
                others = np.where(replaced, ensemble.reconstruct(others, device), rows)
            expected[:, place] = _values_of(table, others, columns[:, place])
        values = np.empty(columns.shape, dtype=object)
        for place in range(columns.shape[1]):
            values[:, place] = _values_of(table, rows, columns[:, place])
        return cls(columns, values, expected)


def _values_of(table: TableColumns, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the value of one column of each row: a level, a boolean or a number."""
    found = np.empty(len(rows), dtype=object)
    for j in np.unique(columns):
        own, column = columns == j, table.columns[j]
        features = rows[own, table.spans[j]]
        codes = column.decode(features)
        values = column.values(codes).astype(object)
        if column.role == "boolean":
            values = np.array([bool(code) for code in codes], dtype=object)
        if isinstance(column, LevelColumn):  # the last feature marks levels that fit did not see
            values[features[:, -1] > 0.5] = "unknown"
        values[np.isnan(features).any(axis=1)] = None
        found[own] = values
    return found


def alert_frame(
    scores: np.ndarray, p_values: np.ndarray, leading: Leading, names: Sequence, index: pd.Index
) -> pd.DataFrame:
    """Return one row for each alert, the highest score first.

    Parameters
    ----------
    scores, p_values : ndarray of shape (n_rows,)
        Anomaly score and p-value of each row.

    leading : Leading
        The leading features of each row.

    names : sequence of length n_features
        Names of the features.

    index : Index of length n_rows
        Index of the rows.
    """
    columns: dict[str, object] = {"anomaly_score": scores, "p_value": p_values}
    of_names = np.empty(len(names), dtype=object)
    of_names[:] = list(names)
    for place in range(leading.features.shape[1]):
        columns[f"feature_{place + 1}"] = of_names[leading.features[:, place]]
        columns[f"value_{place + 1}"] = leading.values[:, place]
        columns[f"expected_{place + 1}"] = leading.expected[:, place]
    frame = pd.DataFrame(columns, index=index)
    return frame.iloc[np.argsort(-scores, kind="stable")]
