"""What stands around the coded numbers: a header that is checked, and a checksum."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np

_MAGIC = b"skae"
_VERSION = 1
# Magic, version, dtype, number of axes of a row, bytes of an escaped value, fingerprint, number of
# rows, number of escaped values.
_HEADER = struct.Struct("<4sBBBB8sQI")
_AXIS, _CHECKSUM, _WORD = struct.Struct("<I"), struct.Struct("<I"), np.dtype("<u4")
_MOST_AXES = 32
# Written by their place: new ones at the end.
DTYPES = tuple(
    np.dtype(name)
    for name in (
        *("float64", "float32", "float16", "bool"),
        *("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
    )
)
_ESCAPED = {width: np.dtype(f"<i{width}") for width in (1, 2, 4, 8)}


@dataclass(frozen=True)
class Contents:
    """What is written as bytes.

    Parameters
    ----------
    n_rows : int
        Number of rows.

    sample_shape : tuple of int
        Shape of a row.

    dtype : dtype
        That of the rows, one of ``DTYPES``.

    fingerprint : bytes
        Eight bytes that tell models apart.

    words : ndarray of shape (n_words,), dtype uint32
        What the range coder wrote.

    escaped : ndarray of shape (n_escaped,), dtype int64
        Values that stand for themselves.
    """

    n_rows: int
    sample_shape: tuple[int, ...]
    dtype: np.dtype
    fingerprint: bytes
    words: np.ndarray
    escaped: np.ndarray


def pack(contents: Contents) -> bytes:
    """Return the bytes: header, shape, escaped values, words, checksum of all that."""
    width = _width(contents.escaped)
    header = _HEADER.pack(
        _MAGIC,
        _VERSION,
        DTYPES.index(contents.dtype),
        len(contents.sample_shape),
        width,
        contents.fingerprint,
        contents.n_rows,
        len(contents.escaped),
    )
    body = header + b"".join(
        (
            *(_AXIS.pack(length) for length in contents.sample_shape),
            contents.escaped.astype(_ESCAPED[width]).tobytes(),
            contents.words.astype(_WORD).tobytes(),
        )
    )
    return body + _CHECKSUM.pack(zlib.crc32(body))


def unpack(data: bytes, fingerprint: bytes) -> Contents:
    """Return what :func:`pack` was given.

    Nothing is allocated but copies of parts of `data`.

    Parameters
    ----------
    data : bytes
        What came.

    fingerprint : bytes
        That of the model that is to decode it.

    Raises
    ------
    ValueError
        If they are not from skae, from a version that is not known, damaged, cut off, or from
        another model.
    """
    if data[: len(_MAGIC)] != _MAGIC[: len(data)] or not data:
        raise ValueError(
            f"data are no bytes of Compressor.compress: they begin with {bytes(data[:4])!r}, "
            f"expected {_MAGIC!r}."
        )
    if len(data) < _HEADER.size + _CHECKSUM.size:
        raise ValueError(
            f"The bytes are cut off: there are {len(data)}, fewer than the "
            f"{_HEADER.size + _CHECKSUM.size} of a header and a checksum."
        )
    _, version, *fields = _HEADER.unpack_from(data)
    if version != _VERSION:
        raise ValueError(
            f"The bytes say version {version} of their format, but this skae reads "
            f"{_VERSION}: they are damaged, or from another version of skae."
        )
    (checksum,) = _CHECKSUM.unpack_from(data, len(data) - _CHECKSUM.size)
    if zlib.crc32(data[: -_CHECKSUM.size]) != checksum:
        raise ValueError("The bytes are damaged or cut off: their checksum is another one.")
    if fields[3] != fingerprint:
        raise ValueError(
            f"The bytes were written by another model (fingerprint {fields[3].hex()}, this one "
            f"has {fingerprint.hex()}): decompress them with the Compressor that wrote them, or "
            f"with a copy of it."
        )
    return _parts(data, *fields)


def _parts(data, dtype, n_axes, width, fingerprint, n_rows, n_escaped) -> Contents:
    """Return the contents by the fields of the header, none of which is trusted."""
    if dtype >= len(DTYPES) or n_axes > _MOST_AXES or width not in _ESCAPED:
        raise ValueError(
            f"The bytes have a header that can not be: dtype {dtype}, {n_axes} axes, {width} "
            f"bytes for each escaped value."
        )
    escapes_at = _HEADER.size + n_axes * _AXIS.size
    words_at, end = escapes_at + n_escaped * width, len(data) - _CHECKSUM.size
    if words_at > end or (end - words_at) % _WORD.itemsize:
        raise ValueError(
            f"The bytes have a header that can not be: it speaks of {n_axes} axes and {n_escaped} "
            f"escaped values, but {end - _HEADER.size} bytes follow it."
        )
    shape = struct.unpack_from(f"<{n_axes}I", data, _HEADER.size)
    return Contents(
        n_rows,
        shape,
        DTYPES[dtype],
        fingerprint,
        np.frombuffer(data[words_at:end], dtype=_WORD).astype(np.uint32),
        np.frombuffer(data[escapes_at:words_at], dtype=_ESCAPED[width]).astype(np.int64),
    )


def check_claims(contents: Contents, n_features: int, least_bits: float) -> None:
    """Refuse claims about sizes that cannot be true, before anything of that size is allocated.

    Parameters
    ----------
    contents : Contents
        What came.

    n_features : int
        Numbers in a row.

    least_bits : float
        Bits that a row takes at least.

    Raises
    ------
    ValueError
        If the shape is not that of a row, or if so few words can not hold so many rows.
    """
    if math.prod(contents.sample_shape) != n_features:
        raise ValueError(
            f"The bytes have a header that can not be: rows of shape {contents.sample_shape}, "
            f"but this model has {n_features} features."
        )
    # The coder rounds probabilities, and may leave its last words out.
    bits = 8.1 * contents.words.nbytes + 64
    if not 0 < contents.n_rows <= bits / least_bits:
        raise ValueError(
            f"The bytes have a header that can not be: it speaks of {contents.n_rows} rows, which "
            f"{contents.words.nbytes} bytes of codes can not hold."
        )


def _width(values: np.ndarray) -> int:
    """Return the number of bytes that each of the values needs."""
    if not len(values):
        return min(_ESCAPED)
    low, high = values.min(), values.max()
    return min(w for w, t in _ESCAPED.items() if np.iinfo(t).min <= low <= high <= np.iinfo(t).max)
