"""What frames of every library hold, and that it comes back."""

import datetime
import decimal
import json

import numpy as np
import pandas as pd
import pytest

from skae._tables.frames import columns_of, container_of, new_frame
from skae._tables.table_fit import fit_table
from skae._tables.table_frames import codes_of, table_frame
from skae.columns import Columns, TableColumns

N = 24
TEXT = ["a", "b", None, "c"] * 6
ORDER = ["small", "medium", "large"]
BOOLEANS = [True, False] * 12
INTEGERS = [*range(12)] * 2


def there_and_back(X, columns=None):
    """Return the roles of a table, and the table from its codes, by way of JSON and features."""
    table = fit_table(X, columns or Columns())
    table = TableColumns.from_plain(json.loads(json.dumps(table.plain())))
    codes = codes_of(table, X)
    decoded = table.decode(np.nan_to_num(table.encode(codes)))
    known = np.where(np.isnan(codes), np.nan, decoded)
    np.testing.assert_allclose(known, codes)
    return [column.role for column in table.columns], table_frame(table, codes)


def frame_of(values, dtype=None):
    return pd.DataFrame({"x": pd.Series(values, dtype=dtype), "k": ["u", "v"] * (len(values) // 2)})


PANDAS = {
    "categorical": [
        *((TEXT, dtype) for dtype in ("object", "string", "category")),
        (pd.Categorical([3, 1, 2] * 8, [3, 1, 2]), None),
        (pd.Categorical(["b", "a"] * 12, ["b", "z", "a"]), None),
    ],
    "ordinal": [(pd.Categorical(ORDER * 8, [*ORDER, "huge"], ordered=True), None)],
    "number": [
        *((INTEGERS, t) for t in ("int8", "uint8", "int64", "Int64", "UInt8", "object")),
        *((INTEGERS, t) for t in ("float32", "float64", "Float64")),
        ([None, 1] * 12, "Int64"),
    ],
    "boolean": [
        *((BOOLEANS, dtype) for dtype in ("bool", "boolean", "object")),
        *(([True, False, None] * 8, dtype) for dtype in ("boolean", "object")),
    ],
}
CASES = [(role, *case) for role, cases in PANDAS.items() for case in cases]


@pytest.mark.parametrize(("role", "values", "dtype"), CASES)
def test_columns_of_pandas_come_back(role, values, dtype):
    X = frame_of(values, dtype)
    roles, back = there_and_back(X)
    assert roles == [role, "categorical"]
    pd.testing.assert_frame_equal(back, X)


@pytest.mark.parametrize(
    ("role", "values", "dtype"),
    [
        ("categorical", TEXT, "string"),
        ("categorical", TEXT, "large_string"),
        ("categorical", TEXT, "dictionary"),
        ("number", [None, 1] * 12, "int64"),
        ("number", INTEGERS, "double"),
        ("boolean", [True, False, None] * 8, "bool"),
    ],
)
def test_columns_of_pandas_with_types_of_arrow_come_back(role, values, dtype):
    pa = pytest.importorskip("pyarrow")
    named = None if dtype == "dictionary" else pa.type_for_alias(dtype)
    array = pa.array(values, named)
    array = array if named else array.dictionary_encode()
    X = frame_of(pd.Series(pd.arrays.ArrowExtensionArray(array)))
    roles, back = there_and_back(X)
    assert roles[0] == role
    pd.testing.assert_frame_equal(back, X)


def test_columns_of_polars_come_back():
    pl = pytest.importorskip("polars")
    X = pl.DataFrame(
        {
            "text": ["a", "b", "c"] * 8,
            "integer": INTEGERS,
            "small": pl.Series(INTEGERS, dtype=pl.UInt8),
            "holes": [None, 1, 2] * 8,
            "float": pl.Series(INTEGERS, dtype=pl.Float32),
            "boolean": [True, None, False] * 8,
            "enum": pl.Series(["a", "b", "a"] * 8, dtype=pl.Enum(["b", "a", "z"])),
            "category": pl.Series(["a", "b", None] * 8, dtype=pl.Categorical),
        }
    )
    roles, back = there_and_back(X)
    assert roles == ["categorical", *["number"] * 4, "boolean", "categorical", "categorical"]
    assert back.schema == X.schema
    assert back.equals(X)


def test_columns_of_pyarrow_come_back():
    pa = pytest.importorskip("pyarrow")
    places = pa.array([0, 1, 2] * 8, pa.int8())
    X = pa.table(
        {
            "text": pa.array(TEXT),
            "large": pa.array(TEXT, pa.large_string()),
            "dictionary": pa.array(["a", "b", None] * 8).dictionary_encode(),
            "ordered": pa.DictionaryArray.from_arrays(places, pa.array(ORDER), ordered=True),
            "integer": pa.array(INTEGERS, pa.int32()),
            "boolean": pa.array([True, None, False] * 8),
            "float": pa.array(INTEGERS, pa.float32()),
        }
    )
    roles, back = there_and_back(X)
    assert roles == [*["categorical"] * 3, "ordinal", "number", "boolean", "number"]
    assert back.schema == X.schema
    assert back.equals(X)


@pytest.mark.parametrize(
    ("X", "columns"),
    [
        (np.array([["a", 1, True], ["b", 2, False]] * 12, dtype=object), Columns(categorical=0)),
        (np.array([[1, 2], [2, 1]] * 12), Columns(categorical=[0])),
        (np.array([[1.0, 2.5], [2.0, 0.5]] * 12), Columns(categorical=[True, False])),
        (np.array([[True, False], [False, True]] * 12), Columns(boolean=[0])),
        (np.array([["a", "b"], ["b", "a"]] * 12), Columns(categorical=[0])),
    ],
)
def test_arrays_come_back_as_objects(X, columns):
    _, back = there_and_back(X, columns)
    assert back.dtype == object
    assert back.tolist() == X.tolist()
    assert [*map(type, back[0])] == [type(value) for value in X.tolist()[0]]


def test_categories_keep_whether_they_have_an_order_whatever_their_role():
    ordered = pd.Categorical(ORDER * 8, ORDER, ordered=True)
    for values, columns in [
        (ordered, Columns(categorical="x")),
        (pd.Categorical(ORDER * 8), Columns(ordinal={"x": ORDER})),
    ]:
        X = frame_of(values)
        pd.testing.assert_frame_equal(there_and_back(X, columns)[1], X)


@pytest.mark.parametrize("names", [(0, 1), (("a", 1), ("b", 2)), ("x", 5)])
def test_names_of_any_type_come_back(names):
    X = frame_of(INTEGERS).set_axis(pd.Index(names, tupleize_cols=False), axis=1)
    assert there_and_back(X)[1].columns.tolist() == [*names]


@pytest.mark.parametrize("value", [-3.0, 1e4, 1e20, -1e20])
@pytest.mark.parametrize("dtype", ["uint8", "UInt8", "int64", "Int64", "uint64"])
def test_predictions_beyond_a_type_of_integers_stay_within_it(dtype, value):
    table = fit_table(frame_of(INTEGERS, dtype), Columns())
    back = table_frame(table, np.array([[value, 0.0]]))
    assert str(back["x"].dtype) == dtype
    assert (back["x"].iloc[0] > 50) == (value > 50)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1, 2]] * N, "holds .1, 2., a list: turn it into numbers or text"),
        ([{"a": 1}] * N, "a dict: turn it"),
        ([None, bytearray(b"a")] * 12, "a bytearray: turn it"),
        ([b"a", b"b"] * 12, "a bytes: make it text"),
        ([datetime.date(2020, 1, 1)] * N, "a date: turn dates into numbers"),
        ([1, "a"] * 12, "column 'x' holds text and other values, such as 'a' and 1"),
        (["a", 1.5] * 12, "column 'x' holds text and other values, such as 'a' and 1.5"),
        (["a", True] * 12, "column 'x' holds text and other values, such as 'a' and True"),
    ],
)
def test_objects_that_are_no_levels_are_refused_by_name(values, message):
    X = frame_of(values, object)
    with pytest.raises(ValueError, match=message) as found:
        fit_table(X, Columns())
    assert "'x'" in str(found.value)
    table = fit_table(frame_of(["a", "b", "c"] * 8), Columns())
    with pytest.raises(ValueError, match="column 'x'"):
        codes_of(table, X)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pd.cut(pd.Series(np.arange(24.0)), 3), "rename_categories"),
        (pd.Categorical(pd.to_datetime(["2020-01-01", "2021-01-01"] * 12)), "turn dates into"),
        (pd.date_range("2020", periods=N), "dates"),
        (pd.to_timedelta(INTEGERS, "D"), "durations"),
        (np.full(N, 1j), "complex"),
    ],
)
def test_dtypes_that_are_no_numbers_and_no_levels_are_refused_by_name(values, message):
    with pytest.raises(ValueError, match=message) as found:
        fit_table(frame_of(values), Columns())
    assert "'x'" in str(found.value)


