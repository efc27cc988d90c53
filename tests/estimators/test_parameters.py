"""Every parameter of every estimator, part and method, at and past its bounds."""

import functools
import inspect
import os

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from support.calls import BUILDS, ROWS, VALID, arguments, fitted, is_fit, methods_of
from support.outcomes import Refused, check_finite, outcome
from support.strategies import LABELS, VALUES, WEIGHTS

from skae._utils.checks import LARGEST
from skae.architectures import ARCHITECTURES
from skae.corruptions import CORRUPTIONS
from skae.kinds import KINDS, Denoising
from skae.losses import LOSSES
from skae.scores import SCORES

FUZZ = int(os.environ.get("SKAE_FUZZ_EXAMPLES", "0"))
X = np.random.default_rng(0).normal(size=(6, 4))
IMAGES = np.random.default_rng(0).random(size=(6, 1, 4, 4))

# What is asked for with a large number is given, however long it takes: not in this suite.
TAKE_LONG = {"max_epochs", "n_estimators", "n_draws", "n_importance_samples", "n_samples"}
TAKE_LONG |= {"n_steps", "pursuit_steps"}


def takes_long(name: str, value) -> bool:
    return name in TAKE_LONG and isinstance(value, int | np.integer) and 1e4 < value <= LARGEST


def examples(n_examples: int):
    return settings(
        max_examples=FUZZ or n_examples, derandomize=not FUZZ, deadline=None, database=None
    )


def fit_and_use(group: str, names, estimator, rows):
    """Fit an estimator, and look at what it gives of the rows."""

    def fit():
        one = clone(estimator)
        one.fit(**arguments(one, "fit", rows))
        for method in ("transform", "reconstruct", "score_samples", "predict_all", "predict_proba"):
            if hasattr(one, method):
                check_finite(getattr(one, method)(rows), method)
        return one

    return outcome(group, names, fit)


# -- Estimators. -----------------------------------------------------------------------------------

PARAMETERS = [(build, name) for build in BUILDS for name in BUILDS[build].get_params(deep=False)]


def check_parameter(build, name, value):
    if takes_long(name, value) or (name == "checkpoint" and isinstance(value, str | bytes)):
        return None  # a name of a file is one, and it would be written
    estimator = clone(BUILDS[build])
    setattr(estimator, name, value)
    return fit_and_use("parameters of estimators", name, estimator, X)


@given(parameter=st.sampled_from(PARAMETERS), value=st.sampled_from(VALUES))
@example(("transformer", "batch_size"), np.int8(2))
@example(("transformer", "batch_size"), 10**400)
@example(("transformer", "callbacks"), [1])
@example(("transformer", "jitter"), 1e300)
@example(("transformer", "learning_rate"), 10**400)
@example(("detector", "learning_rate"), 2**40)
@example(("detector", "weight_decay"), 1e30)
@example(("classifier", "learning_rate"), 2**40)
@example(("transformer", "loss"), len)
@example(("transformer", "weight_decay"), 10**400)
@example(("variational transformer", "n_components"), 2**63)
@example(("detector", "n_components"), 2**40)
@example(("sparse transformer", "n_components"), LARGEST)
@example(("classifier", "head_layer_sizes"), (2**63,))
@example(("classifier", "head_layer_sizes"), (LARGEST, LARGEST))
@example(("imputer", "missing_values"), 10**400)
@example(("imputer", "min_value"), {"a": 1})
@example(("imputer", "max_value"), 10**400)
@examples(150)
def test_parameters_of_estimators(parameter, value):
    check_parameter(*parameter, value)


# -- Parts. ----------------------------------------------------------------------------------------

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
SMALL = {
    "convolutional": {"channels": (2,), "hidden_layer_sizes": (4,)},
    "recurrent": {"hidden_size": 4},
    "transformer": {"d_model": 4, "n_heads": 2, "n_layers": 1},
    "occlusion": {"sample_shape": (4, 4)},
}


def rows_for(part: str) -> np.ndarray:
    if part in ("convolutional", "transformer"):
        return IMAGES
    return IMAGES.reshape(6, -1) if part in ("occlusion", "bce") else X


def with_part(role: str, part):
    """Return an estimator that uses a part."""
    if role == "score":
        return clone(BUILDS["detector"]).set_params(scoring=part, kind="variational")
    if role == "corruption":
        return clone(BUILDS["transformer"]).set_params(kind=Denoising(part))
    return clone(BUILDS["transformer"]).set_params(**{role: part})


def check_part(role, part, name, value):
    if takes_long(name, value):
        return None
    made = ROLES[role][part]().set_params(**SMALL.get(part, {}))
    setattr(made, name, value)
    return fit_and_use("parameters of parts", name, with_part(role, made), rows_for(part))


