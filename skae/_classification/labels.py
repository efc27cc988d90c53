"""Conversion of labels to numbers of classes."""

from __future__ import annotations

import warnings
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils import assert_all_finite
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skae._data.matrix import Matrix
from skae._utils.naming import naming

# The number of the class of rows without a label.
UNLABELLED = -1


@naming("y")
def class_numbers(
    y: ArrayLike | None, X: Matrix, unlabelled: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, and the number of the class of each row, -1 if unknown.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels: integers, booleans, or objects such as text.

    X : ndarray or CSR matrix of shape (n_samples, n_features)
        The labelled rows.

    unlabelled : int, str, np.nan or None, default=None
        The value of rows without a label; NaN stands for all missing values, None for no value.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Sorted classes.

    numbers : ndarray of shape (n_samples,), dtype int64
        Indices into `classes`.

    Warns
    -----
    UserWarning
        If -1 stands beside two or more other labels, and `unlabelled` is None.

    Raises
    ------
    ValueError
        If labels are missing, not finite, continuous, or all unknown, or if their number is not
        the number of rows.
    """
    if y is None:
        raise ValueError(
            "AutoencoderClassifier requires y to be passed, but the target y is None. If few rows "
            "have a label, give -1 for the others, and AutoencoderClassifier(unlabelled=-1)."
        )
    given: np.ndarray = column_or_1d(y, warn=True)
    check_consistent_length(X, given)
    known, labels = known_labels(given, unlabelled)
    with np.errstate(invalid="ignore"):  # of floats that are not integers
        check_classification_targets(labels)
    classes, inverse = np.unique(labels, return_inverse=True)
    if unlabelled is None:
        _warn_of_minus_one(classes)
    numbers = np.full(len(given), UNLABELLED, dtype=np.int64)
    numbers[known] = inverse
    return classes, numbers


def known_labels(y: np.ndarray, unlabelled: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return a mask of the rows with a label, and their labels.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.

    unlabelled : int, str, np.nan or None
        The value of rows without a label, as in :func:`class_numbers`.

    Raises
    ------
    ValueError
        If no row has a label, if labels are NaN or None and `unlabelled` is not NaN, if they are
        infinite, or if they are text and `unlabelled` is the number that such a text spells.
    """
    missing = np.asarray(pd.isna(y), dtype=bool)
    if isinstance(unlabelled, float) and np.isnan(unlabelled):
        known = ~missing
    else:
        if missing.any():
            raise ValueError(
                f"Input y contains NaN or None, in {missing.sum()} of {len(y)} rows, the first of "
                f"them row {missing.argmax()}. If these rows have no label, give "
                f"AutoencoderClassifier(unlabelled=np.nan); otherwise leave them out."
            )
        known = ~_equal(y, unlabelled)
    if not known.any():
        raise ValueError(
            f"y holds no label: all of its {len(y)} values are {unlabelled!r}, which stands for "
            f"rows without a label. Give at least one labelled row of each class."
        )
    labels = _as_plain(y[known])
    assert_all_finite(labels, input_name="y")
    return known, labels


def _equal(y: np.ndarray, unlabelled: Any) -> np.ndarray:
    """Return a mask of the labels that equal a number or a text; None equals no label."""
    if unlabelled is None:
        return np.zeros(len(y), dtype=bool)
    is_text = isinstance(unlabelled, str)
    if y.dtype.kind == "U" and not is_text and np.any(y == str(unlabelled)):
        raise ValueError(
            f"y contains the string '{unlabelled}' and has dtype {y.dtype}, while unlabelled is "
            f"the number {unlabelled}: give AutoencoderClassifier(unlabelled='{unlabelled}')."
        )
    comparable = y.dtype.kind == "O" or is_text == (y.dtype.kind == "U")
    return np.asarray(y == unlabelled, dtype=bool) if comparable else np.zeros(len(y), dtype=bool)


def _as_plain(labels: np.ndarray) -> np.ndarray:
    """Return objects that are all numbers or booleans as an array of these."""
    if labels.dtype.kind != "O" or not all(isinstance(x, (Number, np.bool_)) for x in labels):
        return labels
    return np.array(labels.tolist())


def _warn_of_minus_one(classes: np.ndarray) -> None:
    """Warn if -1 is one of three or more classes, since it may be meant as "no label"."""
    if len(classes) < 3 or str(-1) not in {str(label).removesuffix(".0") for label in classes}:
        return
    warnings.warn(
        f"y contains -1 beside {len(classes) - 1} other labels, and -1 is taken for a class like "
        f"the others. If it stands for rows without a label, give "
        f"AutoencoderClassifier(unlabelled=-1). If it is a class, give a value of `unlabelled` "
        f"that is not in y, such as np.nan, and there is no warning.",
        UserWarning,
        stacklevel=3,
    )


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
