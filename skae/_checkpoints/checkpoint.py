"""The file that a fit writes at intervals, to resume from if it is killed."""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from skae._storage import FileFormatError, read_file, write_file
from skae._storage.nested import packed, unpacked

_CONTENT = "checkpoint"
# The pause between two writes is at least 30 times the duration of the last write, so that writing
# takes at most a thirtieth of the time. It is also at least this number of seconds.
_REST, _SHORTEST = 30.0, 1.0


class Checkpoint:
    """A file with the state of one fit.

    Parameters
    ----------
    path : str or path-like
        Path of the file.

    fingerprint : dict of str to str
        Description of the fit, which differs from that of any other fit.

    Attributes
    ----------
    found : dict or None
        The state that an earlier process wrote, or None without a file.

    Raises
    ------
    ValueError
        If the file cannot be written, belongs to another fit, or is not a checkpoint.
    """

    def __init__(self, path: str | os.PathLike, fingerprint: dict[str, str]):
        self.path, self.fingerprint = Path(path).absolute(), fingerprint
        self._check_folder()
        self.found = self._read()
        self._last, self._took, self._signature = time.perf_counter(), 0.0, self._present()

    def offer(self, state: Callable[[], dict]) -> None:
        """Write the state if the last write is long enough ago.

        Parameters
        ----------
        state : callable
            Returns the state, nested values that may include tensors.
        """
        if time.perf_counter() - self._last >= max(_SHORTEST, _REST * self._took):
            self._write(state())

    def remove(self) -> None:
        """Remove the file once the fit is complete."""
        if self._signature is not None and self._present() == self._signature:
            self.path.unlink()

    def _write(self, state: dict) -> None:
        if self._present() not in (None, self._signature):
            raise ValueError(
                f"Another fit also writes to checkpoint={str(self.path)!r}. Give each fit its "
                f"own path, and use checkpoint=None in a hyperparameter search."
            )
        begin = time.perf_counter()
        document, arrays = packed({"fit": self.fingerprint, "state": state})
        try:
            write_file(self.path, _CONTENT, document, arrays)
        except OSError as error:
            warnings.warn(
                f"The checkpoint cannot be written, and the fit continues without it: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
        self._signature = self._present()
        self._last = time.perf_counter()
        self._took = self._last - begin

    def _read(self) -> dict | None:
        if not self.path.exists():
            return None
        try:
            found = unpacked(*read_file(self.path, content=_CONTENT, most_bytes=2**63))
        except FileFormatError as error:
            raise FileFormatError(
                f"checkpoint={str(self.path)!r} exists, but no fit can resume from it. Delete it "
                f"to start from the beginning, or give another path. {error}"
            ) from error
        self._compare(found["fit"])
        return found["state"]

    def _compare(self, other: dict[str, str]) -> None:
        """Refuse the file of another fit."""
        names = [*self.fingerprint, *(name for name in other if name not in self.fingerprint)]
        differing = [
            f"{name} was {other.get(name, 'absent')} and is {self.fingerprint.get(name, 'absent')}"
            for name in names
            if other.get(name) != self.fingerprint.get(name)
        ]
        if differing:
            raise ValueError(
                f"checkpoint={str(self.path)!r} belongs to another fit: {'; '.join(differing)}. "
                f"Use the same arguments to resume that fit, delete the file to start from the "
                f"beginning, or give another path."
            )

    def _check_folder(self) -> None:
        """Refuse a path that cannot be written to, before the fit rather than during it."""
        try:
            if self.path.is_dir():
                raise IsADirectoryError("it is a folder.")
            with tempfile.TemporaryFile(dir=self.path.parent):
                pass
        except OSError as error:
            raise ValueError(
                f"checkpoint={str(self.path)!r} cannot be written to the folder "
                f"{str(self.path.parent)!r} ({error.strerror}). Give a path in an existing folder "
                f"with write permission."
            ) from error

    def _present(self) -> tuple[int, int] | None:
        """Return inode and modification time of the present file, or None if there is none."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns
