"""Parts that are registered at run time: all that works with built-in parts works with them."""

import pickle

import numpy as np
import onnxruntime
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ShuffleSplit
from torch import nn

import skae
from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae.architectures import ARCHITECTURES, Architecture
from skae.architectures.layers import linear
from skae.corruptions import CORRUPTIONS, Corruption
from skae.export import to_onnx
from skae.kinds import KINDS, Kind
from skae.losses import LOSSES, Loss
from skae.scores import SCORES, Score
from skae.scores.score import residuals

X = np.random.RandomState(0).randn(60, 6) @ np.random.RandomState(1).randn(6, 6)
Y = np.arange(60) % 2
HOLES = np.where(np.random.RandomState(2).rand(*X.shape) < 0.2, np.nan, X)


class Centred(Kind):
    """Codes that are pulled towards zero."""

    def __init__(self, pull=0.1, corruption=None):
        self.pull, self.corruption = pull, corruption

    def added_loss(self, forward_pass):
        return self.pull * forward_pass.code.square().sum(1)

    def attributes(self, summary):
        return {"largest_mean_": float(np.abs(summary.mean).max())}


class OneLayer(Architecture):
    """One hidden layer."""

    def __init__(self, size=7):
        self.size = size

    def build(self, sample_shape, n_components, *, n_encoder_outputs, generator):
        def network(n_inputs, n_outputs):
            first = linear(n_inputs, self.size, generator)
            return nn.Sequential(first, nn.Tanh(), linear(self.size, n_outputs, generator))

        (n_features,) = sample_shape
        return network(n_features, n_encoder_outputs), network(n_components, n_features)


class Shrink(Corruption):
    """Rows that are nearer to the mean."""

    def __init__(self, by=0.1):
        self.by = by

    def corrupt(self, X, features, generator):
        return X - self.by * (X - features.mean)


class LogCosh(Loss):
    """Logarithm of the hyperbolic cosine of the error."""

    def __init__(self, sharpness=1.0):
        self.sharpness = sharpness

    def elementwise(self, output, target):
        return torch.log(torch.cosh(self.sharpness * (output - target).clamp(-9, 9)))


class Relative(Score):
    """Errors in units of those of normal rows."""

    def __init__(self, power=2.0):
        self.power = power

    def fit(self, residuals, codes):
        self.spread_ = residuals.numpy().std(axis=0) + 1e-9
        return self

    def of_features(self, network, X, codes):
        return (residuals(network, X, codes) / torch.from_numpy(self.spread_)).abs() ** self.power

    def of_code(self, network, X, codes):
        return None


# By axis: the registry, its place, a new class, a parameter of it and two values of that.
NEW = {
    "kind": (KINDS, "kinds.KINDS", Centred, "kind__pull", [0.1, 0.3]),
    "architecture": (
        *(ARCHITECTURES, "architectures.ARCHITECTURES", OneLayer, "architecture__size", [7, 3]),
    ),
    "corruption": (
        *(CORRUPTIONS, "corruptions.CORRUPTIONS", Shrink, "kind__corruption__by", [0.1, 0.4]),
    ),
    "loss": (LOSSES, "losses.LOSSES", LogCosh, "loss__sharpness", [1.0, 2.0]),
    "score": (SCORES, "scores.SCORES", Relative, "scoring__power", [2.0, 1.0]),
}
PARTS = ("kind", "architecture", "corruption", "loss")
CASES = [
    (AutoencoderTransformer, PARTS),
    (AutoencoderOutlierDetector, (*PARTS, "score")),
    (AutoencoderImputer, PARTS),
    (AutoencoderRecommender, PARTS),
    (AutoencoderClassifier, PARTS),
]
METHODS = {
    AutoencoderTransformer: "transform",
    AutoencoderOutlierDetector: "score_samples",
    AutoencoderImputer: "transform",
    AutoencoderRecommender: "predict_all",
    AutoencoderClassifier: "predict_proba",
}


@pytest.fixture(params=CASES, ids=lambda case: case[0].__name__[11:])
def case(request, monkeypatch):
    for axis in request.param[1]:
        monkeypatch.setitem(NEW[axis][0], "newcomer", NEW[axis][2])
    return request.param


def named(estimator, axes):
    """Return an estimator whose new parts are given by their names."""
    names = {"score": "scoring", "corruption": "kind__corruption"}
    few = {"n_estimators": 1} if "n_estimators" in estimator().get_params() else {}
    made = estimator(2, max_epochs=1, random_state=0, **few)
    return made.set_params(**{names.get(axis, axis): "newcomer" for axis in axes})


