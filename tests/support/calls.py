"""Every public method of every estimator, found by introspection, with arguments that are valid.

A new method is tested by being there; a new argument fails until `VALID` or `ROWS` knows it.
"""

from __future__ import annotations

import inspect
import warnings

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from support.outcomes import outcome

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae.architectures import Dense
from skae.kinds import Sparse

TINY = {"max_epochs": 1, "batch_size": 8, "early_stopping": False, "random_state": 0}
SMALL = Dense(hidden_layer_sizes=(4,))

BUILDS = {
    "transformer": AutoencoderTransformer(2, architecture=SMALL, **TINY),
    "transformer from random weights": AutoencoderTransformer(
        1, architecture=SMALL, init="random", **TINY
    ),
    "variational transformer": AutoencoderTransformer(
        1, kind="variational", architecture=SMALL, **TINY
    ),
    "sparse transformer": AutoencoderTransformer(
        3, kind=Sparse(penalty="topk", k=1, sparse_output=True), architecture=SMALL, **TINY
    ),
    "linear transformer": AutoencoderTransformer(architecture=Dense(()), **TINY),
    "detector": AutoencoderOutlierDetector(architecture=SMALL, **TINY),
    "detector of novelties": AutoencoderOutlierDetector(
        2,
        novelty=True,
        standardize="robust",
        init="pca",
        architecture=SMALL,
        anomaly_label=-1,
        normal_label=1,
        **TINY,
    ),
    "imputer": AutoencoderImputer(n_estimators=1, architecture=SMALL, **TINY),
    "recommender": AutoencoderRecommender(architecture=SMALL, **TINY),
    "classifier": AutoencoderClassifier(2, head_layer_sizes=(4,), architecture=SMALL, **TINY),
}

# Methods that see no data: those that scikit-learn writes, and files (test_files.py).
_WITHOUT_DATA = {"save", "get_params", "set_params", "set_output", "set_callbacks"}
_WITHOUT_DATA |= {"get_metadata_routing", "get_feature_names_out"}

# What arguments other than rows are given. Those of None are left out.
VALID = {
    "sample_weight": None,
    "groups": None,
    "validation_set": None,
    "random_state": 0,
    "n_samples": 2,
    "density": "auto",
    "n_steps": 3,
    "n_draws": 2,
    "n_importance_samples": 2,
    "fdr": 0.5,
    "contamination": 0.25,
    "n_features": 2,
    "level": 0.01,
    "only_outliers": True,
    "false_positive_rate": None,
    "n_alarms": None,
    "n_rows": None,
    "outlier_fraction": None,
    "users": [0, 1],
    "items": [0, 0],
    "n_items": 2,
    "exclude_known": False,
    "probabilities": False,
    "clip": False,
    "given": None,
    "y": None,
    "fit_params": None,
}
# Arguments that are rows. The X of inverse_transform is none: it holds codes.
ROWS = ("X", "x_a", "x_b")


def methods_of(estimator) -> list[str]:
    """Return the names of the public methods that see data."""
    names = [
        name
        for name, value in inspect.getmembers(type(estimator))
        if not name.startswith("_") and callable(value) and hasattr(estimator, name)
    ]
    requests = {name for name in names if name.endswith("_request")}
    return sorted({*names} - _WITHOUT_DATA - requests)


def is_fit(method: str) -> bool:
    return method.startswith(("fit", "partial_fit"))


def labels_for(estimator, n_rows: int):
    """Return labels that an estimator takes, None where it ignores them."""
    if isinstance(estimator, AutoencoderClassifier):
        return np.arange(n_rows) % 2
    return None


def arguments(estimator, method: str, rows) -> dict:
    """Return valid arguments for a method, with these rows where it takes rows."""
    given = {}
    for name in inspect.signature(getattr(estimator, method)).parameters:
        if name == "y":
            given[name] = labels_for(estimator, n_rows_of(rows))
        elif name == "X" and method == "inverse_transform":
            given[name] = np.linspace(-1, 1, 2 * estimator.n_components_).reshape(2, -1)
        elif name == "users" and method in ("recommend", "score"):
            continue  # users of fit, in place of rows
        else:
            given[name] = rows if name in ROWS else VALID[name]
    return {name: value for name, value in given.items() if value is not None}


def n_rows_of(rows) -> int:
    try:
        return int(rows.shape[0]) if hasattr(rows, "shape") else len(np.asarray(rows))
    except (TypeError, IndexError, ValueError, RuntimeError):
        return 2


def fitted(estimator, rows):
    """Return a copy of an estimator, fitted to rows."""
    copy = clone(estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # one epoch is hardly a training
        return copy.fit(**arguments(copy, "fit", rows))


def call(estimator, method: str, rows, **changed):
    """Call a method with valid arguments but for those that are changed."""
    if is_fit(method):
        estimator = clone(estimator)
    given = {**arguments(estimator, method, rows), **changed}
    return getattr(estimator, method)(**given)


def results(group: str, estimator, rows_of_fit, rows) -> dict[str, object]:
    """Fit an estimator, call all of its methods, and return what each gives, or how it refuses."""
    found = {}
    ready = outcome(group, "X", lambda: call(estimator, "fit", rows_of_fit))
    if not isinstance(ready, BaseEstimator):
        return {"fit": ready}
    found["fit"] = ready
    for method in methods_of(ready):
        if method == "fit":
            continue
        of = rows_of_fit if is_fit(method) else rows
        one = clone(ready) if is_fit(method) else ready
        found[method] = outcome(
            f"{group}", ROWS, lambda one=one, method=method, of=of: call(one, method, of)
        )
    return found
