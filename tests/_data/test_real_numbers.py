"""Columns that hold no numbers are converted or refused by name, in every container."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp

from skae._data.real_numbers import real_numbers

N = 6
DAYS = [datetime.date(2020, 1, day + 1) for day in range(N)]
DECIMALS = [Decimal(i) / 8 for i in range(N)]


def pandas_frame(values):
    frame = pd.DataFrame({"a": np.arange(N) / 2, "b": np.arange(N)})
    frame.insert(1, "odd", values)
    return frame


def polars_frame(values):
    return pl.DataFrame({"a": np.arange(N) / 2, "odd": values, "b": np.arange(N)})


def array_of(values):
    array = np.zeros((N, 3), dtype=object)
    for i, value in enumerate(values):
        array[i, 1] = value
    return array


CONVERTED = {
    "decimals": (pandas_frame(DECIMALS), np.arange(N) / 8),
    "decimal128": (
        pandas_frame(pd.array([None, *DECIMALS[1:]], dtype=pd.ArrowDtype(pa.decimal128(10, 3)))),
        [np.nan, *np.arange(1, N) / 8],
    ),
    "fractions": (pandas_frame([Fraction(i, 4) for i in range(N)]), np.arange(N) / 4),
    "pandas.NA": (
        pandas_frame(pd.array([pd.NA, *range(1, N)], dtype=object)),
        [np.nan, *range(1, N)],
    ),
    "text of digits": (pandas_frame([str(i) for i in range(N)]), np.arange(N)),
    "polars text of digits": (polars_frame([str(i) for i in range(N)]), np.arange(N)),
    "array with NA and None": (array_of([pd.NA, None, 2, 3.5, True, Decimal(1)]),
                               [np.nan, np.nan, 2, 3.5, 1, 1]),
}  # fmt: skip


@pytest.mark.parametrize("case", CONVERTED)
def test_numbers_of_other_types_become_float64(case):
    X, expected = CONVERTED[case]
    found = real_numbers(X)
    column = np.asarray(found[:, 1] if isinstance(found, np.ndarray) else found["odd"])
    assert column.dtype == np.float64
    np.testing.assert_array_equal(column, expected)


def test_the_callers_frame_stays_as_it_is():
    frame = pandas_frame(DECIMALS)
    before = frame.copy()
    assert list(real_numbers(frame).columns) == ["a", "odd", "b"]
    pd.testing.assert_frame_equal(frame, before)


PLAIN = {
    "floats": pd.DataFrame(np.eye(3)),
    "nullable": pandas_frame(pd.array([pd.NA, *range(1, N)], dtype="Int64")),
    "arrow": pandas_frame(pd.array(range(N), dtype="int64[pyarrow]")),
    "categories of numbers": pandas_frame(pd.Categorical([1, 2, 3] * 2)),
    "sparse": pd.DataFrame(np.eye(3)).astype(pd.SparseDtype("float64", 0.0)),
    "polars": polars_frame([None, *range(1, N)]),
    "polars decimals": polars_frame(DECIMALS),
    "array": np.eye(3, dtype=np.uint8),
    "csr": sp.csr_array(np.eye(3)),
}


@pytest.mark.parametrize("case", PLAIN)
def test_tables_of_numbers_are_not_copied(case):
    assert real_numbers(PLAIN[case]) is PLAIN[case]


# What a column holds: values, words of the message, words of the remedy.
HELD = {
    "dates": (DAYS, r"dates, such as datetime.date\(2020, 1, 1\) in row 0", "the year, the month"),
    "durations": (
        [datetime.timedelta(hours=i) for i in range(N)],
        "durations, such as ",
        "total_seconds|timedelta64",
    ),
    "text": (["cat", "dog"] * 3, "text, such as 'cat' in row 0", "OneHotEncoder"),
    "a question mark": (
        ["1", "2", "?", "4", "5", "6"],
        r"text between numbers, such as '\?' in row 2",
        r"missing value, give pandas.to_numeric\(X.*, errors='coerce'\)",
    ),
    "lists": ([[1, 2]] * N, r"lists, such as \[1, 2\] in row 0", "one column for each"),
}
MAKERS = {
    "pandas": (pandas_frame, r"column 'odd' \(position 1\)"),
    "polars": (polars_frame, r"column 'odd' \(position 1\)"),
    "array": (array_of, "column 1"),
}


@pytest.mark.parametrize("container", MAKERS)
@pytest.mark.parametrize("held", HELD)
def test_the_column_what_it_holds_and_the_remedy_are_named(container, held):
    (make, column), (values, what, remedy) = MAKERS[container], HELD[held]
    with pytest.raises(ValueError, match=f"numbers, but its {column} holds {what}") as e:
        real_numbers(make(values))
    assert pd.Series(str(e.value)).str.contains(remedy).all()
    assert len(str(e.value)) < 300


FRAMES = {
    "datetimes": (pd.date_range("2020", periods=N), "holds dates"),
    "time zone": (pd.date_range("2020", periods=N, tz="Europe/Berlin"), "holds dates"),
    "missing dates": ([pd.NaT, *pd.date_range("2020", periods=N - 1)], "holds dates, .* in row 1"),
    "timedeltas": (pd.to_timedelta(np.arange(N), unit="h"), r"X\['odd'\].dt.total_seconds\(\)"),
    "periods": (pd.period_range("2020", periods=N, freq="D"), "holds dates"),
    "intervals": (pd.interval_range(0, N), "holds intervals"),
    "arrow's timestamps": (
        pd.array(pd.date_range("2020", periods=N), dtype="timestamp[ns][pyarrow]"), "holds dates"),
    "arrow's text": (pd.array(["x"] * N, dtype="string[pyarrow]"), "holds text"),
    "categories": (pd.Categorical(["x", "y"] * 3), "holds text"),
    "complex": (np.arange(N) * 1j, "Complex data not supported: column 'odd'"),
    "arrays": ([np.arange(2)] * N, "holds lists"),
    "huge integers": ([10**400] * N, "holds integers beyond float64, such as an integer above"),
    "bytes": ([b"x"] * N, "holds text"),
    "long text": (["x" * 5000] * N, r"holds text, such as 'xxx.*\.\.\.x"),
}  # fmt: skip


@pytest.mark.parametrize("case", FRAMES)
def test_columns_of_pandas(case):
    values, message = FRAMES[case]
    with pytest.raises(ValueError, match=message) as e:
        real_numbers(pandas_frame(values))
    assert "'odd' (position 1)" in str(e.value)


def test_other_objects_are_a_type_error():
    with pytest.raises(TypeError, match=r"holds objects \(dict\), .* must be a string or a"):
        real_numbers(pandas_frame([{"a": 1}] * N))

    class Mine:
        def __repr__(self):
            raise RuntimeError

    with pytest.raises(TypeError, match=r"objects \(Mine\), such as .*in row 0"):
        real_numbers(pandas_frame([Mine()] * N))


ARRAYS = {
    "dates": (np.full((2, 3), "2020", dtype="M8[D]"), "column 0 holds dates"),
    "durations": (np.ones((2, 3), dtype="m8[h]"), r"X\[:, 0\] / numpy.timedelta64\(1, 's'\)"),
    "text": (np.array([["1", "b"]]), "column 1 holds text"),
    "digits": (np.array([["1", "2"]]), "column 0 holds text"),
    "complex": (np.eye(3) + 1j, r"Complex data not supported: column 0 .* such as \(1\+1j\)"),
    "complex64": (np.eye(3, dtype=np.complex64), "Complex data not supported: column 0"),
    "sparse": (sp.csr_array(np.eye(3) * 1j), "Complex data not supported: column 0"),
    "images of objects": (np.full((2, 3, 4), "x", dtype=object), r"entry \[0, 0\] of the samples"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays(case):
    X, message = ARRAYS[case]
    with pytest.raises(ValueError, match=message):
        real_numbers(X)


@pytest.mark.parametrize("names", [[0, 1, 2], [("u", 0), ("u", 1), ("u", 2)], ["x", "y", "x"]])
def test_columns_of_any_names(names):
    frame = pandas_frame(["x"] * N)
    frame.columns = pd.MultiIndex.from_tuples(names) if isinstance(names[0], tuple) else names
    with pytest.raises(ValueError, match=r"\(position 1\) holds text"):
        real_numbers(frame)
