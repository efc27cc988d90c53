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
    found = class_numbers(y, rows(y), unlabelled=-1)
    assert found[0].tolist() == classes
    assert found[1].tolist() == numbers


@pytest.mark.parametrize("y", [[-1, 1, 1, -1], [-1, 0, 0], ["-1", "a", "b"][:2], [0, 1, 2]])
def test_every_value_is_a_class_unless_one_is_named(y):
    classes, numbers = class_numbers(y, rows(y))
    assert classes.tolist() == sorted(set(y))
    assert classes[numbers].tolist() == y


@pytest.mark.parametrize("y", [[-1, 0, 1], [-1.0, 0.0, 1.0], ["-1", "a", "b"]])
def test_minus_one_beside_two_classes_warns(y):
    with pytest.warns(UserWarning, match=r"y contains -1 beside 2 other labels.*unlabelled=-1"):
        classes, _ = class_numbers(y, rows(y))
    assert classes.tolist() == y
    assert class_numbers(y, rows(y), unlabelled=np.nan)[0].tolist() == y  # without a warning


@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_a_fold_without_a_class_keeps_the_meaning(left_out):
    """Whichever class a fold lacks, -1 means the same."""
    y = np.array([-1, 0, 1, 2] * 3)
    fold = y[y != left_out]
    classes, numbers = class_numbers(fold, rows(fold), unlabelled=-1)
    assert classes.tolist() == sorted({0, 1, 2} - {left_out})
    assert (numbers == -1).sum() == 3
    classes, numbers = class_numbers(fold[fold != 0], rows(fold[fold != 0]), unlabelled=-1)
    assert -1 not in classes


@pytest.mark.parametrize(
    "y",
    [
        [2.0, np.nan, 5.0],
        np.array([2, None, 5], dtype=object),
        np.array([2, pd.NA, 5], dtype=object),
        pd.Series([2, None, 5], dtype="Int64"),
    ],
)
def test_missing_labels_are_no_labels_if_asked(y):
    classes, numbers = class_numbers(y, rows(y), unlabelled=np.nan)
    assert classes.tolist() == [2, 5]
    assert numbers.tolist() == [0, -1, 1]


def test_text_for_no_label():
    for y in (["a", "?", "b"], np.array(["a", "?", "b"], dtype=object)):
        classes, numbers = class_numbers(y, rows(y), unlabelled="?")
        assert classes.tolist() == ["a", "b"]
        assert numbers.tolist() == [0, -1, 1]
    assert class_numbers([3, 4], rows("ab"), unlabelled="?")[1].tolist() == [0, 1]
    assert class_numbers(["None", "a"], rows("ab"))[0].tolist() == ["None", "a"]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([-1, -1, -1], "y holds no label: all of its 3 values are -1"),
        (np.array(["a", "-1", "b"]), "the string '-1' and has dtype <U2.*unlabelled='-1'"),
        ([0, np.nan, 1], r"Input y contains NaN or None, in 1 of 3 rows.*row 1.*unlabelled=np.nan"),
        (np.array(["a", None, "b"], dtype=object), "Input y contains NaN or None"),
        ([0, np.inf, 1], "Input y contains infinity"),
        ([0.5, 0.25, 1.5], "Unknown label type: continuous"),
        ([0, 1], "inconsistent numbers of samples"),
    ],
)
def test_what_is_no_label_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        class_numbers(y, np.zeros((3, 2)), unlabelled=-1)


def test_balanced_weights_count_labelled_rows_only():
    classes, numbers = np.array([4, 9]), np.array([0, 0, 0, 1, -1, -1])
    weights = class_weights("balanced", classes, numbers)
    np.testing.assert_allclose(weights, [4 / (2 * 3), 4 / (2 * 1)])
    assert class_weights({4: 1, 9: 5}, classes, numbers).tolist() == [1, 5]
    assert class_weights(None, classes, numbers).tolist() == [1, 1]


def test_a_class_that_is_left_out_has_weight_one():
    weights = class_weights("balanced", np.array([4, 9, 11]), np.array([0, 0, 1, -1]))
    np.testing.assert_allclose(weights, [3 / 4, 3 / 2, 1])
