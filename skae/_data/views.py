"""Lazy views of the rows of matrices, and read-ahead of memory maps."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import DTypeLike

from skae._data.matrix import Matrix

# Rows of a memory map that are at most so many bytes apart are read together with the gap.
_CLOSE = 2**17


class ChosenRows:
    """A lazy view of some rows of a matrix.

    Parameters
    ----------
    X : ndarray or similar object of shape (n_samples, n_features)
        All rows.

    index : ndarray of shape (n_chosen,)
        Indices of the rows in order.
    """

    def __init__(self, X: Matrix, index: np.ndarray):
        self.shape, self.dtype = (len(index), X.shape[1]), X.dtype
        # Half the memory, which matters with millions of rows.
        self._X, self._index = X, index.astype(np.int32 if X.shape[0] < 2**31 else np.int64)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Any:
        return self._X[self._index[rows]]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        # For the user's callbacks, which receive the training rows.
        return np.asarray(self[:], dtype=dtype)

    @property
    def bytes_in_memory(self) -> int:
        """Memory of the values of the rows."""
        return bytes_in_memory(self._X) * len(self) // max(1, self._X.shape[0])


class Converted:
    """A lazy view of the rows of a matrix, transformed by a function.

    Parameters
    ----------
    X : ndarray or similar object of shape (n_samples, n_features)
        Rows.

    function : callable
        Function from some of the rows to a new array with as many rows.
    """

    def __init__(self, X: Matrix, function: Callable):
        self._X, self._function = X, function
        like = self[:1]
        self.shape, self.dtype = (X.shape[0], like.shape[1]), like.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        return self._function(self._X[rows])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype=dtype)

    @property
    def bytes_in_memory(self) -> int:
        """Memory of the values of the original rows."""
        return bytes_in_memory(self._X)


def rows_at(X: Matrix, index: np.ndarray) -> Matrix:
    """Return some rows of a matrix: a view, or a copy of a sparse matrix, which is small."""
    return X[index] if sp.issparse(X) else ChosenRows(X, index)


def bytes_in_memory(X: Any) -> int:
    """Return the memory of the values of a matrix, 0 if they are on disk."""
    known = getattr(X, "bytes_in_memory", None)
    if known is not None:
        return known
    return 0 if is_on_disk(X) else X.data.nbytes  # the values only, for CSR


def is_on_disk(X: Matrix) -> bool:
    """Return whether an array is a memory map, or a view of one."""
    return _memory_map(X) is not None


@contextmanager
def in_any_order(X: Matrix) -> Iterator[None]:
    """Tell the operating system that rows of a memory map are read in random order.

    Otherwise, it would read ahead many megabytes for each row, and fill the memory with rows that
    are not needed.
    """
    found = _memory_map(_array_of(X))
    if found is None or not hasattr(found, "madvise"):
        yield
        return
    found.madvise(mmap.MADV_RANDOM)
    try:
        yield
    finally:
        found.madvise(mmap.MADV_NORMAL)


def announce(X: Any, index: np.ndarray) -> None:
    """Tell the operating system which rows of a memory map are read next.

    Parameters
    ----------
    X : ndarray or view
        All rows.

    index : ndarray of shape (n_chosen,)
        Indices of the rows that are read next, in ascending order.
    """
    found = _memory_map(_array_of(X))
    if found is None or not hasattr(found, "madvise"):
        return
    while isinstance(X, ChosenRows | Converted):
        index = X._index[index] if isinstance(X, ChosenRows) else index
        X = X._X
    if X.strides[0] <= 0:
        return
    offset = X.__array_interface__["data"][0] - np.frombuffer(found, np.uint8).ctypes.data
    first = offset + index.astype(np.int64) * X.strides[0]
    far = np.flatnonzero(np.diff(first) > _CLOSE) + 1
    for run in np.split(first, far):
        begin = run[0] // mmap.PAGESIZE * mmap.PAGESIZE
        found.madvise(mmap.MADV_WILLNEED, int(begin), int(run[-1] + X.strides[0] - begin))


def _array_of(X: Matrix) -> Matrix:
    """Return the array that a view is based on."""
    while isinstance(X, ChosenRows | Converted):
        X = X._X
    return X


def _memory_map(X: object) -> mmap.mmap | None:
    while isinstance(X, np.ndarray):  # a copy of a memory map is of that class as well
        X = X.base
    return X if isinstance(X, mmap.mmap) else None
