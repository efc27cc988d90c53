"""Conversion of labels to numbers of classes."""

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

# The label, and the number of a class, of rows without a label.
UNLABELLED = -1


@naming("y")
def class_numbers(y: ArrayLike | None, X: Matrix) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, and the number of the class of each row, -1 if unknown.

    The label -1 means "unknown". If `y` contains -1 and 1 only, however, these are two classes:
    this is a common coding of binary labels, and there would be a single class otherwise.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels: integers, booleans, or objects such as text.

    X : ndarray or CSR matrix of shape (n_samples, n_features)
        The labelled rows.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Sorted classes.

    numbers : ndarray of shape (n_samples,), dtype int64
        Indices into `classes`.

    Raises
    ------
    ValueError
        If labels are missing, not finite, continuous, or all unknown, or if their number is not
        the number of rows.
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
            f"without a label. Give at least one labelled row of each class."
        )
    with np.errstate(invalid="ignore"):  # of floats that are not integers
        check_classification_targets(given[known])
    classes, inverse = np.unique(given[known], return_inverse=True)
    numbers = np.full(len(given), UNLABELLED, dtype=np.int64)
    numbers[known] = inverse
    return classes, numbers


def _known(y: np.ndarray) -> np.ndarray:
    """Return a mask of the known labels."""
    if y.dtype.kind in "US":
        if np.isin(np.array("-1", dtype=y.dtype), y):
            raise ValueError(
                f"y contains the string '-1' and has dtype {y.dtype}: for labels that are strings, "
                f"give an array of objects, np.array([...], dtype=object), with the number -1 for "
                f"rows without a label."
            )
        return np.ones(len(y), dtype=bool)
    known = np.asarray(y != UNLABELLED, dtype=bool)
    if y.dtype.kind in "if" and known.any() and not known.all() and (y[known] == 1).all():
        return np.ones(len(y), dtype=bool)
    return known


@naming("class_weight")
def class_weights(class_weight: Any, classes: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return the weight of each class, of shape (n_classes,).

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        As in scikit-learn.

    classes, numbers : ndarray
        Results of :func:`class_numbers`.
    """
    labels = classes[numbers[numbers != UNLABELLED]]
    present = np.unique(labels)  # classes may have no row with a positive weight
    weights = np.ones(len(classes))
    weights[np.isin(classes, present)] = compute_class_weight(
        class_weight, classes=present, y=labels
    )
    return weights
