"""A document and arrays as one file.

The file is a zip of two members that are not compressed: ``meta.json`` with the document and the
checksums, and ``tensors.safetensors`` with the arrays.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from typing import BinaryIO

import numpy as np

from skae._storage import archive, document, tensors
from skae._storage.archive import Member
from skae._storage.atomic import atomic_file
from skae._storage.error import FileFormatError

MOST_BYTES = 2**36
_FORMAT, _VERSION = "skae", 1
_META, _TENSORS = b"meta.json", b"tensors.safetensors"
# The checksum of all that stands before it closes the JSON.
_CHECKSUM = b',"sha256":"'
_TAIL = len(_CHECKSUM) + 64 + len(b'"}')
# Memory that a file may take beyond its size, for values whose JSON is shorter than they are.
_SMALL = 2**24
_BLOCK = 2**20


def write_file(
    path: str | os.PathLike, content: str, document: dict, arrays: dict[str, np.ndarray]
) -> None:
    """Write a file; whatever happens meanwhile, `path` is the old one or the new one.

    Parameters
    ----------
    path : str or path-like
        Where to. While it is written there is ``.skae-<16 digits>.tmp`` in the same folder.

    content : str
        What the file holds, such as "model".

    document : dict
        Of str, bool, int, float, None, and lists and dictionaries of them; keys are strings
        that do not begin with ``$``.

    arrays : dict of str to ndarray
        Of booleans, integers and floats.

    Raises
    ------
    TypeError, ValueError
        If the document or the arrays hold something else.
    OSError
        If the file can not be written.
    """
    chunks = tensors.chunks(arrays)
    digest, crc, size = hashlib.sha256(), 0, 0
    for chunk in chunks:
        data = tensors.as_bytes(chunk)
        digest.update(data)
        crc, size = zlib.crc32(data, crc), size + len(data)
    meta = _meta(content, document, digest.hexdigest())
    members = [Member(_META, zlib.crc32(meta), len(meta)), Member(_TENSORS, crc, size)]
    with atomic_file(path) as file:
        file.write(members[0].header + meta + members[1].header)
        for chunk in chunks:
            file.write(tensors.as_bytes(chunk))
        file.write(archive.ending(members))


def read_file(
    path: str | os.PathLike, *, content: str, most_bytes: int = MOST_BYTES
) -> tuple[dict, dict[str, np.ndarray]]:
    """Return the document and the arrays of a file.

    Sizes are checked before anything of that size is made, and checksums before anything is
    returned. The arrays are views of one buffer; memory is that of the file and 16 MiB.

    Parameters
    ----------
    path : str or path-like
        Where from.

    content : str
        What the file must hold, such as "model".

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
        If it is not a file that skae wrote, is damaged, or is of a later version.
    OSError
        If it can not be opened.
    """
    with open(path, "rb") as file:
        size = _checked_size(file, most_bytes)
        source = _Source(file, size)
        first = source.member(_META)
        found = _read_meta(source.take(first.size).tobytes(), content, size + _SMALL)
        source.check(first)
        second = source.member(_TENSORS)
        arrays = tensors.read_arrays(second.size, source.take, size + _SMALL)
        source.check(second)
        if source.digest.hexdigest() != found["tensors"]:
            raise FileFormatError("The file is damaged: the checksum of its arrays is another one.")
        source.check_end([first, second])
    return found["document"], arrays


def _meta(content: str, held: dict, tensors_digest: str) -> bytes:
    # Every later version keeps these two first members, so that each can say what it is.
    head = {"format": _FORMAT, "version": _VERSION}
    rest = {"content": content, "tensors": tensors_digest, "document": held}
    body = document.dumps(head)[:-1] + b"," + document.dumps(rest)[1:-1]
    return body + _CHECKSUM + hashlib.sha256(body).hexdigest().encode() + b'"}'


def _read_meta(data: bytes, content: str, most_memory: int) -> dict:
    body, tail = data[:-_TAIL], data[-_TAIL:]
    if tail != _CHECKSUM + hashlib.sha256(body).hexdigest().encode() + b'"}':
        raise FileFormatError("The file is damaged: the checksum of its JSON is another one.")
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
        raise FileFormatError(f"The file holds no {content} but {str(found['content'])[:99]!r}.")
    if not isinstance(found["document"], dict):
        raise FileFormatError("The file's JSON holds no document.")
    return found


def _checked_size(file: BinaryIO, most_bytes: int) -> int:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise FileFormatError(f"{file.name!r} is no regular file.")
    if status.st_size > most_bytes:
        raise FileFormatError(
            f"The file has {status.st_size} bytes, more than the {most_bytes} that are read: "
            f"give most_bytes={status.st_size} if it is yours."
        )
    return status.st_size


class _Source:
    """The bytes of a file one after the other, with the checksums of a member.

    Parameters
    ----------
    file : file
        Open for reading bytes.

    size : int
        Its size.
    """

    def __init__(self, file: BinaryIO, size: int):
        self._file, self._left = file, size
        self.digest, self.crc = hashlib.sha256(), 0

    def member(self, name: bytes) -> Member:
        """Return the member that comes next, and begin its checksums."""
        header = self._file.read(archive.header_length(name))
        if name == _META and header[:4] != archive.SIGNATURE:
            raise FileFormatError(
                f"The file is not from skae: it is no zip, but begins with {header[:9]!r}."
            )
        member = archive.member_of(header, name)
        self._left -= len(header)
        self.digest, self.crc = hashlib.sha256(), 0
        if member.size > self._left:
            raise FileFormatError(
                f"The file is cut off: {name.decode()!r} has {member.size} bytes, of which "
                f"{self._left} are there."
            )
        return member

    def take(self, n_bytes: int) -> np.ndarray:
        """Return the next bytes of a member as an array."""
        taken = np.empty(n_bytes, np.uint8)
        for start in range(0, n_bytes, _BLOCK):
            block = taken[start : start + _BLOCK].data
            if self._file.readinto(block) != len(block):
                raise FileFormatError("The file is cut off.")
            self.digest.update(block)
            self.crc = zlib.crc32(block, self.crc)
        self._left -= n_bytes
        return taken

    def check(self, member: Member) -> None:
        """Refuse a member that is not the one its header speaks of."""
        if self.crc != member.crc:
            raise FileFormatError(
                f"The file is damaged: the checksum of {member.name.decode()!r} is another one."
            )

    def check_end(self, members: list[Member]) -> None:
        """Refuse any other end than that of a zip of these members."""
        expected = archive.ending(members)
        if self._left != len(expected) or self._file.read(len(expected)) != expected:
            raise FileFormatError(
                "The file is damaged, cut off, or goes on after its end: what follows its last "
                "member is not the end of a zip of these two."
            )
