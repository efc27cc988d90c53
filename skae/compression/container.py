"""Binary format of compressed rows: a validated header, the encoded data and a checksum."""

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
# The header stores the position in this tuple, so new dtypes belong at the end.
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
    """Contents of the compressed bytes.

    Parameters
    ----------
    n_rows : int
        Number of rows.

    sample_shape : tuple of int
        Shape of a row.

    dtype : dtype
        Dtype of the rows, one of ``DTYPES``.

    fingerprint : bytes
        Eight bytes that identify the model.

    words : ndarray of shape (n_words,), dtype uint32
        Output of the range coder.

    escaped : ndarray of shape (n_escaped,), dtype int64
        Values that are stored directly, without the range coder.
    """

    n_rows: int
    sample_shape: tuple[int, ...]
    dtype: np.dtype
    fingerprint: bytes
    words: np.ndarray
    escaped: np.ndarray


def pack(contents: Contents) -> bytes:
    """Return the bytes: header, shape, escaped values, words, and a checksum of all of them."""
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
    """Return the contents from which :func:`pack` made the bytes.

    It allocates only copies of parts of `data`.

    Parameters
    ----------
    data : bytes
        The bytes to read.

    fingerprint : bytes
        Fingerprint of the model that is to decode them.

    Raises
    ------
    ValueError
        If the bytes are not from skae, from an unknown version, damaged, cut off, or from
        another model.
    """
    if data[: len(_MAGIC)] != _MAGIC[: len(data)] or not data:
        raise ValueError(
            f"data must be bytes of Compressor.compress, which begin with {_MAGIC!r}, but they "
            f"begin with {bytes(data[:4])!r}."
        )
    if len(data) < _HEADER.size + _CHECKSUM.size:
        raise ValueError(
            f"The bytes are cut off: there are {len(data)} bytes, but the header and the checksum "
            f"alone take {_HEADER.size + _CHECKSUM.size}."
        )
    _, version, *fields = _HEADER.unpack_from(data)
    if version != _VERSION:
        raise ValueError(
            f"The bytes have format version {version}, but this version of skae reads version "
            f"{_VERSION}: they are damaged, or from another version of skae."
        )
    (checksum,) = _CHECKSUM.unpack_from(data, len(data) - _CHECKSUM.size)
    if zlib.crc32(data[: -_CHECKSUM.size]) != checksum:
        raise ValueError("The bytes are damaged or cut off: their checksum does not match.")
    if fields[3] != fingerprint:
        raise ValueError(
            f"The bytes were written by another model (fingerprint {fields[3].hex()}, this one "
            f"has {fingerprint.hex()}): decompress them with the Compressor that wrote them, or "
            f"with a copy of it."
        )
    return _parts(data, *fields)


def _parts(
    data: bytes,
    dtype: int,
    n_axes: int,
    width: int,
    fingerprint: bytes,
    n_rows: int,
    n_escaped: int,
) -> Contents:
    """Return the contents that the fields of the header describe; no field is trusted."""
    if dtype >= len(DTYPES) or n_axes > _MOST_AXES or width not in _ESCAPED:
        raise ValueError(
            f"The bytes have an invalid header: dtype {dtype}, {n_axes} axes, {width} bytes for "
            f"each escaped value."
        )
    escapes_at = _HEADER.size + n_axes * _AXIS.size
    words_at, end = escapes_at + n_escaped * width, len(data) - _CHECKSUM.size
    if words_at > end or (end - words_at) % _WORD.itemsize:
        raise ValueError(
            f"The bytes have an invalid header: it declares {n_axes} axes and {n_escaped} escaped "
            f"values, but {end - _HEADER.size} bytes follow it."
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
    """Raise an error if the declared sizes are impossible, before memory is allocated for them.

    Parameters
    ----------
    contents : Contents
        Contents of the bytes.

    n_features : int
        Number of values in a row.

    least_bits : float
        Smallest number of bits of a row.

    Raises
    ------
    ValueError
        If the shape is not that of a row, or if there are too few words for that many rows.
    """
    if math.prod(contents.sample_shape) != n_features:
        raise ValueError(
            f"The bytes have an invalid header: rows of shape {contents.sample_shape}, but this "
            f"model has {n_features} features."
        )
    # The coder rounds probabilities, and may omit its last words.
    bits = 8.1 * contents.words.nbytes + 64
    if not 0 < contents.n_rows <= bits / least_bits:
        raise ValueError(
            f"The bytes have an invalid header: it declares {contents.n_rows} rows, which do not "
            f"fit into {contents.words.nbytes} bytes of codes."
        )


def _width(values: np.ndarray) -> int:
    """Return the number of bytes that each of the values needs."""
    if not len(values):
        return min(_ESCAPED)
    low, high = values.min(), values.max()
    return min(w for w, t in _ESCAPED.items() if np.iinfo(t).min <= low <= high <= np.iinfo(t).max)
