"""The only place where names that scikit-learn does not promise to keep are imported.

When a release of scikit-learn moves one of them, this file is where to repair it.
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
    """Refuse parameters that are not as an estimator's constraints say, as ``fit`` does."""
    estimator._validate_params()
