import numpy as np
import pandas as pd
import pytest

from skae._classification.labels import class_numbers, class_weights


def rows(y):
    return np.zeros((len(y), 2))


@pytest.mark.parametrize(
    ("y", "classes", "numbers"),
    [
        ([3, -1, 7, 3], [3, 7], [0, -1, 1, 0]),
        ([True, False, True], [False, True], [1, 0, 1]),
        (np.array(["b", "a", "b"]), ["a", "b"], [1, 0, 1]),
        (np.array(["b", -1, "a"], dtype=object), ["a", "b"], [1, -1, 0]),
        ([0.0, -1.0, 2.0], [0.0, 2.0], [0, -1, 1]),
        (pd.Series([5, -1, 6], index=[3, 1, 2]), [5, 6], [0, -1, 1]),
        ([-2, -1, 4], [-2, 4], [0, -1, 1]),
    ],
)
def test_classes_and_their_numbers(y, classes, numbers):
    found = class_numbers(y, rows(y))
    assert found[0].tolist() == classes
    assert found[1].tolist() == numbers


def test_two_signs_are_two_classes():
    classes, numbers = class_numbers([-1, 1, 1, -1], rows(range(4)))
    assert classes.tolist() == [-1, 1]
    assert numbers.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([-1, -1, -1], "y holds no label: all of its 3 values are -1"),
        (np.array(["a", "-1", "b"]), "the string '-1' and has dtype <U2"),
        ([0, np.nan, 1], "Input y contains NaN"),
        ([0.5, 0.25, 1.5], "Unknown label type: continuous"),
        ([0, 1], "inconsistent numbers of samples"),
    ],
)
def test_what_is_no_label_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        class_numbers(y, np.zeros((3, 2)))


def test_balanced_weights_count_labelled_rows_only():
    classes, numbers = np.array([4, 9]), np.array([0, 0, 0, 1, -1, -1])
    weights = class_weights("balanced", classes, numbers)
    np.testing.assert_allclose(weights, [4 / (2 * 3), 4 / (2 * 1)])
    assert class_weights({4: 1, 9: 5}, classes, numbers).tolist() == [1, 5]
    assert class_weights(None, classes, numbers).tolist() == [1, 1]


def test_a_class_that_is_left_out_has_weight_one():
    weights = class_weights("balanced", np.array([4, 9, 11]), np.array([0, 0, 1, -1]))
    np.testing.assert_allclose(weights, [3 / 4, 3 / 2, 1])
