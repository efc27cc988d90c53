"""Validation of the arguments of displays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skae._data.containers import as_matrix_like
from skae._utils.naming import naming


def check_detector(estimator: Any, *methods: str) -> None:
    """Raise an error if the estimator is not a fitted outlier detector.

    Parameters
    ----------
    estimator : object
        Argument of the user.

    *methods : str
        Methods that it must have.

    Raises
    ------
    TypeError
        If it lacks a method or, although fitted, ``offset_``.

    NotFittedError
        If it is not fitted.
    """
    missing = [name for name in methods if not hasattr(estimator, name)]
    if not missing:
        check_is_fitted(estimator)
        missing = [name for name in ["offset_"] if not hasattr(estimator, name)]
    if missing:
        raise TypeError(
            f"estimator must be an outlier detector with {' and '.join([*methods, 'offset_'])}, "
            f"such as skae.AutoencoderOutlierDetector, got {_short(estimator)} without "
            f"{' and '.join(missing)}."
        )


def check_methods(estimator: Any, methods: tuple[str, ...], wanted: str = "") -> None:
    """Raise an error if the estimator lacks a method or is not fitted.

    Parameters
    ----------
    estimator : object
        Argument of the user.

    methods : tuple of str
        Methods that it must have.

    wanted : str, default=""
        Description of the requirement for the error message, if it is more than `methods`.

    Raises
    ------
    TypeError
        If a method is missing.

    NotFittedError
        If it is not fitted.
    """
    missing = [name for name in methods if not hasattr(estimator, name)]
    if missing:
        kind = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
        raise TypeError(
            f"estimator must have {wanted or ' and '.join(methods)}, such as "
            f"skae.AutoencoderTransformer, got {kind} without {' and '.join(missing)}."
        )
    check_is_fitted(estimator)


def sorted_unique(values: Any) -> list:
    """Return the different values in ascending order."""
    found = list(pd.unique(values))
    try:
        return sorted(found)
    except TypeError:  # a mixture of numbers and strings
        return sorted(found, key=str)


def threshold_of(estimator: Any) -> float:
    """Return the anomaly score above which rows are outliers."""
    # Some detectors of scikit-learn store their offset in an array with one entry.
    return -np.asarray(estimator.offset_, dtype=float).item()


def n_rows(X: Any, name: str = "X") -> int:
    """Return the number of rows of an array, matrix, data frame or list."""
    with naming(name):
        shape = np.shape(X) if isinstance(X, list | tuple) else as_matrix_like(X).shape
        if not shape:
            raise ValueError(f"{name} must contain rows, got {X!r}.")
        return shape[0]


def as_list(values: Any) -> list:
    """Return the items of a sequence as a list, and an empty list for any other object."""
    try:
        return list(values)
    except TypeError:
        return []


def check_numbers(values: Any, name: str) -> np.ndarray:
    """Return finite numbers as an array of shape (n,), dtype float64, with ``n >= 1``."""
    with naming(name):
        numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or not len(numbers):
        raise ValueError(
            f"{name} must be one-dimensional and not empty, got an array of shape {numbers.shape}."
        )
    if not np.isfinite(numbers).all():
        which = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise ValueError(
            f"{name} must be finite numbers, got {numbers[which]} at position {which}."
        )
    return numbers


def _short(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
