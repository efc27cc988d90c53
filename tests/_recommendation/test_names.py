"""Names of users and items."""

import numpy as np
import pandas as pd
import pytest

from skae._recommendation.names import names_of


def test_names_of_a_frame():
    users, items = names_of(pd.DataFrame(np.ones((2, 2)), index=["u", "v"], columns=["a", "b"]))
    assert users.tolist() == ["u", "v"]
    assert items.tolist() == ["a", "b"]
    assert names_of(np.ones((2, 2))) == names_of(pd.DataFrame(np.ones((2, 2)))) == (None, None)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
@pytest.mark.parametrize("values", [[1.0, 2.0], ["x", "y"]])
def test_frames_of_other_libraries_name_the_items(library, values):
    package = pytest.importorskip(library)
    make = {"polars": "DataFrame", "pyarrow": "table"}[library]
    users, items = names_of(getattr(package, make)({"a": values, "b": [1.0, 2.0]}))
    assert users is None
    assert items.tolist() == ["a", "b"]
