"""Private names of scikit-learn, which no other module imports.

If a release of scikit-learn moves one of them, only this file changes.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils._set_output import ADAPTERS_MANAGER, _get_output_config
from sklearn.utils.validation import _check_feature_names as check_feature_names
from sklearn.utils.validation import _check_feature_names_in as feature_names_in
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "Interval",
    "StrOptions",
    "check_feature_names",
    "check_sample_weight",
    "feature_names_in",
    "fit_context",
    "in_wanted_container",
    "validate_parameters",
]


Fit = TypeVar("Fit", bound=Callable[..., Any])


def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[Fit], Fit]:
    """Validate the parameters before a fit and announce it, in a decorator that keeps its type."""
    decorator: Callable[[Fit], Fit] = _fit_context(
        prefer_skip_nested_validation=prefer_skip_nested_validation
    )
    return decorator


def in_wanted_container(
    estimator: BaseEstimator, values: np.ndarray, X: Any, names: np.ndarray
) -> Any:
    """Return an array as it is, or as the frame that ``set_output`` or ``set_config`` asks for.

    Parameters
    ----------
    estimator : BaseEstimator
        The estimator that was asked.

    values : ndarray of shape (n_samples, n_columns)
        The result.

    X : object
        The argument of the method, whose index the frame takes if it is a frame of pandas too.

    names : ndarray of str of shape (n_columns,)
        Names of the columns.
    """
    container = _get_output_config("transform", estimator)["dense"]
    if container == "default":
        return values
    return ADAPTERS_MANAGER.adapters[container].create_container(values, X, columns=names)


def validate_parameters(estimator: BaseEstimator) -> None:
    """Refuse parameters that violate the constraints of an estimator, as ``fit`` does."""
    estimator._validate_params()
