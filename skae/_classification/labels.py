"""From the labels that a user has to numbers of classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import assert_all_finite
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skae._data.matrix import Matrix
from skae._utils.naming import naming

# What stands for "not known" among labels, and among numbers of classes.
UNLABELLED = -1


@naming("y")
def class_numbers(y: ArrayLike | None, X: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, and the number of the class of each row, -1 where it is not known.

    ``y == -1`` means "not known", but where -1 and 1 are all that is in `y`, these are two
    classes: nothing could be learned otherwise, and many tables are coded so.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels: integers, booleans, or objects such as text.

    X : ndarray or CSR matrix of shape (n_samples, n_features)
        The rows that they belong to.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Sorted.

    numbers : ndarray of shape (n_samples,), dtype int64
        Places in `classes`.

    Raises
    ------
    ValueError
        If labels are missing, not finite, continuous, or all unknown; or if there is not one for
        each row.
    """
    if y is None:
        raise ValueError(
            "AutoencoderClassifier requires y to be passed, but the target y is None. Give -1 for "
            "rows without a label."
        )
    given: np.ndarray = column_or_1d(y, warn=True)
    check_consistent_length(X, given)
    assert_all_finite(given, input_name="y")
    known = _known(given)
    if not known.any():
        raise ValueError(
            f"y holds no label: all of its {len(given)} values are -1, which stands for rows "
            f"without one. Give the class of at least one row of each class."
        )
    with np.errstate(invalid="ignore"):  # of floats that are no integers
        check_classification_targets(given[known])
    classes, inverse = np.unique(given[known], return_inverse=True)
    numbers = np.full(len(given), UNLABELLED, dtype=np.int64)
    numbers[known] = inverse
    return classes, numbers


def _known(y: np.ndarray) -> np.ndarray:
    """Return which labels say something, a mask."""
    if y.dtype.kind in "US":
        if np.isin(np.array("-1", dtype=y.dtype), y):
            raise ValueError(
                f"y holds the text '-1' and has dtype {y.dtype}: for labels that are text, make it "
                f"an array of objects, np.array([...], dtype=object), with the number -1 for rows "
                f"without a label."
            )
        return np.ones(len(y), dtype=bool)
    known = np.asarray(y != UNLABELLED, dtype=bool)
    if y.dtype.kind in "if" and known.any() and not known.all() and (y[known] == 1).all():
        return np.ones(len(y), dtype=bool)
    return known


@naming("class_weight")
def class_weights(class_weight: Any, classes: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return how much each class counts, of shape (n_classes,).

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        As in scikit-learn.

    classes, numbers : ndarray
        What :func:`class_numbers` returned.
    """
    labels = classes[numbers[numbers != UNLABELLED]]
    present = np.unique(labels)  # rows of weight zero are left out, and classes with them
    weights = np.ones(len(classes))
    weights[np.isin(classes, present)] = compute_class_weight(
        class_weight, classes=present, y=labels
    )
    return weights
