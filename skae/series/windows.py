"""Sliding windows of long series, as views that estimators take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import DTypeLike

from skae._data.containers import as_matrix_like
from skae._data.real_numbers import real_numbers
from skae._utils.checks import check_size
from skae._utils.naming import naming


@dataclass(frozen=True, eq=False, repr=False)
class Windows:
    """Windows of one or several series, the return value of :func:`sliding_windows`.

    Estimators take it as `X`, and ``numpy.asarray`` gives the array: a view for one series, and the
    views of several series one after the other, which is a copy. ``windows[rows]`` is an array with
    some of the windows.

    Attributes
    ----------
    views : tuple of ndarray, each of shape (n_windows, length) or (n_windows, length, n_channels)
        The windows of each series. They cannot be written to, and share the memory of the series,
        or of a single copy of its points if it is a data frame.

    step : int
        Points between the starts of two adjacent windows.

    n_points : int or tuple of int
        Number of points of the series, or of each if there are several.

    channels : tuple or None
        Names of the channels if the series are data frames.
    """

    views: tuple[np.ndarray, ...]
    step: int
    n_points: int | tuple[int, ...]
    channels: tuple[Any, ...] | None = None

    @property
    def length(self) -> int:
        """Number of points of a window."""
        return int(self.views[0].shape[1])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array: (n_windows, length) or (n_windows, length, n_channels)."""
        return (len(self), *self.views[0].shape[1:])

    @property
    def ndim(self) -> int:
        """Number of axes of the array."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype:
        """Type of the numbers."""
        return np.result_type(*self.views)

    @property
    def series(self) -> np.ndarray:
        """Position of the series of each window, of shape (n_windows,)."""
        return np.repeat(np.arange(len(self.views)), [len(view) for view in self.views])

    @property
    def start(self) -> np.ndarray:
        """Position of the first point of each window in its series, of shape (n_windows,)."""
        return np.concatenate([self.step * np.arange(len(view)) for view in self.views])

    def __len__(self) -> int:
        return sum(len(view) for view in self.views)

    def __getitem__(self, rows: Any) -> np.ndarray:
        if len(self.views) == 1 or isinstance(rows, tuple):
            return np.asarray(self)[rows]
        # Only these windows are copied.
        chosen = np.arange(len(self))[rows]
        found = np.empty((*chosen.shape, *self.shape[1:]), self.dtype)
        first = 0
        for view in self.views:
            of_view = (chosen >= first) & (chosen < first + len(view))
            found[of_view] = view[chosen[of_view] - first]
            first += len(view)
        return found

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        if len(self.views) > 1 and copy is False:
            raise ValueError("Windows of several series are no view: use copy=None.")
        if len(self.views) > 1:
            return np.concatenate(self.views).astype(dtype or self.dtype, copy=False)
        array = self.views[0].astype(dtype or self.dtype, copy=bool(copy))
        if copy is False and not np.may_share_memory(array, self.views[0]):
            raise ValueError(f"Windows of {self.dtype} are no view as {dtype}: use copy=None.")
        return array

    def __repr__(self) -> str:
        n = len(self.views)
        return f"<Windows of {n} series: shape={self.shape}, step={self.step}>"


def sliding_windows(series: Any, length: int, step: int = 1) -> Windows:
    """Return the windows of one or several series, without a copy.

    The windows of a series start at its points 0, `step`, 2 `step` and so on, as long as they fit.
    No window is padded and none reaches from one series into the next one. If ``n_points - length``
    is no multiple of `step`, the last points of a series are in no window.

    Parameters
    ----------
    series : array-like of shape (n_points,) or (n_points, n_channels), or list of arrays or frames
        One series, or a list of several, which may have different numbers of points. NaN stands for
        missing values. A data frame has one column for each channel.

    length : int
        Number of points of a window.

    step : int, default=1
        Points between the starts of two adjacent windows.

    Returns
    -------
    windows : Windows
        The windows, in the order of the series and of their starts. Estimators take it as `X`.
        ``windows.series`` and ``windows.start`` say which series each is of, and where it starts.

    Raises
    ------
    ValueError
        If a series is shorter than a window, has other axes than points and channels, holds
        something else than numbers, or has other channels than the first one.

    See Also
    --------
    point_scores : A score for each point.
    block_groups : Groups of windows that share no point, for the calibration of a detector.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.series import sliding_windows
    >>> windows = sliding_windows([np.arange(7), np.arange(10, 15)], length=4, step=2)
    >>> np.asarray(windows)
    array([[ 0,  1,  2,  3],
           [ 2,  3,  4,  5],
           [10, 11, 12, 13]])
    >>> windows.series, windows.start
    (array([0, 0, 1]), array([0, 2, 0]))
    """
    length, step = check_size(length, "length"), check_size(step, "step")
    several = _are_several(series)
    names = [f"series[{i}]" for i in range(len(series))] if several else ["series"]
    if not names:
        raise ValueError("series must hold one or more series, got an empty list.")
    given = list(series) if several else [series]
    arrays = [_numbers(one, name) for one, name in zip(given, names, strict=True)]
    channels = _channels(given, names)
    for array, name in zip(arrays, names, strict=True):
        _check(array, name, length, arrays[0].shape[1:])
    n_points = tuple(map(len, arrays))
    views = tuple(_views(array, length, step) for array in arrays)
    return Windows(views, step, n_points if several else n_points[0], channels)


def _are_several(series: Any) -> bool:
    """Return whether this is a list of series; a list of numbers or of rows is one series."""
    if not isinstance(series, list | tuple):
        return False
    return not series or any(len(getattr(one, "shape", ())) > 0 for one in series)


def _numbers(series: Any, name: str) -> np.ndarray:
    if sp.issparse(series):
        raise TypeError(f"{name} must be dense, got a sparse matrix: give {name}.toarray().")
    if isinstance(series, pd.Series):
        return _numbers(series.to_frame(), name)[:, 0]
    with naming(name):
        array = np.asarray(real_numbers(as_matrix_like(series)))
        # Frames with missing values in columns of integers become arrays of objects.
        array = np.asarray(real_numbers(array)) if array.dtype == object else array
    # Frames hold column after column. With point after point, the rows that estimators make of
    # windows are views as well.
    return np.ascontiguousarray(array) if hasattr(series, "columns") else array


def _channels(given: Sequence[Any], names: Sequence[str]) -> tuple[Any, ...] | None:
    """Return the names of the channels, which all frames must have in the same order."""
    columns = [tuple(one.columns) if hasattr(one, "columns") else None for one in given]
    for name, of_one in zip(names, columns, strict=True):
        if of_one != columns[0]:
            raise ValueError(
                f"All series must have the same channels in the same order, but {name} has "
                f"{_listed(of_one)}, and {names[0]} has {_listed(columns[0])}."
            )
    return columns[0]


def _listed(columns: tuple[Any, ...] | None) -> str:
    return "no names" if columns is None else f"the columns {list(columns)}"


def _check(array: np.ndarray, name: str, length: int, n_channels: tuple[int, ...]) -> None:
    """Refuse a series of other axes or channels than the first one, and one without a window."""
    if array.ndim not in (1, 2) or array.shape[1:] == (0,):
        raise ValueError(
            f"{name} must have the shape (n_points,) or (n_points, n_channels), got {array.shape}. "
            f"Give several series as a list of arrays."
        )
    if array.shape[1:] != n_channels:
        raise ValueError(
            f"All series must have the same channels, but {name} has the shape {array.shape}, and "
            f"series[0] {('n_points', *n_channels)}.".replace("'", "")
        )
    if len(array) < length:
        raise ValueError(
            f"length={length} is more than the {len(array)} points of {name}: choose a shorter "
            f"window, or leave out such short series."
        )


def _views(array: np.ndarray, length: int, step: int) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(array, length, axis=0)[::step]
    return windows if array.ndim == 1 else windows.swapaxes(1, 2)
