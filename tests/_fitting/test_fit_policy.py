"""The policy of a fit: the resolved parameters, which no fitted estimator keeps."""

import pickle
import pickletools
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae._fitting import defaults
from skae._fitting.fit_policy import FitPolicy, resolve_parts
from skae._fitting.prepared import Prepared
from skae._fitting.scaling_rules import one_scale, own_scales
from skae._training.training_plan import TrainingPlan
from skae.architectures import Dense, Recurrent
from skae.corruptions import Masking
from skae.kinds import Denoising, Sparse, Undercomplete
from skae.losses import MAE, Huber

TINY = {"max_epochs": 1, "batch_size": 30, "early_stopping": False, "random_state": 0}
TINY["architecture"] = Dense((4,))


def test_parameters_are_handed_down_as_they_are(make_policy):
    given = {
        "n_components": 3,
        "init": "random",
        "max_epochs": 4,
        "batch_size": 5,
        "learning_rate": 0.6,
        "weight_decay": 0.7,
        "jitter": 0.8,
        "early_stopping": False,
        "validation_fraction": 0.9,
        "patience": 10,
        "precision": "float64",
    }
    policy = make_policy(**given)
    assert {name: getattr(policy, name) for name in given} == given
    assert policy.sample_shape == (6,)


def test_names_become_objects(make_policy):
    callback = Callback()
    policy = make_policy(
        kind="sparse",
        architecture="recurrent",
        loss="mae",
        optimizer="sgd",
        device="cpu",
        callbacks=(callback,),
    )
    assert type(policy.kind) is Sparse
    assert type(policy.architecture) is Recurrent
    assert type(policy.loss) is MAE
    assert policy.optimizer.func is torch.optim.SGD
    assert policy.device == torch.device("cpu")
    assert policy.callbacks == [callback]


def test_objects_become_copies_with_the_same_parameters(make_policy):
    """A fit may change its parts, never the user's."""
    given = {"kind": Sparse(k=2), "architecture": Dense((3,)), "loss": Huber(delta=2.0)}
    policy = make_policy(**given)
    for name, part in given.items():
        own = getattr(policy, name)
        assert own is not part
        assert type(own) is type(part)
        assert own.get_params() == part.get_params()


def test_a_kinds_corruption_becomes_an_object_and_the_users_kind_stays():
    kind = Denoising("masking")
    parts = resolve_parts(AutoencoderTransformer(kind=kind))
    assert type(parts.kind.corruption) is Masking
    assert kind.corruption == "masking"


def test_a_function_becomes_a_loss():
    def absolute(output, target):
        return (output - target).abs()

    loss = resolve_parts(AutoencoderTransformer(loss=absolute)).loss
    output, target = torch.tensor([[1.0, -2.0]]), torch.zeros(1, 2)
    assert loss.elementwise(output, target).tolist() == [[1.0, 2.0]]


def test_what_the_role_decides_takes_the_place_of_a_parameter(make_policy):
    assert make_policy().rules is defaults.GENERAL
    assert make_policy().scaling is one_scale
    assert make_policy().validates_on_training_rows
    decided = {
        "n_components": "filling rank",
        "rules": defaults.DETECTOR,
        "scaling": own_scales,
        "validates_on_training_rows": False,
    }
    policy = make_policy(of_role=decided)
    assert {name: getattr(policy, name) for name in decided} == decided


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"kind": "sprase"}, ValueError, "kind.*sprase"),
        ({"kind": Undercomplete}, (ValueError, TypeError), "kind"),
        ({"architecture": 3}, (ValueError, TypeError), "architecture.*3"),
        ({"loss": "l3"}, ValueError, "loss.*l3"),
        ({"optimizer": "adm"}, ValueError, "optimizer.*adm"),
        ({"device": "nowhere"}, ValueError, "device.*nowhere"),
        ({"callbacks": [Callback]}, TypeError, "callbacks"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_not_as_described_is_refused(make_policy, parameters, error, match):
    with pytest.raises(error, match=match):
        make_policy(**parameters)


def test_a_policy_cannot_be_changed(make_policy):
    policy = make_policy()
    for field in fields(policy):
        with pytest.raises(FrozenInstanceError):
            setattr(policy, field.name, None)


X = np.random.default_rng(0).normal(size=(40, 5))
Y = np.arange(40) % 2
ESTIMATORS = {
    "transformer": AutoencoderTransformer(2, **TINY),
    "classifier": AutoencoderClassifier(2, **TINY),
    "detector": AutoencoderOutlierDetector(2, n_estimators=2, **TINY),
    "imputer": AutoencoderImputer(n_estimators=1, **TINY),
    "recommender": AutoencoderRecommender(**TINY),
}


def reachable(value, seen):
    """Yield everything that an estimator holds, through attributes and containers of skae's."""
    if id(value) in seen or isinstance(value, str | bytes | int | float | np.ndarray | type):
        return
    seen.add(id(value))
    yield value
    inside = []
    if isinstance(value, dict):
        inside = [*value, *value.values()]
    elif isinstance(value, list | tuple | set):
        inside = list(value)
    elif type(value).__module__.startswith("skae."):
        inside = list(vars(value).values()) if hasattr(value, "__dict__") else []
    for item in inside:
        yield from reachable(item, seen)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("role", ESTIMATORS)
def test_no_fitted_estimator_keeps_a_policy(role):
    rows = np.where(np.arange(200).reshape(40, 5) % 7 == 0, np.nan, X)
    incomplete = role in ("imputer", "recommender")
    labels = Y if role == "classifier" else None
    fitted = ESTIMATORS[role].fit(rows if incomplete else X, labels)
    kept = {type(value) for value in reachable(fitted, set())}
    assert not kept & {FitPolicy, Prepared, TrainingPlan}
    names = [name for _, name, _ in pickletools.genops(pickle.dumps(fitted))]
    for name in names:
        if isinstance(name, str):
            assert not name.startswith(("skae._fitting", "skae._training", "skae._start")), name


@pytest.mark.parametrize("role", ESTIMATORS)
def test_which_estimators_start_warm(role):
    starts_warm = role in ("transformer", "classifier", "detector")
    assert hasattr(ESTIMATORS[role], "warm_start") is starts_warm
    assert ("warm_start" in ESTIMATORS[role].get_params()) is starts_warm


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("role", ["detector", "imputer", "recommender"])
def test_estimators_of_several_networks_have_no_single_one(role):
    rows = np.where(np.arange(200).reshape(40, 5) % 7 == 0, np.nan, X)
    fitted = ESTIMATORS[role].fit(X if role == "detector" else rows)
    assert not hasattr(fitted, "_fitted")
    assert not any(
        name.startswith("_fitted") and name != "_fitted_networks" for name in dir(fitted)
    )
    assert len(fitted._fitted_networks()) >= 1