@given(parameter=st.sampled_from(PARTS), value=st.sampled_from(VALUES))
@example(("architecture", "dense", "hidden_layer_sizes"), (LARGEST, LARGEST))
@example(("architecture", "convolutional", "kernel_size"), LARGEST)
@example(("architecture", "recurrent", "n_layers"), 2**40)
@example(("architecture", "recurrent", "hidden_size"), LARGEST)
@example(("architecture", "recurrent", "channel_axis"), np.array([1.0, 2.0]))
@example(("architecture", "transformer", "n_layers"), LARGEST)
@example(("architecture", "transformer", "d_model"), 2**30)
@example(("kind", "sparse", "k"), np.array([]))
@example(("kind", "variational", "beta"), np.uint64(2**64 - 1))
@example(("kind", "variational", "free_bits"), 1e300)
@example(("kind", "compressive", "weight"), np.uint64(2**64 - 1))
@example(("kind", "undercomplete", "corruption"), len)
@example(("corruption", "gaussian", "level"), np.uint64(2**64 - 1))
@example(("corruption", "masking", "fraction"), 10**400)
@example(("loss", "huber", "delta"), 10**400)
@example(("score", "elbo", "n_draws"), 2**63)
@examples(150)
def test_parameters_of_parts(parameter, value):
    check_part(*parameter, value)


# -- Methods. --------------------------------------------------------------------------------------


@functools.cache
def fitted_builds() -> dict:
    return {build: fitted(estimator, X) for build, estimator in BUILDS.items()}


@functools.cache
def arguments_of_methods() -> list:
    return [
        (build, method, name)
        for build, estimator in fitted_builds().items()
        for method in methods_of(estimator)
        for name in inspect.signature(getattr(estimator, method)).parameters
        if name not in ROWS and name != "fit_params"
    ]


# What else set_threshold is given with these arguments.
INSTEAD_OF_CONTAMINATION: dict[str, dict] = {
    "false_positive_rate": {},
    "n_alarms": {"n_rows": 3},
    "n_rows": {"n_alarms": 1},
    "outlier_fraction": {"false_positive_rate": 0.5},
}


def check_argument(build, method, name, value):
    if takes_long(name, value):
        return None
    ready = fitted_builds()[build]
    given = {**arguments(ready, method, X), name: value}
    if name in INSTEAD_OF_CONTAMINATION:
        del given["contamination"]
        given |= INSTEAD_OF_CONTAMINATION[name]
    if name == "users":  # of fit, in place of rows
        given |= {"X": X[:2]} if method == "score" else {}
        if method == "recommend":
            del given["X"]
    one = clone(ready) if is_fit(method) else ready
    return outcome("arguments of methods", name, lambda: getattr(one, method)(**given))


@given(data=st.data())
@examples(150)
def test_arguments_of_methods(data):
    argument = data.draw(st.sampled_from(arguments_of_methods()))
    value = data.draw(st.sampled_from(VALUES))
    if argument[2] in ("y", "sample_weight"):
        values = LABELS if argument[2] == "y" else WEIGHTS
        value = data.draw(st.sampled_from([value, *values.values()]))
    check_argument(*argument, value)


def test_false_positive_rates_up_to_one():
    for rate in (5e-324, 1e-300, 0.5, 1 - 1e-16):
        check_argument("detector", "set_threshold", "false_positive_rate", rate)
        check_argument("detector", "set_threshold", "n_alarms", rate)
    check_argument("detector", "set_threshold", "n_rows", 1e308)
    ready = fitted_builds()["detector"]
    assert ready.set_threshold(false_positive_rate=1 - 1e-16).predict(X).min() == -1


def test_every_argument_has_a_valid_value():
    for build, method, name in arguments_of_methods():
        assert name in VALID, f"tell calls.VALID of {name!r} of {method} of the {build}"
        assert not isinstance(check_argument(build, method, name, VALID[name]), Refused) or (
            VALID[name] is None
        )


@pytest.mark.filterwarnings("ignore:The training learned nothing")
def test_weights_of_any_size_are_shares():
    plain = clone(BUILDS["transformer"]).fit(X, sample_weight=np.ones(6)).transform(X)
    for weight in (5e-324, 1e-300, np.finfo(np.float64).max):
        codes = clone(BUILDS["transformer"]).fit(X, sample_weight=np.full(6, weight)).transform(X)
        np.testing.assert_allclose(codes, plain, rtol=1e-5, atol=1e-6)
    for weight in (float("nan"), float("inf"), 1j, -1, 0, "1"):
        refused = check_argument("transformer", "fit", "sample_weight", weight)
        assert isinstance(refused, Refused)
