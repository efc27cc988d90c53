"""Lists of series with unequal numbers of steps, padded with missing values."""

from __future__ import annotations

from typing import Any

import numpy as np


def padded(X: Any, shape: tuple[int, ...] | None, *, missing_allowed: bool) -> Any:
    """Return a list of series as one array, with NaN after the end of the shorter ones.

    A series is an array of shape (n_steps,) or (n_steps, n_channels). Any other `X` is returned as
    it is, and so are series that need no padding.

    Parameters
    ----------
    X : object
        The user's data.

    shape : tuple of int or None
        Shape of a sample in `fit`, to which series are padded; None in `fit` itself, where they are
        padded to the longest one.

    missing_allowed : bool
        Whether the estimator takes missing values, so that series of equal length are padded, too.

    Raises
    ------
    ValueError
        If a series is longer than those in `fit`.
    """
    if not isinstance(X, list | tuple) or not X or not all(map(_is_series, X)):
        return X
    lengths, rest = {len(series) for series in X}, X[0].shape[1:]
    if {series.shape[1:] for series in X} != {rest}:
        return X
    if shape is not None and (len(shape) != X[0].ndim or lengths == {shape[0]}):
        return X
    # One-dimensional arrays of equal length are the rows of a table: too few columns are an error.
    if len(lengths) == 1 and (shape is None or not rest or not missing_allowed):
        return X
    n_steps = max(lengths) if shape is None else shape[0]
    if max(lengths) > n_steps:
        raise ValueError(
            f"X holds a series of {max(lengths)} steps, but the longest one in fit had {n_steps}: "
            f"cut it, or fit on series of this length."
        )
    rows = np.full((len(X), n_steps, *rest), np.nan, np.result_type(np.float16, *X))
    for row, series in zip(rows, X, strict=True):
        row[: len(series)] = series
    return rows


def _is_series(series: Any) -> bool:
    return isinstance(series, np.ndarray) and series.ndim in (1, 2) and series.dtype.kind in "fiub"
