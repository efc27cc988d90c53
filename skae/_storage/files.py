"""Files that hold a document and arrays.

A file is a zip of two entries that are not compressed: ``meta.json`` with the document and the
checksums, and ``tensors.safetensors`` with the arrays.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from io import BufferedReader

import numpy as np

from skae._storage import archive, document, tensors
from skae._storage.archive import Entry
from skae._storage.atomic import atomic_file
from skae._storage.error import FileFormatError

MOST_BYTES = 2**36
_FORMAT, _VERSION = "skae", 1
_META, _TENSORS = b"meta.json", b"tensors.safetensors"
# The JSON ends with the checksum of all bytes before it.
_CHECKSUM = b',"sha256":"'
_TAIL = len(_CHECKSUM) + 64 + len(b'"}')
# Memory that a file may take beyond its size, for values whose JSON is shorter than they are.
_SMALL = 2**24
_BLOCK = 2**20


def write_file(
    path: str | os.PathLike, content: str, document: dict, arrays: dict[str, np.ndarray]
) -> None:
    """Write a file that replaces `path` when it is complete.

    Parameters
    ----------
    path : str or path-like
        Path of the file. Until it is complete it is ``.skae-<16 digits>.tmp`` in the same folder.

    content : str
        Sort of file, such as "model".

    document : dict
        Nested lists and dictionaries of str, bool, int, float and None; keys are strings that do
        not begin with ``$``.

    arrays : dict of str to ndarray
        Arrays of booleans, integers or floats.

    Raises
    ------
    TypeError, ValueError
        If the document or the arrays hold another type.
    OSError
        If the file cannot be written.
    """
    chunks = tensors.chunks(arrays)
    digest, crc, size = hashlib.sha256(), 0, 0
    for chunk in chunks:
        data = tensors.as_bytes(chunk)
        digest.update(data)
        crc, size = zlib.crc32(data, crc), size + len(data)
    meta = _meta(content, document, digest.hexdigest())
    entries = [Entry(_META, zlib.crc32(meta), len(meta)), Entry(_TENSORS, crc, size)]
    with atomic_file(path) as file:
        file.write(entries[0].header + meta + entries[1].header)
        for chunk in chunks:
            file.write(tensors.as_bytes(chunk))
        file.write(archive.ending(entries))


def read_file(
    path: str | os.PathLike, *, content: str, most_bytes: int = MOST_BYTES
) -> tuple[dict, dict[str, np.ndarray]]:
    """Return the document and the arrays of a file.

    Sizes are checked before anything of that size is made, and checksums before anything is
    returned. The arrays are views of one buffer; memory is that of the file and 16 MiB.

    Parameters
    ----------
    path : str or path-like
        Path of the file.

    content : str
        Expected sort of file, such as "model".

    most_bytes : int
        A larger file is refused.

    Returns
    -------
    document : dict
        As it was written, with lists for tuples.

    arrays : dict of str to ndarray
        As they were written.

    Raises
    ------
    FileFormatError
        If skae did not write it, if it is damaged, or if it is of a later version.
    OSError
        If it cannot be opened.
    """
    with open(path, "rb") as file:
        size = _checked_size(file, most_bytes)
        source = _Source(file, size)
        first = source.entry(_META)
        found = _read_meta(source.take(first.size).tobytes(), content, size + _SMALL)
        source.check(first)
        second = source.entry(_TENSORS)
        arrays = tensors.read_arrays(second.size, source.take, size + _SMALL)
        source.check(second)
        if source.digest.hexdigest() != found["tensors"]:
            raise FileFormatError("The file is damaged: the checksum of its arrays differs.")
        source.check_end([first, second])
    return found["document"], arrays


def _meta(content: str, held: dict, tensors_digest: str) -> bytes:
    # All versions begin with these two fields, so that older ones can report the version of a file.
    head = {"format": _FORMAT, "version": _VERSION}
    rest = {"content": content, "tensors": tensors_digest, "document": held}
    body = document.dumps(head)[:-1] + b"," + document.dumps(rest)[1:-1]
    return body + _CHECKSUM + hashlib.sha256(body).hexdigest().encode() + b'"}'


def _read_meta(data: bytes, content: str, most_memory: int) -> dict:
    body, tail = data[:-_TAIL], data[-_TAIL:]
    if tail != _CHECKSUM + hashlib.sha256(body).hexdigest().encode() + b'"}':
        raise FileFormatError("The file is damaged: the checksum of its JSON differs.")
    found = document.loads(data, most_memory)
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise FileFormatError("The file is not from skae: its JSON does not say so.")
    version = found.get("version")
    if type(version) is not int or version < 1:
        raise FileFormatError("The file's JSON does not say which version of the format it has.")
    if version > _VERSION:
        raise FileFormatError(
            f"The file was written by a later version of skae: it has format {version}, and this "
            f"skae reads up to {_VERSION}. Update skae to read it."
        )
    if set(found) != {"format", "version", "content", "tensors", "document", "sha256"}:
        raise FileFormatError("The file's JSON has other fields than those of its format.")
    if found["content"] != content:
        raise FileFormatError(
            f"The file must hold a {content}, got {str(found['content'])[:99]!r}."
        )
    if not isinstance(found["document"], dict):
        raise FileFormatError("The file's JSON holds no document.")
    return found


def _checked_size(file: BufferedReader, most_bytes: int) -> int:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise FileFormatError(f"{file.name!r} is not a regular file.")
    if status.st_size > most_bytes:
        raise FileFormatError(
            f"The file has {status.st_size} bytes, more than most_bytes={most_bytes}: give "
            f"most_bytes={status.st_size} if it is yours."
        )
    return status.st_size


class _Source:
    """The bytes of a file in order, with the checksums of the current entry.

    Parameters
    ----------
    file : file
        File that is open for reading bytes.

    size : int
        Its size.
    """

    def __init__(self, file: BufferedReader, size: int):
        self._file, self._left = file, size
        self.digest, self.crc = hashlib.sha256(), 0

    def entry(self, name: bytes) -> Entry:
        """Return the next entry, and begin its checksums."""
        header = self._file.read(archive.header_length(name))
        if name == _META and header[:4] != archive.SIGNATURE:
            raise FileFormatError(
                f"The file is not from skae: it is not a zip, but begins with {header[:9]!r}."
            )
        entry = archive.entry_of(header, name)
        self._left -= len(header)
        self.digest, self.crc = hashlib.sha256(), 0
        if entry.size > self._left:
            raise FileFormatError(
                f"The file is cut off: {name.decode()!r} has {entry.size} bytes, of which "
                f"{self._left} are there."
            )
        return entry

    def take(self, n_bytes: int) -> np.ndarray:
        """Return the next bytes of an entry as an array."""
        taken = np.empty(n_bytes, np.uint8)
        for start in range(0, n_bytes, _BLOCK):
            block = taken[start : start + _BLOCK].data
            if self._file.readinto(block) != len(block):
                raise FileFormatError("The file is cut off.")
            self.digest.update(block)
            self.crc = zlib.crc32(block, self.crc)
        self._left -= n_bytes
        return taken

    def check(self, entry: Entry) -> None:
        """Refuse an entry whose checksum is not that of its header."""
        if self.crc != entry.crc:
            raise FileFormatError(
                f"The file is damaged: the checksum of {entry.name.decode()!r} differs."
            )

    def check_end(self, entries: list[Entry]) -> None:
        """Refuse any other end than that of a zip of these entries."""
        expected = archive.ending(entries)
        if self._left != len(expected) or self._file.read(len(expected)) != expected:
            raise FileFormatError(
                "The file is damaged, cut off, or continues after its end: its last entry "
                "is not followed by the end of a zip of these two."
            )
