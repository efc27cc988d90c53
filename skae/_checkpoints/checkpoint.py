"""The file that a fit writes every so often, to go on from if it is killed."""

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
# Writing waits until so many times what the last write took have passed, and so many seconds: it
# takes a thirtieth of the time at most.
_REST, _SHORTEST = 30.0, 1.0


class Checkpoint:
    """A file with the state of one fit.

    Parameters
    ----------
    path : str or path-like
        Where it is.

    fingerprint : dict of str to str
        What tells this fit apart from others.

    Attributes
    ----------
    found : dict or None
        The state that an earlier process wrote.

    Raises
    ------
    ValueError
        If the file can not be written, is of another fit, or is no checkpoint.
    """

    def __init__(self, path: str | os.PathLike, fingerprint: dict[str, str]):
        self.path, self.fingerprint = Path(path).absolute(), fingerprint
        self._check_folder()
        self.found = self._read()
        self._last, self._took, self._signature = time.perf_counter(), 0.0, self._present()

    def offer(self, state: Callable[[], dict]) -> None:
        """Write the state, where it is time again.

        Parameters
        ----------
        state : callable
            Returns the state, nested values with tensors among them.
        """
        if time.perf_counter() - self._last >= max(_SHORTEST, _REST * self._took):
            self._write(state())

    def remove(self) -> None:
        """Remove the file: the fit is done."""
        if self._signature is not None and self._present() == self._signature:
            self.path.unlink()

    def _write(self, state: dict) -> None:
        if self._present() not in (None, self._signature):
            raise ValueError(
                f"Another fit writes to checkpoint={str(self.path)!r} as well: give each fit a "
                f"path of its own, and none to fits of a search."
            )
        begin = time.perf_counter()
        document, arrays = packed({"fit": self.fingerprint, "state": state})
        try:
            write_file(self.path, _CONTENT, document, arrays)
        except OSError as error:
            warnings.warn(
                f"The checkpoint can not be written, and the fit goes on without: {error}",
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
                f"checkpoint={str(self.path)!r} is there, but no fit can go on from it: delete it "
                f"to begin anew, or give another path. {error}"
            ) from error
        self._compare(found["fit"])
        return found["state"]

    def _compare(self, other: dict[str, str]) -> None:
        """Refuse the file of another fit."""
        names = [*self.fingerprint, *(name for name in other if name not in self.fingerprint)]
        differing = [
            f"{name} was {other.get(name, 'not there')} and is {self.fingerprint.get(name, 'gone')}"
            for name in names
            if other.get(name) != self.fingerprint.get(name)
        ]
        if differing:
            raise ValueError(
                f"checkpoint={str(self.path)!r} is of another fit: {'; '.join(differing)}. Fit "
                f"with the same arguments to go on with that one, delete the file to begin anew, "
                f"or give another path."
            )

    def _check_folder(self) -> None:
        """Refuse a path that can not be written to, now and not after an hour."""
        try:
            if self.path.is_dir():
                raise IsADirectoryError("it is a folder.")
            with tempfile.TemporaryFile(dir=self.path.parent):
                pass
        except OSError as error:
            raise ValueError(
                f"checkpoint={str(self.path)!r} can not be written: {error} Give a path in a "
                f"folder that is there and can be written to."
            ) from error

    def _present(self) -> tuple[int, int] | None:
        """Return what tells the file that is there from others, None where there is none."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns
