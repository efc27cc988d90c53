"""Names of the values of samples, and groups of them."""

import numpy as np
import pandas as pd
import pytest

from skae._utils.feature_groups import FeatureGroups, column_names

COLUMNS = pd.Index(["pay", "job_m", "city", "job_s"])


def grouped(groups, columns=COLUMNS):
    found = FeatureGroups.of(groups, columns)
    return found.names.tolist(), found.group_of.tolist()


def test_each_feature_is_alone_by_default():
    assert grouped(None) == (COLUMNS.tolist(), [0, 1, 2, 3])


@pytest.mark.parametrize(
    "groups",
    [
        {"job": ["job_m", "job_s"]},
        {"job": np.array(["job_m", "job_s"]), "city": "city"},
        lambda column: column.split("_")[0],
        ["pay", "job", "city", "job"],
        pd.Series(["pay", "job", "city", "job"]),
    ],
)
def test_forms_of_groups(groups):
    assert grouped(groups) == (["pay", "job", "city"], [0, 1, 2, 1])


def test_groups_of_series_are_channels_or_steps():
    columns = column_names(None, (2, 3), -1)
    assert grouped(lambda place: place[1], columns) == ([0, 1, 2], [0, 1, 2, 0, 1, 2])
    first = {"first": [(0, 0), (0, 1), (0, 2)], "one": (1, 1)}
    names, group_of = grouped(first, columns)
    assert names == ["first", (1, 0), "one", (1, 2)]
    assert group_of == [0, 0, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"job": ["job_x"]}, r"groups\['job'\] has the column 'job_x', .*'pay', 'job_m', 'city'"),
        ({"a": ["pay"], "b": ["pay"]}, "the column 'pay' twice, in 'a' and 'b'"),
        ({"city": ["pay"]}, "the name 'city', which is also that of a column outside of it"),
        (["a", "b"], "a name for each of the 4 columns of X, got 2 names"),
        ("job", "must be a dictionary .* a function .* or a list .* got 'job'"),
        (3, "got 3"),
        (lambda column: [column], "groups must have hashable names"),
    ],
)
def test_wrong_groups(groups, message):
    with pytest.raises(ValueError, match=message):
        grouped(groups)


def test_names_of_features():
    assert column_names(["a", "b"], (2,)).tolist() == ["a", "b"]
    assert column_names(None, (3,)).tolist() == ["x0", "x1", "x2"]


@pytest.mark.parametrize(
    ("shape", "channel_axis", "names"),
    [
        ((32, 1), "auto", ["step", "channel"]),
        ((24, 20), "auto", ["step", "channel"]),
        ((8, 8), "auto", ["row", "column"]),
        ((8, 8), -1, ["step", "channel"]),
        ((2, 30), 0, ["channel", "step"]),
        ((3, 8, 8), "auto", ["channel", "row", "column"]),
        ((8, 8, 3), "auto", ["row", "column", "channel"]),
        ((3, 3, 3), "auto", ["axis 0", "axis 1", "axis 2"]),
        ((4, 5, 6), None, ["axis 0", "axis 1", "axis 2"]),
        ((2, 3, 4, 5), "auto", ["axis 0", "axis 1", "axis 2", "axis 3"]),
    ],
)
def test_names_of_places(shape, channel_axis, names):
    columns = column_names(None, shape, channel_axis)
    assert columns.names == names
    places = np.stack(np.unravel_index(np.arange(np.prod(shape)), shape), axis=1)
    assert columns.tolist() == [tuple(place) for place in places.tolist()]
