"""Writing a file so that there is always a whole one: the old or the new."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Give a file to write to, which takes the place of `path` when all is written.

    It stands in the same folder as ``.skae-<16 digits>.tmp`` meanwhile. On an error it is
    removed; a process that is killed leaves it there.

    Parameters
    ----------
    path : str or path-like
        Where the file is to be. A symbolic link is followed.

    Yields
    ------
    file
        Open for writing bytes.

    Raises
    ------
    OSError
        If it can not be written, or if there is something else than a file.
    """
    target = Path(os.path.realpath(os.fspath(path)))
    mode = _mode_of(target)
    temporary = target.with_name(f".skae-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            if mode is not None:
                os.chmod(temporary, mode)
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def _mode_of(target: Path) -> int | None:
    """Return the permissions of the file that is there already, which stay as they are."""
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{str(target)!r} is there already and is no file: give another path.")
    return stat.S_IMODE(status.st_mode)


def _sync_folder(folder: Path) -> None:
    """Wait until the new name of the file is on the disk, where a folder can be synced."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