@pytest.mark.parametrize("values", [[datetime.date(2020, 1, 1)] * N, [[1]] * N, [None] * N])
def test_types_of_polars_that_are_no_numbers_and_no_levels_are_refused_by_name(values):
    pl = pytest.importorskip("polars")
    X = pl.DataFrame({"x": values, "k": ["u", "v"] * 12})
    with pytest.raises(ValueError, match="its column 'x' holds"):
        fit_table(X, Columns())


def test_decimals_are_numbers():
    X = frame_of([decimal.Decimal("1.5"), decimal.Decimal("2.5")] * 12, object)
    roles, back = there_and_back(X)
    assert roles[0] == "number"
    assert back["x"].tolist()[:2] == [1.5, 2.5]


def test_decimals_of_polars_and_pyarrow_come_back_as_floats():
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    values, keys = [decimal.Decimal("1.5"), decimal.Decimal("2.5")] * 12, ["u", "v"] * 12
    for X in (pl.DataFrame({"x": values, "k": keys}), pa.table({"x": values, "k": keys})):
        _, back = there_and_back(X)
        assert list(back["x"].to_numpy()[:2]) == [1.5, 2.5]


def test_frames_are_told_from_all_else():
    assert columns_of([[1, 2]]) is None
    assert columns_of(np.zeros(3)) is None
    assert container_of(np.zeros((2, 2))) == "numpy"
    assert container_of(frame_of(INTEGERS)) == "pandas"


def test_a_frame_of_pandas_has_the_index_that_is_given():
    index = pd.Index([7, 8])
    made = new_frame("pandas", {"x": np.ones(2)}, {"x": "int64"}, {"x": None}, index)
    assert made.index.equals(index)
    assert made["x"].tolist() == [1, 1]
