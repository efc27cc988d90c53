"""Every parameter of every estimator and part, at and past its bounds and of every other type."""

import inspect
import os

import numpy as np
from calls import BUILDS, ROWS, arguments, methods_of
from outcomes import check_finite, outcome
from sklearn.base import clone

from skae.architectures import ARCHITECTURES, Dense
from skae.corruptions import CORRUPTIONS
from skae.kinds import KINDS, Denoising
from skae.losses import LOSSES
from skae.scores import SCORES

FUZZ = int(os.environ.get("SKAE_FUZZ_EXAMPLES", "0"))
X = np.random.default_rng(0).normal(size=(10, 4))

# What is asked for with a huge number is given, however long it takes: not in this suite.
TAKES_FOREVER = {"max_epochs", "n_estimators", "n_draws", "n_importance_samples", "warm_start"}
HUGE = 2**31


def takes_forever(name: str, value) -> bool:
    return name in TAKES_FOREVER and isinstance(value, int | np.integer) and value >= HUGE


def outcome_of(group: str, names, estimator, X=X):
    """Fit an estimator, look at what it gives, and return how it was refused if it was."""

    def fit_and_use():
        fitted = clone(estimator)
        fitted.fit(**arguments(fitted, "fit", X))
        for method in ("transform", "reconstruct", "score_samples", "predict_all", "predict_proba"):
            if hasattr(fitted, method):
                check_finite(getattr(fitted, method)(X), method)
        return fitted

    return outcome(group, names, fit_and_use)


PARAMETERS = [(build, name) for build in BUILDS for name in BUILDS[build].get_params(deep=False)]


def check_parameter(build, name, value):
    if takes_forever(name, value):
        return None
    estimator = clone(BUILDS[build])
    setattr(estimator, name, value)
    return outcome_of("parameters of estimators", name, estimator)


def in_estimator(role: str, part):
    """Return an estimator that uses a part."""
    architecture, tiny = Dense(hidden_layer_sizes=(4,)), BUILDS["transformer"]
    if role == "score":
        return clone(BUILDS["detector"]).set_params(scoring=part, kind="variational")
    if role == "corruption":
        return clone(tiny).set_params(kind=Denoising(part))
    if role == "kind":
        return clone(tiny).set_params(kind=part, architecture=architecture)
    return clone(tiny).set_params(**{role: part})


ROLES = {
    "kind": KINDS,
    "architecture": ARCHITECTURES,
    "loss": LOSSES,
    "corruption": CORRUPTIONS,
    "score": SCORES,
}
PARTS = [
    (role, part, name)
    for role, registry in ROLES.items()
    for part in registry
    for name in registry[part]().get_params(deep=False)
]
IMAGES = np.random.default_rng(0).random(size=(6, 1, 4, 4))


def check_part(role, part, name, value):
    made = ROLES[role][part]()
    if part == "convolutional":
        made.set_params(channels=(2,), hidden_layer_sizes=(4,))
    elif part == "recurrent":
        made.set_params(hidden_size=4)
    elif part == "transformer":
        made.set_params(d_model=4, n_heads=2, n_layers=1)
    rows = X
    if part in ("convolutional", "transformer"):
        rows = IMAGES
    elif part == "occlusion":
        rows = IMAGES.reshape(6, -1)
        made.set_params(sample_shape=(4, 4))
    elif part == "bce":
        rows = IMAGES.reshape(6, -1)
    estimator = in_estimator(role, made)
    setattr(made, name, value)
    return outcome_of("parameters of parts", name, estimator, rows)


def other_arguments():
    ready = {}
    for build, estimator in BUILDS.items():
        one = clone(estimator)
        ready[build] = one.fit(**arguments(one, "fit", X))
    return [
        (build, method, name)
        for build, estimator in ready.items()
        for method in methods_of(estimator)
        for name in inspect.signature(getattr(estimator, method)).parameters
        if name not in ROWS and name != "fit_params"
    ], ready
