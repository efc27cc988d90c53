"""Pipelines with estimators of skae, converted by skl2onnx into one graph."""

import sys

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
)
from skae.architectures import Dense, Recurrent
from skae.export import register_skl2onnx

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")
# Older exporters of torch have not been tried.
pytest.importorskip("torch", minversion="2.13")

SMALL = {"architecture": Dense((8,)), "max_epochs": 2, "random_state": 0}
rng = np.random.default_rng(0)
X = 100 * rng.normal(size=(600, 2)) @ rng.normal(size=(2, 6)) + 30 * rng.normal(size=(600, 6)) + 50
X = X.astype(np.float32)
INCOMPLETE = np.where(rng.random(X.shape) < 0.2, np.float32(np.nan), X)


@pytest.fixture(autouse=True)
def registered():
    register_skl2onnx()


def converted(estimator, rows=X, y=None, **options):
    """Return a pipeline and a function that runs its graph."""
    pipeline = make_pipeline(StandardScaler(), estimator).fit(rows, y)
    model = skl2onnx.to_onnx(pipeline, rows[:1], **options)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return pipeline, lambda rows: session.run(None, {"X": rows})


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rows", [X, INCOMPLETE], ids=["complete", "missing values"])
def test_transformer(rows):
    """Missing values are filled by loops, whose nodes must stay in order."""
    pipeline, run = converted(AutoencoderTransformer(2, **SMALL), rows)
    for size in (1, 2, 300):
        (codes,) = run(rows[:size])
        assert codes.dtype == np.float32
        close(codes, pipeline.transform(rows[:size]))


@pytest.mark.slow
def test_optional_inputs():
    """Recurrent layers leave some of their inputs out."""
    parameters = {**SMALL, "architecture": Recurrent(hidden_size=4)}
    pipeline, run = converted(AutoencoderTransformer(2, **parameters))
    close(run(X)[0], pipeline.transform(X))


@pytest.mark.slow
def test_imputer():
    pipeline, run = converted(AutoencoderImputer(n_estimators=1, **SMALL), INCOMPLETE)
    close(run(INCOMPLETE)[0], pipeline.transform(INCOMPLETE))


@pytest.mark.slow
def test_two_estimators_in_one_graph():
    steps = AutoencoderTransformer(4, **SMALL), AutoencoderTransformer(2, **SMALL)
    pipeline, run = converted(make_pipeline(*steps))
    close(run(X)[0], pipeline.transform(X))


def test_outlier_detector():
    pipeline, run = converted(AutoencoderOutlierDetector(2, n_estimators=1, **SMALL))
    labels, scores = run(X)
    assert labels.shape == scores.shape == (600, 1)
    assert np.array_equal(labels[:, 0], pipeline.predict(X))
    assert set(np.unique(labels)) == {-1, 1}
    close(scores[:, 0], pipeline.decision_function(X))


@pytest.mark.parametrize("classes", [["cat", "dog", "newt"], [3, 5]])
def test_classifier(classes):
    y = np.array(classes)[np.arange(600) % len(classes)]
    pipeline, run = converted(AutoencoderClassifier(2, **SMALL), y=y, options={"zipmap": False})
    labels, probabilities = run(X)
    assert np.array_equal(labels, pipeline.predict(X))
    close(probabilities, pipeline.predict_proba(X))


@pytest.mark.slow
def test_classifier_options():
    y = np.where(X[:, 0] > 0, "dog", "cat")
    pipeline, run = converted(AutoencoderClassifier(2, **SMALL), y=y)
    labels, probabilities = run(X)
    assert set(probabilities[0]) == {"cat", "dog"}
    model = skl2onnx.to_onnx(pipeline, X[:1], options={"nocl": True, "zipmap": False})
    session = onnxruntime.InferenceSession(model.SerializeToString())
    numbers = session.run(None, {"X": X})[0]
    assert np.array_equal(pipeline.classes_[numbers], labels)


def test_float64_rows():
    rows = X.astype(np.float64)
    pipeline, run = converted(AutoencoderTransformer(2, precision="float64", **SMALL), rows)
    (codes,) = run(rows)
    assert codes.dtype == np.float64
    np.testing.assert_allclose(codes, pipeline.transform(rows), rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("target_opset", [18, 21])
def test_opset(target_opset):
    estimator = AutoencoderTransformer(2, **SMALL)
    pipeline, run = converted(estimator, INCOMPLETE, target_opset=target_opset)
    model = skl2onnx.to_onnx(pipeline, X[:1], target_opset=target_opset)
    assert {o.domain: o.version for o in model.opset_import}[""] == target_opset
    close(run(INCOMPLETE)[0], pipeline.transform(INCOMPLETE))


def test_an_opset_that_is_too_old():
    with pytest.raises(RuntimeError, match="target_opset=9 was requested: use target_opset=18"):
        converted(AutoencoderTransformer(2, **SMALL), target_opset=9)


def test_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r'needs skl2onnx, .*pip install "skae\[onnx\]"'):
        register_skl2onnx()
