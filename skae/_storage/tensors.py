"""Arrays in the format of safetensors: a JSON header with names, types and places, then bytes.

See https://huggingface.co/docs/safetensors for the format. Its library is used in tests only, for
three reasons:

- Memory. Arrays are views of one buffer here, and are written without a copy. For a model of
  200 MB (191 MiB), loading takes 191 MiB of memory and saving none; ``safetensors.numpy.load``,
  ``deserialize`` and ``safe_open`` take 382 MiB, and ``safetensors.numpy.save`` 381 MiB.
- Place. ``safe_open`` reads whole files only, and the arrays are an entry of a zip whose checksum
  is computed while it is read.
- Strictness. The library accepts names that come twice, booleans other than 0 and 1, arrays at odd
  places and shapes such as (0, 2**62), all of which are refused here.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from skae._storage import document
from skae._storage.error import FileFormatError

_LENGTH = struct.Struct("<Q")
_METADATA = "__metadata__"
_TYPES: dict[str, np.dtype] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}
_MOST_AXES = 32
_MOST_LENGTH = 2**48
# Headers are padded, so that arrays begin at multiples of the sizes of their items.
_ALIGNMENT = 8


def chunks(arrays: dict[str, np.ndarray]) -> list:
    """Return a header and the arrays, in the order in which they are written.

    Raises
    ------
    TypeError
        If a name is not a string, or the format has no such dtype.
    """
    little = {name: _little_endian(name, array) for name, array in arrays.items()}
    # In descending order of the sizes of items, which all begin at multiples of their items then.
    ordered = sorted(little.items(), key=lambda pair: (-pair[1].dtype.itemsize, pair[0]))
    header, place = {}, 0
    for name, array in ordered:
        header[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [place, place + array.nbytes],
        }
        place += array.nbytes
    text = document.dumps(header)
    text += b" " * (-len(text) % _ALIGNMENT)
    return [_LENGTH.pack(len(text)) + text, *(array for _, array in ordered)]


def as_bytes(chunk: bytes | np.ndarray) -> memoryview:
    """Return the bytes of a chunk, which may be empty."""
    if isinstance(chunk, bytes):
        return memoryview(chunk)
    return np.ascontiguousarray(chunk).reshape(-1).view(np.uint8).data


def read_arrays(
    size: int, read: Callable[[int], np.ndarray], most_memory: int
) -> dict[str, np.ndarray]:
    """Return arrays that are views of one buffer.

    Parameters
    ----------
    size : int
        Number of bytes of header and arrays.

    read : callable
        ``read(n_bytes)`` returns the next bytes as an array.

    most_memory : int
        Bytes of memory that the header may take.

    Raises
    ------
    FileFormatError
        If the header has another format, or does not fit the number of bytes.
    """
    if size < _LENGTH.size:
        raise FileFormatError("The file's arrays are cut off before their header.")
    (length,) = _LENGTH.unpack(read(_LENGTH.size).tobytes())
    if length > size - _LENGTH.size:
        raise FileFormatError(f"The header of the file's arrays claims {length} of {size} bytes.")
    header = document.loads(read(length).tobytes(), most_memory)
    entries = _entries(header)
    _check_places(entries, size - _LENGTH.size - length)
    buffer = read(size - _LENGTH.size - length)
    return {name: _view(buffer, name, *entry) for name, entry in entries.items()}


def _little_endian(name: str, array: np.ndarray) -> np.ndarray:
    if not isinstance(name, str) or name == _METADATA or name.startswith("$"):
        raise TypeError(
            f"The name of an array must be a string that is not reserved, got {name!r}."
        )
    dtype = array.dtype.newbyteorder("<") if array.dtype.itemsize > 1 else array.dtype
    if dtype not in _NAMES:
        raise TypeError(f"A file cannot hold arrays of dtype {array.dtype}, such as {name!r}.")
    return array.astype(dtype, copy=False)


def _entries(header: Any) -> dict[str, tuple[np.dtype, tuple[int, ...], int, int]]:
    """Return dtype, shape, begin and end of each array."""
    if not isinstance(header, dict):
        raise FileFormatError("The header of the file's arrays is not a dictionary.")
    return {name: _entry(name, fields) for name, fields in header.items()}


def _entry(name: str, fields: Any) -> tuple[np.dtype, tuple[int, ...], int, int]:
    if not isinstance(fields, dict) or set(fields) != {"dtype", "shape", "data_offsets"}:
        raise FileFormatError(f"The header of the file's arrays does not describe {name[:99]!r}.")
    dtype, shape, places = fields["dtype"], fields["shape"], fields["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _TYPES:
        raise FileFormatError(f"The file's array {name[:99]!r} has an unknown dtype.")
    if not _are_lengths(shape) or len(shape) > _MOST_AXES:
        raise FileFormatError(f"The file's array {name[:99]!r} has an invalid shape.")
    if not _are_lengths(places) or len(places) != 2:
        raise FileFormatError(f"The file's array {name[:99]!r} has invalid places.")
    begin, end = places
    if math.prod(shape) * _TYPES[dtype].itemsize != end - begin or begin % _TYPES[dtype].itemsize:
        raise FileFormatError(
            f"The file's array {name[:99]!r} has {end - begin} bytes from byte {begin} on, "
            f"which does not fit its shape and dtype."
        )
    # The product above does not bound the other axes of an array without entries.
    if math.prod(max(1, length) for length in shape) > _MOST_LENGTH:
        raise FileFormatError(f"The file's array {name[:99]!r} has an invalid shape.")
    return _TYPES[dtype], tuple(shape), begin, end


def _are_lengths(values: Any) -> bool:
    return isinstance(values, list) and all(
        type(value) is int and 0 <= value <= _MOST_LENGTH for value in values
    )


def _check_places(entries: dict, size: int) -> None:
    """Refuse arrays that overlap, leave gaps, or reach beyond the end."""
    places = sorted((begin, end) for _, _, begin, end in entries.values())
    joined = [(0, 0), *places, (size, size)]
    if any(end != begin for (_, end), (begin, _) in pairwise(joined)):
        raise FileFormatError("The file's arrays overlap, leave gaps, or reach beyond the end.")


def _view(
    buffer: np.ndarray, name: str, dtype: np.dtype, shape: tuple[int, ...], begin: int, end: int
) -> np.ndarray:
    raw = buffer[begin:end]
    if dtype == np.bool_ and raw.size and raw.max() > 1:
        raise FileFormatError(f"The file's array {name[:99]!r} holds booleans other than 0 and 1.")
    return raw.view(dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
