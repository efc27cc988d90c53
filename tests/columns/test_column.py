import numpy as np
import pytest

from skae.columns import Categorical, Factor
from skae.columns.column import as_objects, free_name


def categorical(**given):
    return Categorical(**{"name": "job", "dtype": "str", "n_rows": 9, "levels": ("a", "b")} | given)


def factor(*values):
    levels = np.array(sorted({v for v in values if v is not None}, key=str), dtype=object)
    return Factor(np.array([-1 if v is None else levels.tolist().index(v) for v in values]), levels)


@pytest.mark.parametrize(
    ("unknown", "rare", "expected"),
    [
        ("surprise", (), 2),
        ("surprise", ("r",), 3),
        ("infrequent", ("r",), 2),
        ("infrequent", (), 2),
        ("missing", ("r",), np.nan),
    ],
)
def test_what_an_unseen_level_is(unknown, rare, expected):
    codes = categorical(unknown=unknown, rare=rare).codes(factor("b", "new", None, "a"))
    np.testing.assert_array_equal(codes, [1, expected, np.nan, 0])


def test_an_unseen_level_can_be_an_error_that_names_column_value_and_row():
    with pytest.raises(ValueError, match="column 'job' holds 'new' in row 2, which fit did not"):
        categorical(unknown="error").codes(factor("b", "a", "new", "new"))


@pytest.mark.parametrize(
    ("levels", "value", "message"),
    [(("a", "b"), 3, "3 in row 1, a number"), ((1, 2), "a", "'a' in row 1, text")],
)
def test_text_and_numbers_are_not_taken_for_each_other(levels, value, message):
    with pytest.raises(ValueError, match=f"column 'job' holds {message}, but it held"):
        categorical(levels=levels).codes(factor(levels[0], value))


def test_a_category_that_no_row_has_is_not_looked_at():
    unused = Factor(np.array([0, -1]), np.array(["a", "new"], dtype=object))
    np.testing.assert_array_equal(categorical(unknown="error").codes(unused), [0, np.nan])


def test_many_unseen_levels_take_one_pass():
    n = 100_000
    values = np.array([f"new{i}" for i in range(n)], dtype=object)
    assert (categorical().codes(Factor(np.arange(n), values)) == 2).all()


def test_rare_levels_come_back_as_the_most_frequent_of_them():
    column = categorical(rare=("often", "seldom"))
    np.testing.assert_array_equal(column.codes(factor("seldom", "often")), [2, 2])
    assert column.values(np.array([0, 2, np.nan])).tolist() == ["a", "often", None]


def test_levels_are_drawn_by_their_probabilities():
    features = np.tile([0.2, 0.8, 0.0], (4000, 1))
    drawn = categorical().draw(features, np.random.RandomState(0))
    np.testing.assert_allclose(np.bincount(drawn.astype(int)) / 4000, [0.2, 0.8], atol=0.02)


def test_objects_are_those_of_python():
    assert as_objects(np.array([1.0, np.nan]), bool).tolist() == [True, None]
    assert [type(v) for v in as_objects(np.array([1.0, 2.0]), int)] == [int, int]


def test_names_of_further_levels_are_free():
    assert free_name("unknown", ["a"]) == "unknown"
    assert free_name("unknown", ["unknown", "unknown_"]) == "unknown__"
    column = categorical(levels=("infrequent", "unknown"), rare=("r",))
    assert len({*column.feature_names}) == column.n_features
    assert column.level_names == ["infrequent", "unknown", "infrequent_"]
