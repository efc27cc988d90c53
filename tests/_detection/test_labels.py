"""Labels of a detector: known anomalies, known normal rows, and rows without a label."""

import numpy as np
import pandas as pd
import pytest

from skae._detection.labels import LabelMeaning, check_normal_rows, labels_of

X = np.zeros((4, 2))


@pytest.mark.parametrize(
    ("anomaly", "normal", "y", "expected"),
    [
        (1, None, [1, 0, 0, 1], [-1, 0, 0, -1]),
        (1, 0, [1, 0, 0, 1], [-1, 1, 1, -1]),
        (-1, 1, [-1, 1, 0, 5], [-1, 1, 0, 0]),
        (None, 1, [1, 0, 0, 1], [1, 0, 0, 1]),
        (True, False, [True, False, None, True], [-1, 1, 0, -1]),
        (1, 0, [1, np.nan, 0, np.nan], [-1, 0, 1, 0]),
        (1, 0, pd.Series([1, None, 0, None], dtype="Int64"), [-1, 0, 1, 0]),
        ("bad", "good", ["bad", "good", "?", None], [-1, 1, 0, 0]),
        ("bad", "good", pd.Series(["bad", "good", "bad", None], dtype="category"), [-1, 1, -1, 0]),
        (0, None, [0, 1, 2, False], [-1, 0, 0, -1]),
    ],
)
def test_values_that_mark_rows(anomaly, normal, y, expected):
    found = labels_of(y, X, LabelMeaning(anomaly, normal))
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("y", [[-1, 1, 1, 1], "no labels at all", [1], None])
def test_without_a_meaning_y_is_not_looked_at(y):
    np.testing.assert_array_equal(labels_of(y, X, LabelMeaning(None, None)), np.zeros(4))


@pytest.mark.parametrize(
    ("mark", "y", "shown"),
    [
        (1, [0, 0, -1, 0], "anomaly_label=1 does not occur in it. Its values are 0, -1"),
        ("1", [0, 1, 1, 0], "anomaly_label='1' does not occur in it. Its values are 0, 1"),
        (1, list("abab"), "Its values are 'a', 'b'"),
    ],
)
def test_labels_that_mark_nothing_warn(mark, y, shown):
    with pytest.warns(UserWarning, match=f"y marks no row, so that it has no effect: .*{shown}"):
        labels_of(y, X, LabelMeaning(mark, None))
    labels_of(y, X, LabelMeaning(mark, None), warns=False)


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ((1, 1), "must differ, got 1 for both"),
        ((1, True), "must differ"),
        ((np.nan, None), "anomaly_label must not be NaN"),
        ((None, np.nan), "normal_label must not be NaN"),
    ],
)
def test_refused_meanings(marks, message):
    with pytest.raises(ValueError, match=message):
        LabelMeaning(*marks)


def test_two_rows_are_not_anomalies():
    check_normal_rows(np.array([-1, 0, 1]))
    with pytest.raises(ValueError, match="y labels 2 of 3 rows as anomalies"):
        check_normal_rows(np.array([-1, -1, 1]))
