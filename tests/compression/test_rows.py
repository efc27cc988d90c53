"""What is taken as rows, and what is remembered of it."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skae.compression.rows import as_dtype, check_rows

NUMBERS = np.arange(24.0).reshape(4, 6) % 7


def test_matrix():
    rows = check_rows(NUMBERS)
    assert rows.values is NUMBERS
    assert rows.sample_shape == (6,)
    assert rows.n_features == 6
    assert rows.dtype == np.float64


def test_axes_become_one():
    images = NUMBERS.reshape(4, 2, 3).astype(np.uint8)
    rows = check_rows(images)
    assert rows.sample_shape == (2, 3)
    assert rows.dtype == np.uint8
    assert np.array_equal(rows.values, NUMBERS)
    assert np.array_equal(rows.numbers, NUMBERS)


def test_a_data_frame_stays_one():
    frame = pd.DataFrame(NUMBERS.astype(np.float32), columns=list("abcdef"))
    rows = check_rows(frame)
    assert rows.values is frame
    assert np.array_equal(rows.numbers, NUMBERS)
    assert rows.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int64])
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array, sp.csc_matrix])
def test_ranges(convert, dtype):
    numbers = NUMBERS.astype(dtype)
    numbers[:, 2] = 5
    lows, highs = check_rows(convert(numbers)).ranges()
    assert np.array_equal(lows, numbers.min(axis=0))
    assert np.array_equal(highs, numbers.max(axis=0))


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([-0.6, 0.5, 1.5, 254.6, 300], "uint8", [0, 0, 2, 255, 255]),
        ([-1e20, 1e20], "uint32", [0, 2**32 - 1]),
        ([-1e30, 1e30], "int64", [-(2**63), 2**63 - 1024]),
        ([-1e30, 1e30], "uint64", [0, 2**64 - 2048]),
        ([0.4, 0.5, -1], "bool", [False, True, False]),
        ([0.3, 1e30], "float32", [np.float32(0.3), np.float32(1e30)]),
    ],
)
@pytest.mark.parametrize("given", [np.float32, np.float64])
def test_numbers_in_a_dtype(values, dtype, expected, given):
    back = as_dtype(np.array(values, dtype=given), np.dtype(dtype))
    assert back.dtype == dtype
    assert back.tolist() == expected


def test_byte_order_is_forgotten():
    rows = check_rows(NUMBERS.astype(">f4"))
    assert rows.dtype == np.dtype("float32")
    assert rows.dtype.isnative


def test_lists_and_refusals():
    assert check_rows(NUMBERS.tolist()).dtype == np.float64
    with pytest.raises(ValueError, match="smaller dtype, got"):
        check_rows(NUMBERS.astype(np.longdouble))
    for bad in (NUMBERS * np.nan, NUMBERS[:0], NUMBERS[0], np.array([["a"]])):
        with pytest.raises(ValueError, match=r"X|array|string"):
            check_rows(bad)
