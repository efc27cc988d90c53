"""The bytes around the coded numbers: what is written, and that nothing wrong is read."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skae.compression.container import DTYPES, Contents, check_claims, pack, unpack

FINGERPRINT = b"\x01\x02\x03\x04\x05\x06\x07\x08"


def contents(**changes):
    parts = {
        "n_rows": 3,
        "sample_shape": (2, 5),
        "dtype": np.dtype("float32"),
        "fingerprint": FINGERPRINT,
        "words": np.array([7, 2**32 - 1], dtype=np.uint32),
        "escaped": np.array([-300, 70], dtype=np.int64),
    }
    return Contents(**{**parts, **changes})


def assert_equal(first, second):
    for name in ("n_rows", "sample_shape", "dtype", "fingerprint"):
        assert getattr(first, name) == getattr(second, name)
    for name in ("words", "escaped"):
        assert getattr(first, name).dtype == getattr(second, name).dtype
        assert np.array_equal(getattr(first, name), getattr(second, name))


def signed(body):
    """Return bytes with a checksum that is right, as whoever forges them would write it."""
    return bytes(body) + struct.pack("<I", zlib.crc32(bytes(body)))


def test_layout():
    """As it is written in the file, so that a later version can read it."""
    body = (
        b"skae" + bytes([1, 1, 2, 2]) + FINGERPRINT + struct.pack("<QI", 3, 2)
        + struct.pack("<II", 2, 5) + struct.pack("<hh", -300, 70) + struct.pack("<II", 7, 2**32 - 1)
    )  # fmt: skip
    assert pack(contents()) == signed(body)
    assert_equal(unpack(signed(body), FINGERPRINT), contents())


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_comes_back(dtype):
    assert unpack(pack(contents(dtype=dtype)), FINGERPRINT).dtype == dtype


def test_dtypes_stand_at_their_places():
    """Their places are written, so none may move."""
    assert [dtype.name for dtype in DTYPES] == [
        *("float64", "float32", "float16", "bool"),
        *("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
    ]


@pytest.mark.parametrize(
    ("values", "width"),
    [
        ([], 1),
        ([127, -128], 1),
        ([128], 2),
        ([-129, 5], 2),
        ([2**15], 4),
        ([-(2**31)], 4),
        ([2**31], 8),
        ([2**53, -(2**53)], 8),
    ],
)
def test_escaped_values_take_as_few_bytes_as_they_can(values, width):
    data = pack(contents(escaped=np.array(values, dtype=np.int64)))
    assert data[7] == width
    assert len(data) - len(pack(contents(escaped=np.array([], np.int64)))) == width * len(values)
    assert unpack(data, FINGERPRINT).escaped.tolist() == values


@pytest.mark.parametrize("shape", [(), (7,), (28, 28), (1, 2, 3, 4)])
def test_shapes(shape):
    assert unpack(pack(contents(sample_shape=shape)), FINGERPRINT).sample_shape == shape


@pytest.mark.parametrize(
    "foreign", [b"", b"PK\x03\x04" * 20, b"\x89PNG\r\n\x1a\n", b"x", b"SKAE" * 9]
)
def test_foreign_bytes(foreign):
    with pytest.raises(
        ValueError, match=r"must be bytes of Compressor.compress, .* they begin with b'"
    ):
        unpack(foreign, FINGERPRINT)


def test_every_truncation_is_refused():
    data = pack(contents())
    for length in range(1, len(data)):
        with pytest.raises(ValueError, match="cut off"):
            unpack(data[:length], FINGERPRINT)


def test_every_flipped_bit_is_refused():
    data = pack(contents())
    for position in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(ValueError, match=r"begin with|version|checksum"):
            unpack(bytes(damaged), FINGERPRINT)


def test_bytes_behind_the_end_are_refused():
    with pytest.raises(ValueError, match="checksum"):
        unpack(pack(contents()) + b"\0", FINGERPRINT)


def test_another_model_is_named():
    with pytest.raises(
        ValueError, match=r"another model \(fingerprint 0102.*0708, this one has 00"
    ):
        unpack(pack(contents()), bytes(8))


def test_another_version_is_named():
    body = bytearray(pack(contents())[:-4])
    body[4] = 9
    with pytest.raises(
        ValueError, match="have format version 9, but this version of skae reads version 1"
    ):
        unpack(signed(body), FINGERPRINT)


@pytest.mark.parametrize(
    ("place", "form", "value", "message"),
    [
        (5, "<B", 12, "dtype 12"),
        (5, "<B", 255, "dtype 255"),
        (6, "<B", 33, "dtype 1, 33 axes"),
        (6, "<B", 255, "255 axes"),
        (6, "<B", 32, "32 axes and 2 escaped"),
        (7, "<B", 0, "0 bytes for each escaped"),
        (7, "<B", 3, "3 bytes for each escaped"),
        (24, "<I", 2**32 - 1, "4294967295 escaped values, but"),
        (24, "<I", 3, "3 escaped values"),
        (24, "<I", 7, "7 escaped values"),
    ],
)
def test_forged_headers(place, form, value, message):
    body = bytearray(pack(contents())[:-4])
    struct.pack_into(form, body, place, value)
    with pytest.raises(ValueError, match=f"invalid header: .*{message}"):
        unpack(signed(body), FINGERPRINT)


@pytest.mark.parametrize("n_rows", [0, 2**20, 2**63, 2**64 - 1])
def test_rows_that_the_bytes_can_not_hold(n_rows):
    with pytest.raises(
        ValueError, match=f"declares {n_rows} rows, which do not fit into 8 bytes of codes"
    ):
        check_claims(contents(n_rows=n_rows), 10, least_bits=0.01)


@pytest.mark.parametrize("shape", [(), (3, 3), (2**32 - 1,) * 32, (0, 10)])
def test_shapes_of_other_rows(shape):
    with pytest.raises(ValueError, match="but this model has 10 features"):
        check_claims(contents(sample_shape=shape), 10, least_bits=0.01)


def test_sizes_that_can_be():
    check_claims(contents(n_rows=12_000), 10, least_bits=0.01)
    check_claims(contents(n_rows=1, words=np.array([], np.uint32)), 10, least_bits=60)


@settings(max_examples=400, deadline=None)
@given(st.binary(min_size=0, max_size=80))
def test_forged_bytes_never_take_memory(tail):
    """Whatever stands behind a right beginning, in front of a right checksum."""
    data = signed(b"skae\x01" + tail)
    tracemalloc.start()
    try:
        check_claims(unpack(data, tail[3:11]), 10, 0.01)
    except ValueError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 100_000
