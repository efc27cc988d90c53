"""The zip around the entries: all of its bytes follow from names, sizes and checksums.

Loading therefore needs no general parser of zips, which would have to handle compression,
encryption, names, comments and contradictory headers. It recreates the expected bytes and compares
them. Sizes are always written in the fields of zip64, so that there is only one form.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from skae._storage.error import FileFormatError

SIGNATURE = b"PK\x03\x04"
# Signature, version, flags, method, time, date, checksum, sizes, lengths of name and extra field.
_LOCAL = struct.Struct("<4s5H3I2H")
_LOCAL_EXTRA = struct.Struct("<2H2Q")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_CENTRAL_EXTRA = struct.Struct("<2H3Q")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_END = struct.Struct("<4s4H2IH")
_VERSION, _STORED = 45, 0
# The earliest time that a zip can represent, so that the same model gives the same bytes.
_TIME, _DATE = 0, (1 << 5) | 1
_UNIX, _REGULAR_FILE = 3, 0o100644 << 16
_IN_EXTRA_16, _IN_EXTRA = 0xFFFF, 0xFFFFFFFF


@dataclass(frozen=True)
class Entry:
    """An entry of the zip: its name, and the checksum and size of its bytes."""

    name: bytes
    crc: int
    size: int

    @property
    def header(self) -> bytes:
        """The header before the bytes of the entry."""
        extra = _LOCAL_EXTRA.pack(1, _LOCAL_EXTRA.size - 4, self.size, self.size)
        fixed = _LOCAL.pack(SIGNATURE, *self._shared(), len(self.name), len(extra))
        return fixed + self.name + extra

    def listing(self, place: int) -> bytes:
        """Return the record of the entry in the central directory of the zip."""
        extra = _CENTRAL_EXTRA.pack(1, _CENTRAL_EXTRA.size - 4, self.size, self.size, place)
        made_by = _UNIX << 8 | _VERSION
        lengths = (len(self.name), len(extra), 0)
        fields = (*self._shared(), *lengths, 0, 0, _REGULAR_FILE, _IN_EXTRA)
        return _CENTRAL.pack(b"PK\x01\x02", made_by, *fields) + self.name + extra

    def _shared(self) -> tuple[int, ...]:
        return (_VERSION, 0, _STORED, _TIME, _DATE, self.crc, _IN_EXTRA, _IN_EXTRA)


def header_length(name: bytes) -> int:
    """Return the number of bytes of the header of an entry."""
    return _LOCAL.size + len(name) + _LOCAL_EXTRA.size


def entry_of(header: bytes, name: bytes) -> Entry:
    """Return the entry that a header describes.

    Raises
    ------
    FileFormatError
        If it is not the header that skae writes for an entry of this name.
    """
    if len(header) == header_length(name):
        crc = _LOCAL.unpack_from(header)[6]
        entry = Entry(name, crc, _LOCAL_EXTRA.unpack_from(header, _LOCAL.size + len(name))[2])
        if entry.header == header:
            return entry
    raise FileFormatError(
        f"The file is not a zip as skae writes it: expected {name.decode()!r} as an entry that is "
        f"neither compressed nor encrypted. It is damaged, cut off, or not from skae."
    )


def ending(entries: list[Entry]) -> bytes:
    """Return the bytes after the last entry."""
    place, listings = 0, b""
    for entry in entries:
        listings += entry.listing(place)
        place += len(entry.header) + entry.size
    n = len(entries)
    sizes = (n, n, len(listings), place)
    end_64 = _END_64.pack(b"PK\x06\x06", _END_64.size - 12, _VERSION, _VERSION, 0, 0, *sizes)
    locator = _LOCATOR.pack(b"PK\x06\x07", 0, place + len(listings), 1)
    in_64 = (_IN_EXTRA_16, _IN_EXTRA_16, _IN_EXTRA, _IN_EXTRA)
    return listings + end_64 + locator + _END.pack(b"PK\x05\x06", 0, 0, *in_64, 0)
