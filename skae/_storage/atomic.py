"""Atomic writes: there is always a whole file, the old one or the new one."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Yield a temporary file, which replaces `path` when all of it is written.

    Its name is ``.skae-<16 digits>.tmp``, in the same folder. On an error it is removed; a process
    that is killed leaves it there.

    Parameters
    ----------
    path : str or path-like
        Path of the file. A symbolic link is followed.

    Yields
    ------
    file
        Open for writing bytes.

    Raises
    ------
    OSError
        If it cannot be written, or if `path` is a folder or another thing than a file.
    """
    target = Path(os.path.realpath(os.fspath(path)))
    _check_folder(target.parent)
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
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename == str(temporary):
            raise type(error)(error.errno, error.strerror, str(target)) from error
        raise
    _sync_folder(target.parent)


def _check_folder(folder: Path) -> None:
    """Refuse a folder that does not exist, by its name.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If it does not exist, or is a file.
    """
    if not folder.exists():
        raise FileNotFoundError(errno.ENOENT, "This folder does not exist, make it", str(folder))
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "This is a file, not a folder", str(folder))


def _mode_of(target: Path) -> int | None:
    """Return the permissions of an existing file, which the new one keeps."""
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{str(target)!r} exists and is not a regular file: give another path.")
    return stat.S_IMODE(status.st_mode)


def _sync_folder(folder: Path) -> None:
    """Wait until the new name of the file is on the disk, on systems that sync folders."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
