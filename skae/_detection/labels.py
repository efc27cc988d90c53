"""Labels of a detector: known anomalies, known normal rows, and rows without a label."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skae._data.matrix import Matrix
from skae._utils.naming import naming

# What a value of y may be that marks rows.
Mark = int | float | str | bool | None
# Values of y that a message shows.
_MOST_SHOWN = 5


@dataclass(frozen=True)
class LabelMeaning:
    """Which values of y mark rows.

    Parameters
    ----------
    anomaly : int, float, str, bool or None
        The value of known anomalies; None means that none are known.

    normal : int, float, str, bool or None
        The value of known normal rows; None means that none are known.

    Raises
    ------
    ValueError
        If both are the same value, or if one is NaN.
    """

    anomaly: Mark
    normal: Mark

    def __post_init__(self) -> None:
        if self.anomaly is not None and self.anomaly == self.normal:
            raise ValueError(
                f"anomaly_label and normal_label must differ, got {self.anomaly!r} for both."
            )
        for name, mark in (("anomaly_label", self.anomaly), ("normal_label", self.normal)):
            if isinstance(mark, float) and np.isnan(mark):
                raise ValueError(
                    f"{name} must not be NaN, which stands for rows without a label: give a "
                    f"number, a string, or None to ignore y."
                )

    @property
    def ignores(self) -> bool:
        """Whether y is ignored."""
        return self.anomaly is None and self.normal is None


@naming("y")
def labels_of(
    y: ArrayLike | None, X: Matrix, meaning: LabelMeaning, *, warns: bool = True
) -> np.ndarray:
    """Return the label of each row: -1 anomaly, 1 normal, 0 unknown, of dtype int8.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or None
        The user's labels. Values that mark nothing, NaN and None included, are of unknown rows.

    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Rows.

    meaning : LabelMeaning
        Which values mark rows. If there is none, `y` is not even looked at.

    warns : bool, default=True
        Whether to warn if no row is marked.

    Warns
    -----
    UserWarning
        If `y` holds none of the values that mark rows.

    Raises
    ------
    ValueError
        If there is not one label for each row.
    """
    labels = np.zeros(X.shape[0], dtype=np.int8)
    if y is None or meaning.ignores:
        return labels
    given: np.ndarray = column_or_1d(y)
    check_consistent_length(X, given)
    for value, mark in ((1, meaning.normal), (-1, meaning.anomaly)):
        if mark is not None:
            labels[_equal(given, mark)] = value
    if warns and not labels.any():
        _warn_of_no_label(given, meaning)
    return labels


def check_normal_rows(labels: np.ndarray) -> None:
    """Refuse labels that leave fewer than two rows to learn from.

    Raises
    ------
    ValueError
        If fewer than two rows are not labelled as anomalies.
    """
    n_anomalies = int((labels == -1).sum())
    if len(labels) - n_anomalies < 2:
        raise ValueError(
            f"y labels {n_anomalies} of {len(labels)} rows as anomalies, but at least two rows "
            f"must be normal or unknown."
        )


def _equal(given: np.ndarray, mark: Mark) -> np.ndarray:
    """Return a mask of the values that equal a number or a string; missing values equal none."""
    values = pd.Series(given, copy=False)
    return np.asarray((values == mark).fillna(False), dtype=bool)


def _warn_of_no_label(given: np.ndarray, meaning: LabelMeaning) -> None:
    marks = {"anomaly_label": meaning.anomaly, "normal_label": meaning.normal}
    named = " and ".join(f"{name}={m!r}" for name, m in marks.items() if m is not None)
    found = list(pd.unique(pd.Series(given))[: _MOST_SHOWN + 1])
    shown = ", ".join(repr(getattr(v, "item", lambda v=v: v)()) for v in found[:_MOST_SHOWN])
    more = ", ..." if len(found) > _MOST_SHOWN else ""
    warnings.warn(
        f"y marks no row, so that it has no effect: {named} does not occur in it. Its values are "
        f"{shown}{more}.",
        UserWarning,
        stacklevel=2,
    )
