"""Lists of series with unequal numbers of steps, padded with missing values."""

from __future__ import annotations

from typing import Any

import numpy as np


def padded(X: Any, n_steps: int | None) -> Any:
    """Return a list of series as one array, with NaN after the end of each; anything else as it is.

    A series is an array of shape (n_steps,) or (n_steps, n_channels).

    Parameters
    ----------
    X : object
        The user's data.

    n_steps : int or None
        Number of steps to pad to, that of the series in `fit`; None for those of the longest one.

    Raises
    ------
    ValueError
        If a series is longer than `n_steps`.
    """
    if not isinstance(X, list | tuple) or not all(_is_series(series) for series in X):
        return X
    lengths = {len(series) for series in X}
    if len({series.shape[1:] for series in X}) != 1:
        return X
    # Rows of equal length are a table; a wrong number of columns is not to be padded.
    if len(lengths) == 1 and (n_steps is None or X[0].ndim == 1):
        return X
    if n_steps is not None and max(lengths) > n_steps:
        raise ValueError(
            f"X holds a series of {max(lengths)} steps, but the longest one in fit had {n_steps}: "
            f"cut it, or fit on series as long."
        )
    rows = np.full((len(X), n_steps or max(lengths), *X[0].shape[1:]), np.nan, _dtype(X))
    for row, series in zip(rows, X, strict=True):
        row[: len(series)] = series
    return rows


def _is_series(series: Any) -> bool:
    return isinstance(series, np.ndarray) and series.ndim in (1, 2) and series.dtype.kind in "fiub"


def _dtype(X: list | tuple) -> np.dtype:
    return np.result_type(np.float32 if _are_small(X) else np.float64, *X)


def _are_small(X: list | tuple) -> bool:
    return all(series.dtype.kind == "f" and series.dtype.itemsize <= 4 for series in X)
