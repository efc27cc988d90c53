"""Tables that a recommender can learn little or nothing from."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from skae._recommendation.tables import refuse_long_table, warn_of_ratings

RANDOM = np.random.RandomState(0)
LONG = pd.DataFrame(
    {"user": RANDOM.randint(30, size=200), "item": RANDOM.randint(20, size=200), "rating": 3.0}
).drop_duplicates(["user", "item"])


@pytest.mark.parametrize(
    "table", [LONG, LONG[["user", "item"]], LONG.to_numpy(), LONG.rename(columns=str.upper)]
)
def test_a_row_for_each_rating_is_refused_with_the_recipe(table):
    with pytest.raises(ValueError, match=r"looks like a long table .*give frame.pivot\(index="):
        refuse_long_table(table)


def test_a_long_table_of_pyarrow_is_refused_as_well():
    pyarrow = pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match=r"long table .*index='user', columns='item', values='rat"):
        refuse_long_table(pyarrow.Table.from_pandas(LONG))
    refuse_long_table(pyarrow.table([[1, 2], [1, 2]], names=["a", "a"]))


@pytest.mark.parametrize(
    "table",
    [RANDOM.randint(1, 6, size=(100, 3)), RANDOM.randn(50, 3), sp.eye(3), np.eye(20), [[1, 2]]],
    ids=["grades", "numbers", "sparse", "wide", "list"],
)
def test_other_tables_are_taken(table):
    refuse_long_table(table)


def test_equal_ratings_and_complete_tables_are_warned_of():
    ones = sp.csr_matrix(([1.0, 1.0], ([0, 1], [1, 0])), shape=(2, 2))
    with pytest.warns(UserWarning, match="All known ratings in X equal 1, .*feedback='implicit'"):
        warn_of_ratings(ones)
    with pytest.warns(UserWarning, match="X has no unknown rating, so there is nothing"):
        warn_of_ratings(sp.csr_matrix([[1.0, 2.0], [3.0, 4.0]]))
    warn_of_ratings(sp.csr_matrix([[1.0, 2.0], [3.0, 0.0]]))
