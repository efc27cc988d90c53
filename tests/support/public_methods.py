"""Every public method of every estimator, with arguments to call it by."""

import functools
import tempfile
from pathlib import Path

import numpy as np

import skae
from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)

X = np.random.RandomState(0).randn(60, 6)
Y = np.where(np.arange(60) % 3, np.arange(60) % 2 * 5, -1)
HOLES = np.where(np.random.RandomState(1).rand(60, 6) < 0.3, np.nan, X)
# What scikit-learn gives to estimators, and reads or sets nothing but parameters.
OF_SCIKIT_LEARN = {
    *("get_feature_names_out", "get_metadata_routing", "get_params"),
    *("set_callbacks", "set_output", "set_params"),
    *("set_fit_request", "set_partial_fit_request", "set_score_request"),
}
# Estimators by name: how to make one, and how to call each of its methods once it is fitted.
ESTIMATORS = {
    "transformer": (
        lambda **params: AutoencoderTransformer(2, **quick(params)),
        {
            "fit": lambda e: e.fit(X),
            "fit_transform": lambda e: e.fit_transform(X),
            "partial_fit": lambda e: e.partial_fit(X),
            "transform": lambda e: e.transform(X),
            "inverse_transform": lambda e: e.inverse_transform(X[:, :2]),
            "reconstruct": lambda e: e.reconstruct(X),
            "score": lambda e: e.score(X),
            "score_samples": lambda e: e.score_samples(X),
            "sample": lambda e: e.sample(3, random_state=0),
            "interpolate": lambda e: e.interpolate(X[0], X[1], 4),
        },
    ),
    "variational transformer": (
        lambda **params: AutoencoderTransformer(2, kind="variational", **quick(params)),
        {
            "posterior": lambda e: e.posterior(X),
            "elbo": lambda e: e.elbo(X, n_draws=2),
            "log_likelihood": lambda e: e.log_likelihood(X, 3),
        },
    ),
    "outlier detector": (
        lambda **params: AutoencoderOutlierDetector(n_estimators=2, **quick(params)),
        {
            "fit": lambda e: e.fit(X),
            "fit_predict": lambda e: e.fit_predict(X),
            "partial_fit": lambda e: e.partial_fit(X),
            "calibrate": lambda e: e.calibrate(X),
            "drift_report": lambda e: e.drift_report(X).p_value,
            "predict": lambda e: e.predict(X),
            "decision_function": lambda e: e.decision_function(X),
            "score_samples": lambda e: e.score_samples(X),
            "p_values": lambda e: e.p_values(X),
            "select": lambda e: e.select(X, fdr=0.5),
            "set_threshold": lambda e: e.set_threshold(contamination=0.1),
            "feature_contributions": lambda e: e.feature_contributions(X),
            "alerts": lambda e: e.alerts(X, only_outliers=False).iloc[:, :2],
            "reconstruct": lambda e: e.reconstruct(X),
        },
    ),
    "imputer": (
        lambda **params: AutoencoderImputer(n_estimators=2, **quick(params)),
        {
            "fit": lambda e: e.fit(HOLES),
            "fit_transform": lambda e: e.fit_transform(HOLES),
            "transform": lambda e: e.transform(HOLES),
            "sample": lambda e: e.sample(HOLES, 2, random_state=0),
        },
    ),
    "recommender": (
        lambda **params: AutoencoderRecommender(**quick(params)),
        {
            "fit": lambda e: e.fit(HOLES),
            "predict_all": lambda e: e.predict_all(),
            "predict_ratings": lambda e: e.predict_ratings([0, 1], [2, 3]),
            "recommend": lambda e: e.recommend([0, 1], 2),
            "score": lambda e: e.score(X),
        },
    ),
    "classifier": (
        lambda **params: AutoencoderClassifier(unlabelled=-1, **quick(params)),
        {
            "fit": lambda e: e.fit(X, Y),
            "fit_transform": lambda e: e.fit_transform(X, Y),
            "transform": lambda e: e.transform(X),
            "inverse_transform": lambda e: e.inverse_transform(e.transform(X)),
            "reconstruct": lambda e: e.reconstruct(X),
            "predict": lambda e: e.predict(X),
            "predict_proba": lambda e: e.predict_proba(X),
            "predict_log_proba": lambda e: e.predict_log_proba(X),
            "decision_function": lambda e: e.decision_function(X),
            "score": lambda e: e.score(X, np.where(Y < 0, 0, Y)),
            "score_samples": lambda e: e.score_samples(X),
        },
    ),
}
for _, calls in ESTIMATORS.values():
    calls["save"] = lambda e: save_and_load(e)
CALLS = [(name, method) for name, (_, calls) in ESTIMATORS.items() for method in calls]
# Those that leave the estimator as it is.
READING = [
    (name, method)
    for name, method in CALLS
    if not method.startswith(("fit", "partial_fit", "set_", "calibrate"))
]
FIRST_CALLS = {"variational transformer": lambda e: e.fit(X)}


def quick(params):
    return {"max_epochs": 2, "random_state": 0, **params}


def save_and_load(estimator):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.skae")
        estimator.save(path)
        return skae.load(path)


def new(name, **params):
    """Return an estimator that is not fitted."""
    return ESTIMATORS[name][0](**params)


def fitted(name, **params):
    """Return a fitted estimator."""
    fit = FIRST_CALLS.get(name, ESTIMATORS[name][1].get("fit"))
    return fit(new(name, **params))


@functools.cache
def shared(name):
    """Return a fitted estimator for tests that only read it."""
    return fitted(name, random_state=None)


def call(estimator, name, method):
    """Call a method of a fitted estimator."""
    return ESTIMATORS[name][1][method](estimator)


def numbers(result):
    """Return what a method returns as arrays, to be compared."""
    if hasattr(result, "get_params"):
        return []
    return [np.asarray(part) for part in (result if isinstance(result, tuple) else [result])]


def public_methods(cls):
    """Return the names of all methods that a user may call."""
    names = {n for n in dir(cls) if not n.startswith("_") and callable(getattr(cls, n, None))}
    return names - OF_SCIKIT_LEARN
