"""Spooling of the rows of a source to a temporary file, read as a memory map."""

from __future__ import annotations

import contextlib
import errno
import tempfile
from typing import IO, Any, Self

import numpy as np

from skae._data.blocks import dense_blocks
from skae._data.matrix import MatrixLike
from skae._data.sources import Batch, checked_batches, is_source


def at_hand(X: MatrixLike) -> Any:
    """Return rows that can be read several times; those of a source from a temporary file."""
    return spooled(X) if is_source(X) else X


def spooled(X: MatrixLike) -> Any:
    """Return all rows of a source, like ``np.concatenate`` of its batches, but on disk.

    The file has no name, so it cannot be left behind: the system deletes it with the last reference
    to the rows, or at the end of the process.

    Parameters
    ----------
    X : source
        See :func:`is_source`.

    Returns
    -------
    {memmap, data frame} of shape (n_samples, n_features) or (n_samples, ...)
        A data frame if batches have feature names; its values are a memory map as well.

    Raises
    ------
    ValueError
        If a batch is invalid, or if there are no rows.

    OSError
        If there is not enough disk space.
    """
    with _RowsOnDisk() as rows:
        for batch in checked_batches(X):
            rows.append(batch)
        return rows.all()


class _RowsOnDisk:
    """An unnamed temporary file to which rows are appended."""

    def __init__(self) -> None:
        self._file, self._n_rows = _new_file(), 0
        self._dtype: np.dtype | None = None
        self._kind: Batch | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(OSError):  # flushing may fail again
            self._file.close()  # memory maps have their own handle

    def append(self, batch: Batch) -> None:
        """Append rows; the dtype of all rows becomes the common type of old and new rows."""
        self._kind = self._kind or batch
        wide = np.result_type(batch.values.dtype, self._dtype or batch.values.dtype)
        if self._n_rows and wide != self._dtype:
            narrow = self._map()
            self._file.close()
            self._file = _new_file()
            self._write(narrow, wide)
        self._write(batch.values, wide)
        self._dtype, self._n_rows = wide, self._n_rows + len(batch.values)

    def all(self) -> Any:
        """Return all rows that were appended."""
        assert self._kind is not None  # checked_batches gives one or raises
        return self._kind.array(self._map())

    def _map(self) -> np.memmap:
        assert self._kind is not None  # append came before
        assert self._dtype is not None
        shape = (self._n_rows, self._kind.values.shape[1])
        return np.memmap(self._file, dtype=self._dtype, mode="r", shape=shape)

    def _write(self, values: np.ndarray, dtype: np.dtype) -> None:
        try:
            for _, block in dense_blocks(values):
                self._file.write(np.ascontiguousarray(block, dtype=dtype).data)
            self._file.flush()
        except OSError as error:
            raise _explained(error, self._n_rows) from error


def _new_file() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="skae-")


def _explained(error: OSError, n_rows: int) -> OSError:
    """Return an error that says what was written, where, and what to do."""
    return OSError(
        error.errno or errno.EIO,
        f"The rows of X could not be written to a temporary file in {tempfile.gettempdir()} "
        f"({error.strerror}, after {n_rows} rows). They are read several times, and take as much "
        f"disk space as an array of them. Set the environment variable TMPDIR to a folder with "
        f"more space",
    )
