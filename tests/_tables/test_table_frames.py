import numpy as np
import pandas as pd
import pytest

from skae._tables.table_fit import fit_table
from skae._tables.table_frames import codes_of, probability_frame, table_frame
from skae.columns import Columns

N = 24
X = pd.DataFrame({"job": ["a", "b", "c"] * 8, "n": [*range(12)] * 2, "paid": [True, False] * 12})
TABLE = fit_table(X, Columns())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"job": range(N)}, "column 'job' holds 0 in row 0, a number, but it held text"),
        ({"job": [1, "a"] * 12}, "column 'job' holds 1 in row 0, a number"),
        ({"n": ["x"] * N}, "column 'n' holds text, such as 'x', but it held numbers in fit"),
        ({"paid": ["True"] * N}, "column 'paid' holds text, such as 'True'"),
        ({"paid": [5] * N}, "column 'paid' is one of booleans, but holds 5 in row 0"),
        ({"n": pd.date_range("2020", periods=N)}, "column 'n' .* holds dates"),
        ({"job": pd.date_range("2020", periods=N)}, "column 'job' holds Timestamp"),
    ],
)
def test_columns_that_hold_other_things_than_in_fit_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        codes_of(TABLE, X.assign(**changed))


@pytest.mark.parametrize("rows", [X[["job", "n"]], np.zeros((3, 2)), np.array(["a", "b"])])
def test_tables_of_other_columns_are_refused(rows):
    with pytest.raises(ValueError, match=r"the columns of fit were \['job', 'n', 'paid'\]"):
        codes_of(TABLE, rows)


def test_the_same_values_have_the_same_codes_however_they_are_held():
    expected = codes_of(TABLE, X)
    other = X.assign(
        job=pd.Categorical(X["job"], ["c", "q", "b", "a"]),
        n=X["n"].astype(str),
        paid=X["paid"].astype(int),
    )
    for rows in (other, X.to_numpy(), X.to_numpy().tolist(), X.astype({"n": "Int64"})):
        np.testing.assert_array_equal(codes_of(TABLE, rows), expected)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_every_sort_of_missing_value_is_missing(missing):
    rows = X.astype(object)
    rows.iloc[0] = [missing] * 3
    codes = codes_of(TABLE, rows)
    assert np.isnan(codes[0]).all()
    assert not np.isnan(codes[1:]).any()


def test_frames_keep_the_index_and_clip_numbers():
    codes = np.array([[0.0, 99.0, 1.0]])
    assert table_frame(TABLE, codes, index=pd.Index([5])).index.tolist() == [5]
    assert table_frame(TABLE, codes)["n"].tolist() == [99]
    assert table_frame(TABLE, codes, clip=True)["n"].tolist() == [11]


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_probabilities_are_columns_of_the_same_library(library):
    module = pytest.importorskip(library)
    made = {
        "pandas": lambda: X,
        "polars": lambda: module.from_pandas(X),
        "pyarrow": lambda: module.Table.from_pandas(X),
    }[library]()
    table = fit_table(made, Columns())
    found = probability_frame(table, table.encode(codes_of(table, made)))
    assert isinstance(found, type(made))
    names = found.column_names if library == "pyarrow" else list(found.columns)
    assert names == ["job_a", "job_b", "job_c", "n", "paid"]
    np.testing.assert_array_equal(np.asarray(found["job_b"])[:3], [0, 1, 0])
