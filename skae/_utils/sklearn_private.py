"""Private names of scikit-learn, which no other module imports.

If a release of scikit-learn moves one of them, only this file changes.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in as feature_names_in
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "Interval",
    "StrOptions",
    "check_sample_weight",
    "feature_names_in",
    "fit_context",
    "validate_parameters",
]


def validate_parameters(estimator) -> None:
    """Refuse parameters that violate the constraints of an estimator, as ``fit`` does."""
    estimator._validate_params()
