"""Matrices whose rows are read where they are asked for, and not before."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import DTypeLike

from skae._data.matrix import Matrix

# Rows of a memory map that are so many bytes apart, or fewer, are read with what is between them.
_CLOSE = 2**17


class ChosenRows:
    """Some rows of a matrix.

    Parameters
    ----------
    X : ndarray or object of the same use, of shape (n_samples, n_features)
        All rows.

    index : ndarray of shape (n_chosen,)
        Which of them, in which order.
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
        # For callbacks of the user, who are shown what is trained on.
        return np.asarray(self[:], dtype=dtype)

    @property
    def bytes_in_memory(self) -> int:
        """What their numbers take in memory."""
        return bytes_in_memory(self._X) * len(self) // max(1, self._X.shape[0])


class Converted:
    """The rows of a matrix as a function makes them.

    Parameters
    ----------
    X : ndarray or object of the same use, of shape (n_samples, n_features)
        Rows.

    function : callable
        From some of these rows to as many others, in a new array.
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
        """What the numbers that they are made of take in memory."""
        return bytes_in_memory(self._X)


def rows_at(X: Matrix, index: np.ndarray) -> Matrix:
    """Return some rows of a matrix; those of a sparse one, which is small, as a matrix."""
    return X[index] if sp.issparse(X) else ChosenRows(X, index)


def bytes_in_memory(X: Any) -> int:
    """Return what the numbers of a matrix take in memory: nothing, where they are on disk."""
    known = getattr(X, "bytes_in_memory", None)
    if known is not None:
        return known
    return 0 if is_on_disk(X) else X.data.nbytes  # of CSR, those of its values


def is_on_disk(X: Matrix) -> bool:
    """Return whether an array is a memory map, or a view of one."""
    return _memory_map(X) is not None


@contextmanager
def in_any_order(X: Matrix) -> Iterator[None]:
    """Tell the system that rows are read from anywhere, not one after the other.

    It would otherwise read ahead of each of them, up to many megabytes, and memory would hold what
    nobody asks for.
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
    """Let the system read rows of a memory map at once that lie close together.

    Parameters
    ----------
    X : ndarray or view
        All rows.

    index : ndarray of shape (n_chosen,)
        Which of them are asked for next, in ascending order.
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
    """Return what views are views of."""
    while isinstance(X, ChosenRows | Converted):
        X = X._X
    return X


def _memory_map(X: object) -> mmap.mmap | None:
    while isinstance(X, np.ndarray):  # a copy of a memory map is of that class as well
        X = X.base
    return X if isinstance(X, mmap.mmap) else None
