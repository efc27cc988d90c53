"""Sources of batches of rows, and the validation of their batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from skae._data.containers import check_finite, from_tensor
from skae._data.matrix import MatrixLike
from skae._data.real_numbers import real_numbers

# Bytes that are read at once from an array on disk, and entries of a block of rows.
_READ_BYTES, _BLOCK_ENTRIES = 2**25, 2**21
# The number of rows of a block is a multiple of this, the batch size of inference.
_ROWS_OF_A_BLOCK = 512
_IN_MEMORY = np.ndarray | list | tuple | str | bytes | torch.Tensor


def is_source(X: MatrixLike) -> bool:
    """Return whether `X` is a source of batches.

    Sources are arrays in chunks (zarr, h5py, dask), objects with ``to_batches`` or ``iter_batches``
    (pyarrow), iterators, iterables that cannot be indexed (a ``DataLoader``), and functions that
    return one of these or a list of batches. Arrays, lists, tuples, data frames and tensors are not
    sources, since they are in memory already.
    """
    if isinstance(X, _IN_MEMORY) or sp.issparse(X):
        return False
    return _has_chunks(X) or _reader(X) is not None or _is_iterable(X) or _is_function(X)


@dataclass(frozen=True)
class Batch:
    """A validated batch of rows.

    ``values`` has shape (n_rows, n_features); ``sample_shape`` is the shape of a sample in the
    source; ``names`` are the names of the features, or None.
    """

    values: np.ndarray
    sample_shape: tuple[int, ...]
    names: np.ndarray | None

    def array(self, values: np.ndarray) -> Any:
        """Return values in the form of the source: a data frame, or samples with their shape."""
        if self.names is not None:
            return pd.DataFrame(values, columns=self.names, copy=False)
        return values.reshape(len(values), *self.sample_shape)


def checked_batches(X: Any) -> Iterator[Batch]:
    """Yield the validated batches of a source, without empty ones.

    Each batch must be a matrix, or an array of samples with several axes, of real numbers that are
    finite or NaN. All batches must have the same features.

    Raises
    ------
    ValueError
        If a batch is invalid, or if there are no rows.
    """
    first = None
    for number, raw in enumerate(_batches(X)):
        try:
            batch = _checked(raw)
            first = first or batch
            _check_alike(batch, first)
        except (TypeError, ValueError) as error:
            raise ValueError(f"Batch {number} of X (counted from 0): {error}") from error
        if len(batch.values):
            yield batch
        elif first is batch:
            first = None  # the features of an empty batch may be unknown
    if first is None:
        raise ValueError(
            f"X, a {type(X).__name__}, returned no rows. "
            + (
                "An iterator can be read only once: give a function that returns a new iterator."
                if isinstance(X, Iterator)
                else "Give batches of at least one row."
            )
        )


def blocks(X: Any) -> Iterator:
    """Yield the rows of a source as blocks of nearly equal size, independent of its batches.

    The number of rows of all but the last block is a multiple of the batch size of inference, so
    that each row has the same position in a batch as if all rows were in one array. If batches have
    feature names, blocks are data frames.
    """
    waiting, n_waiting = [], 0
    for batch in checked_batches(X):
        n_rows = _rows_of_a_block(batch.values.shape[1])
        n_waiting += len(batch.values)
        if n_waiting < n_rows:
            waiting.append(batch.values.copy())  # the source may reuse its memory
            continue
        rows = np.concatenate([*waiting, batch.values]) if waiting else batch.values
        n_whole = n_waiting // n_rows * n_rows
        for start in range(0, n_whole, n_rows):
            yield batch.array(rows[start : start + n_rows])
        waiting, n_waiting = [rows[n_whole:].copy()], n_waiting - n_whole
    if n_waiting:
        yield batch.array(np.concatenate(waiting))


def _rows_of_a_block(n_features: int) -> int:
    n_batches = _BLOCK_ENTRIES // (max(1, n_features) * _ROWS_OF_A_BLOCK)
    return max(1, n_batches) * _ROWS_OF_A_BLOCK


def joined(results: Iterable) -> Any:
    """Concatenate the results of blocks: arrays, sparse matrices, data frames, or tuples."""
    results = list(results)
    first = results[0]
    if isinstance(first, tuple):
        return tuple(joined(parts) for parts in zip(*results, strict=True))
    if isinstance(first, pd.DataFrame):
        return pd.concat(results, ignore_index=True)
    return sp.vstack(results, format="csr") if sp.issparse(first) else np.concatenate(results)


def _has_chunks(X: Any) -> bool:
    return hasattr(X, "chunks") and hasattr(X, "shape") and hasattr(X, "dtype")


def _reader(X: Any) -> Callable[[], Iterable[Any]] | None:
    """Return the method of a table reader that returns its batches, or None."""
    return getattr(X, "to_batches", None) or getattr(X, "iter_batches", None)


def _is_iterable(X: Any) -> bool:
    array_like = hasattr(X, "__array__") or hasattr(X, "__getitem__")
    return hasattr(X, "__iter__") and not array_like


def _is_function(X: Any) -> bool:
    return callable(X) and not hasattr(X, "__array__") and not hasattr(X, "shape")


def _batches(X: Any) -> Iterator:
    """Yield the batches of a source without validation."""
    if _has_chunks(X):
        return _slices(X)
    reader = _reader(X)
    if reader is not None:
        return iter(reader())
    if _is_iterable(X):
        return iter(X)
    try:
        returned = X()
    except TypeError as error:
        raise TypeError(f"X is a function that cannot be called as X(): {error}") from error
    if isinstance(returned, list | tuple):
        return iter(returned)
    if is_source(returned) and not _is_function(returned):
        return _batches(returned)
    raise ValueError(
        f"X is a function, and must return an iterable of batches, or be a generator that yields "
        f"them, but returned an object {_named(returned)}."
    )


def _slices(X: Any) -> Iterator[np.ndarray]:
    """Yield the rows of an array on disk, whole chunks at a time."""
    if hasattr(X, "numblocks"):  # dask, whose chunks may have an unknown number of rows
        yield from (np.asarray(X.blocks[i]) for i in range(X.numblocks[0]))
        return
    if len(X.shape) < 2:
        raise ValueError(f"X must be a matrix of rows, got an array of shape {X.shape}.")
    row_bytes = max(1, int(np.prod(X.shape[1:]))) * X.dtype.itemsize
    in_chunk = X.chunks[0] if X.chunks else 1
    step = max(1, _READ_BYTES // (row_bytes * in_chunk)) * in_chunk
    for start in range(0, X.shape[0], step):
        yield np.asarray(X[start : start + step])


def _checked(raw: Any) -> Batch:
    """Return a validated batch."""
    if type(raw).__module__.startswith("pyarrow"):
        raw = raw.to_pandas()
    if isinstance(raw, torch.Tensor):
        raw = from_tensor(raw)
    if sp.issparse(raw):
        raise ValueError(
            "it is a sparse matrix, which would take far more space as dense rows on disk. Give "
            "all rows as one matrix: scipy.sparse.vstack(batches)."
        )
    if len(getattr(raw, "shape", ())) < 2:
        raise ValueError(
            f"it is {_named(raw)}, but must be a matrix of rows: an array of shape (n_rows, "
            f"n_features) or (n_rows, ...), a data frame, a tensor or a RecordBatch, without y or "
            f"weights."
        )
    raw = real_numbers(raw)
    reader = BaseEstimator()  # receives the feature names
    values = validate_data(
        reader, raw, dtype="numeric", ensure_all_finite=False, ensure_min_samples=0, allow_nd=True
    )
    shape = values.shape[1:]
    values = values.reshape(len(values), int(np.prod(shape)))
    check_finite(values, missing_allowed=True)
    return Batch(values, shape, getattr(reader, "feature_names_in_", None))


def _check_alike(batch: Batch, first: Batch) -> None:
    """Refuse a batch with other features than the first batch."""
    if batch.sample_shape != first.sample_shape:
        raise ValueError(
            f"its samples have shape {batch.sample_shape}, those of the first batch "
            f"{first.sample_shape}."
        )
    if not np.array_equal(np.asarray(batch.names), np.asarray(first.names)):
        raise ValueError(
            f"its columns are {_names(batch, first)}, those of the first batch "
            f"{_names(first, batch)}."
        )


def _named(value: object) -> str:
    shape = getattr(value, "shape", None)
    of_shape = "" if shape is None else f" of shape {tuple(shape)}"
    return f"of type {type(value).__name__}{of_shape}"


def _names(batch: Batch, other: Batch) -> str:
    """Return the first few feature names of a batch that differ from those of another."""
    if batch.names is None:
        return "without names"
    unlike = batch.names if other.names is None else batch.names[batch.names != other.names]
    return ", ".join(map(str, unlike[:5])) + (", ..." if len(unlike) > 5 else "")
