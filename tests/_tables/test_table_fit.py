import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector
from sklearn.preprocessing import OneHotEncoder

from skae._tables.table_fit import fit_table
from skae.columns import Columns

N = 24
X = pd.DataFrame({"n": [*range(12)] * 2, "job": ["a", "b"] * 12, "f": np.linspace(0, 1, N)})


def roles(columns, rows=X):
    return [column.role for column in fit_table(rows, columns).columns]


@pytest.mark.parametrize(
    "given",
    [
        "n",
        ["n"],
        0,
        -3,
        [0],
        [True, False, False],
        np.array([True, False, False]),
        pd.Index(["n"]),
        lambda X: ["n"],
        make_column_selector("^n$"),
        {"n": None}.keys(),
    ],
)
def test_columns_are_named_in_many_ways(given):
    assert roles(Columns(count=given)) == ["count", "categorical", "number"]


def test_selectors_take_tables_of_any_library():
    columns = Columns(count=make_column_selector(dtype_include=np.integer))
    for library in ("polars", "pyarrow"):
        module = pytest.importorskip(library)
        made = module.from_pandas(X) if library == "polars" else module.Table.from_pandas(X)
        assert roles(columns, made) == ["count", "categorical", "number"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (Columns(count="q"), "count of Columns names the column 'q', which X does not have"),
        (Columns(ordinal={"q": ["a"]}), "ordinal of Columns names the column 'q'"),
        (Columns(count=9), "count of Columns names the column 9"),
        (Columns(count=[True]), "count of Columns is a mask of 1 columns, but X has 3"),
        (Columns(count=1.5), "count of Columns must be names or positions"),
        (Columns(count="n", boolean=["n"]), "column 'n' in two roles, boolean and count"),
        (Columns(count="job"), "column 'job' is to be count, but holds text, such as 'a'"),
        (Columns(boolean="job"), "column 'job' is to be boolean, but holds text"),
        (Columns(boolean="n"), "column 'n' is one of booleans, but holds 2 in row 2"),
        (Columns(count="f"), "column 'f' is a count, but holds"),
        (Columns(ordinal="job"), "column 'job' is ordinal, but its dtype has no order"),
        (Columns(ordinal={"job": ["a"]}), r"levels \['a'\] of the column 'job', which also"),
        (Columns(ordinal={"job": ["a", "b", "a"]}), "give each level once"),
        (Columns(categorical="f"), "column 'f' has 24 different values in 24 rows"),
    ],
)
def test_what_cannot_be_is_refused_by_name(columns, message):
    with pytest.raises(ValueError, match=message):
        fit_table(X, columns)


@pytest.mark.parametrize(
    "rows",
    [
        X[["n", "f"]],
        X[["n", "f"]].astype("Float64"),
        X[["n", "n"]],
        X.to_numpy(),
        np.zeros((3, 2), bool),
        [[1, 2]],
        X[["n"]].to_numpy(),
    ],
)
def test_numbers_alone_and_arrays_are_no_table(rows):
    assert fit_table(rows, Columns()) is None


def test_a_name_that_occurs_twice_is_refused():
    with pytest.raises(ValueError, match="more than one column of the name 'job'"):
        fit_table(X[["job", "n", "job"]], Columns())


def test_a_role_by_name_needs_columns():
    with pytest.raises(ValueError, match="X is a list: give a data frame"):
        fit_table([[1, 2]], Columns(count=0))


def test_identifiers_are_refused_and_small_tables_are_not():
    frame = pd.DataFrame({"id": [f"id{i}" for i in range(40)], "n": range(40)})
    with pytest.raises(ValueError, match="column 'id' has 40 different values in 40 rows"):
        fit_table(frame, Columns())
    assert roles(Columns(), frame[:19]) == ["categorical", "number"]
    assert roles(Columns(), frame.replace({"id": {f"id{i}": "x" for i in range(5)}})) == [
        *("categorical", "number")
    ]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "limits",
    [
        {"max_categories": 3},
        {"min_frequency": 9},
        {"min_frequency": 0.11},
        {"max_categories": 1},
        {"max_categories": 4, "min_frequency": 6},
    ],
)
def test_rare_levels_are_those_of_one_hot_encoding(seed, limits):
    rng = np.random.default_rng(seed)
    values = rng.choice(list("abcdefgh"), 100, p=rng.dirichlet(np.ones(8)))
    values[:16] = list("abcdefgh") * 2
    frame = pd.DataFrame({"x": values.astype(object)})
    (column,) = fit_table(frame, Columns(**limits)).columns
    expected = OneHotEncoder(**limits).fit(frame).infrequent_categories_[0]
    assert {*column.rare} == {*([] if expected is None else expected)}
    counts = frame["x"].value_counts()
    assert [counts[level] for level in column.rare] == sorted(counts[[*column.rare]])[::-1]


def test_as_many_levels_as_are_allowed_stay_as_they_are():
    (column,) = fit_table(pd.DataFrame({"x": list("aabbc") * 4}), Columns(max_categories=3)).columns
    assert column.levels == ("a", "b", "c")
    assert column.rare == ()


def test_ranges_are_those_of_known_values():
    frame = X.assign(n=X["n"].where(X["n"] > 1).astype("Int64"))
    assert (
        fit_table(frame, Columns()).columns[0].low,
        fit_table(frame, Columns()).columns[0].high,
    ) == (2, 11)