def rows_for(estimator):
    return HOLES if estimator in (AutoencoderImputer, AutoencoderRecommender) else X


def fitted(estimator, axes):
    return named(estimator, axes).fit(rows_for(estimator), Y)


def outcome(estimator):
    return getattr(estimator, METHODS[type(estimator)])(rows_for(type(estimator)))


def resolved(estimator, axis):
    """Return the part that the fit worked with."""
    network = estimator._fitted_networks()[0].spec
    parts = {"corruption": network.kind.corruption, "score": getattr(estimator, "scoring_", None)}
    return parts[axis] if axis in parts else getattr(network, axis)


def test_from_fit_to_file_and_back(case, tmp_path):
    estimator = fitted(*case)
    assert all(type(resolved(estimator, axis)) is NEW[axis][2] for axis in case[1])
    estimator.save(tmp_path / "model")
    for copy in (skae.load(tmp_path / "model"), pickle.loads(pickle.dumps(estimator))):
        np.testing.assert_array_equal(outcome(copy), outcome(estimator))
        assert repr(copy) == repr(estimator)
        assert vars(copy).keys() == vars(estimator).keys()
        assert all(type(resolved(copy, axis)) is NEW[axis][2] for axis in case[1])
        if "kind" in case[1] and case[0] in (AutoencoderTransformer, AutoencoderClassifier):
            assert copy.largest_mean_ == estimator.largest_mean_
    assert "Centred" not in (tmp_path / "model").read_bytes().decode("latin-1")


def test_search_of_nested_parameters_below_a_name(case):
    estimator, axes = case
    for axis in axes:
        parameter, values = NEW[axis][3:]
        changed = clone(named(*case)).set_params(**{parameter: values[1]}).get_params()
        assert changed[parameter] == values[1]
        assert type(changed[parameter.rpartition("__")[0]]) is NEW[axis][2]
    parameter, values = NEW[axes[-1]][3:]
    split = ShuffleSplit(1, random_state=0)
    search = GridSearchCV(named(*case), {parameter: values}, scoring=second_is_best, cv=split)
    best = search.fit(rows_for(estimator), Y).best_estimator_
    assert search.best_params_ == {parameter: values[1]}
    assert type(resolved(best, axes[-1])) is NEW[axes[-1]][2]
    assert best.get_params()[parameter] == values[1]


def second_is_best(estimator, X, y=None):
    parameters = estimator.get_params()
    found = [parameters[p] == values[1] for *_, p, values in NEW.values() if p in parameters]
    return float(any(found))


def test_onnx(case):
    estimator = fitted(*case)
    model = to_onnx(estimator, METHODS[case[0]])
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (found,) = session.run(None, {"X": rows_for(case[0]).astype(np.float32)})
    np.testing.assert_allclose(found, outcome(estimator), rtol=1e-3, atol=1e-3)


def test_a_name_that_is_not_registered_is_refused_by_name(case, tmp_path, monkeypatch):
    fitted(*case).save(tmp_path / "model")
    for axis in case[1]:
        with monkeypatch.context() as patch:
            patch.delitem(NEW[axis][0], "newcomer")
            place = NEW[axis][1].replace(".", r"\.")
            message = rf"{axis} 'newcomer' is not known: register its class in skae\.{place}"
            with pytest.raises(skae.FileFormatError, match=message):
                skae.load(tmp_path / "model")


def test_an_object_of_a_registered_class_is_not_given_again(monkeypatch, tmp_path):
    ae = AutoencoderTransformer(2, kind=Centred(pull=0.2), max_epochs=1, random_state=0).fit(X)
    ae.save(tmp_path / "own")
    with pytest.raises(skae.FileFormatError, match="saved with Centred as kind"):
        skae.load(tmp_path / "own")
    monkeypatch.setitem(KINDS, "newcomer", Centred)
    ae.save(tmp_path / "registered")
    assert skae.load(tmp_path / "registered").kind.pull == 0.2
    assert skae.load(tmp_path / "own", kind=Centred()).kind.pull == 0.2


def test_a_registered_class_must_be_a_part_of_its_axis(monkeypatch, tmp_path):
    ae = AutoencoderTransformer(2, max_epochs=1, random_state=0).fit(X)
    ae.save(tmp_path / "model")
    for other in (LogCosh, print, Centred()):
        monkeypatch.setitem(KINDS, "undercomplete", other)
        with pytest.raises(skae.FileFormatError, match="kind 'undercomplete' is not known"):
            skae.load(tmp_path / "model")
