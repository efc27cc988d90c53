"""ONNX graphs, run by onnxruntime, beside the methods that they stand for."""

import copy
import json
import sys
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from support.combinations import slow_but
from torch import nn

import skae
from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae._network.fitted_network import arrays_of
from skae.architectures import Convolutional, Custom, Dense, Recurrent, Transformer
from skae.export import to_onnx
from skae.export.torch_modules import inference_network
from skae.kinds import KINDS, Sparse
from skae.scores import SCORES

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
# Older exporters of torch have not been tried.
pytest.importorskip("torch", minversion="2.13")

# What two kinds say of so few rows and epochs.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:n_components=\d+ is not larger than the:UserWarning"),
    pytest.mark.filterwarnings("ignore:Posterior collapse. only:UserWarning"),
]
# Graphs in float32: a few roundings. In batches of other sizes than the exporter was shown.
TOLERANCE = 2e-5
SIZES = (1, 2, 7, 300)
SETTINGS = {"max_epochs": 1, "random_state": 0}
SMALL = {"architecture": Dense((8,)), **SETTINGS}


def table(share_missing=0.0):
    """Correlated rows of 12 features, float32; some of their values may be missing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 12)) + 0.3 * rng.normal(size=(300, 12))
    X += rng.uniform(-5, 5, 12)
    X[rng.random(X.shape) < share_missing] = np.nan
    return X.astype(np.float32)


X, INCOMPLETE = table(), table(share_missing=0.2)
INCOMPLETE[3] = np.nan
# Of fewer than 500 rows a detector fits five networks that take turns.
MANY, MANY_INCOMPLETE = np.tile(X, (2, 1)), np.tile(INCOMPLETE, (2, 1))
CLASSES = np.array(["cat", "dog", "newt"])[np.digitize(X[:, 0], np.quantile(X[:, 0], [0.3, 0.6]))]


def shaken(estimator):
    """Disturb all weights: after one epoch a network may be PCA still, and zero beside it."""
    generator = torch.Generator().manual_seed(0)
    for fitted in estimator._fitted_networks():
        network = inference_network(fitted)
        for weights in network.parameters():
            weights.add_(0.1 * torch.randn(weights.shape, generator=generator).to(weights.dtype))
        fitted.weights = arrays_of(network.state_dict())
        fitted._forget_networks()
    return estimator


def run(model, rows):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"X": rows})[0]


def batches(rows):
    """Rows as they are, in batches of several sizes, and rows far outside their range."""
    yield from (rows[:size] for size in SIZES)
    yield rows[:7] * rows.dtype.type(1000)


def check(estimator, method, rows):
    """Compare the graph of a method with the method."""
    model = to_onnx(estimator, method)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for batch in batches(rows):
        (found,) = session.run(None, {"X": batch})
        expected = np.asarray(getattr(estimator, method)(batch))
        assert found.shape == expected.shape
        if found.dtype.kind != "f":
            assert np.array_equal(found, expected)
            continue
        size = np.median(np.abs(expected).reshape(len(expected), -1).max(1))
        np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE * size)
    return model


class Encoder(nn.Module):
    """A user's own: a convolution with normalisation over the batch, which inference has not."""

    def __init__(self, sample_shape, n_outputs):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Unflatten(1, (1, 12)),
            nn.Conv1d(1, 4, 3),
            nn.BatchNorm1d(4),
            nn.Tanh(),
            nn.Flatten(),
            nn.Linear(40, n_outputs),
        )

    def forward(self, samples):
        return self.layers(samples)


def decoder(sample_shape, n_components):
    return nn.Sequential(nn.Linear(n_components, 16), nn.ReLU(), nn.Linear(16, *sample_shape))


# Each kind once, each architecture, each loss that changes the output, each code that is selected,
# missing values, and rows that float32 cannot scale. All others: benchmarks/onnx_parity.py.
IMAGES = Convolutional((1, 3, 4), (4,), hidden_layer_sizes=())
POOLED = Convolutional((2, 6), (4,), downsampling="pool", upsampling="nearest")
PATCHES = Transformer((1, 12), d_model=8, n_heads=2, n_layers=1)
CASES = {
    "undercomplete, bce": ({"loss": "bce"}, "reconstruct"),
    "overcomplete, tokens": (
        {"kind": "overcomplete", "architecture": Transformer(d_model=8, n_heads=2, n_layers=1)},
        "transform",
    ),
    "sparse, pooling": ({"kind": "sparse", "architecture": POOLED}, "reconstruct"),
    "denoising, images": ({"kind": "denoising", "architecture": IMAGES}, "reconstruct"),
    "contractive, tied weights": (
        {"kind": "contractive", "architecture": Dense((8,), tied_weights=True)},
        "reconstruct",
    ),
    "variational, lstm": (
        {"kind": "variational", "architecture": Recurrent("lstm", (6, 2), 8)},
        "reconstruct",
    ),
    "compressive, gru": (
        {"kind": "compressive", "architecture": Recurrent("gru", (12, 1), 8, bidirectional=True)},
        "transform",
    ),
    "mae, patches": ({"loss": "mae", "architecture": PATCHES}, "score_samples"),
    "custom": ({"architecture": Custom(Encoder, decoder)}, "reconstruct"),
    "topk": ({"kind": Sparse("topk", k=2)}, "transform"),
    "batch_topk": ({"kind": Sparse("batch_topk", k=2)}, "transform"),
    "pursuit": ({"kind": Sparse("topk", k=2, linear_decoder=True)}, "transform"),
    "missing": ({}, "reconstruct"),
    "missing, score": ({}, "score_samples"),
    "beyond float32": ({}, "transform"),
}
ROWS = {
    "undercomplete, bce": (X - X.min()) / np.ptp(X),
    "missing": INCOMPLETE,
    "missing, score": INCOMPLETE,
    "beyond float32": X * np.float32(1e19),
}


# These cover the lines of all; each takes seconds.
QUICK = {"undercomplete, bce", "missing, score"}


@pytest.mark.parametrize("name", slow_but(QUICK, CASES, str))
def test_transformer(name):
    (parameters, method), rows = CASES[name], ROWS.get(name, X)
    size = 20 if "overcomplete" in name else 4
    estimator = AutoencoderTransformer(size, **{**SMALL, **parameters}).fit(rows)
    check(shaken(estimator), method, rows)


def test_every_kind_is_compared():
    names = {str(parameters.get("kind", "undercomplete")) for parameters, _ in CASES.values()}
    assert names >= set(KINDS)


def test_decoder_and_shape_of_samples():
    """Reconstructions have the shape that fit was given; rows and codes go in as rows."""
    images = X.reshape(-1, 3, 4)
    estimator = shaken(AutoencoderTransformer(2, **SMALL).fit(images))
    codes = estimator.transform(images)
    model = check(estimator, "inverse_transform", codes)
    assert run(model, codes).shape == (300, 3, 4)


@pytest.mark.slow
def test_float64():
    rows = X.astype(np.float64)
    estimator = shaken(AutoencoderTransformer(2, precision="float64", **SMALL).fit(rows))
    found = run(to_onnx(estimator, "reconstruct"), rows)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, estimator.reconstruct(rows), rtol=1e-12)
    found = run(to_onnx(estimator, "score_samples"), rows)
    np.testing.assert_allclose(found, estimator.score_samples(rows), rtol=1e-12)


UNKNOWN = "ignore:.* have no known value:UserWarning"


@pytest.mark.filterwarnings(UNKNOWN)
@pytest.mark.parametrize("scoring", slow_but({"joint", "elbo"}, SCORES, str))
def test_score(scoring):
    kind = "variational" if scoring == "elbo" else "undercomplete"
    detector = AutoencoderOutlierDetector(3, kind=kind, scoring=scoring, n_estimators=1, **SMALL)
    rows = MANY if scoring in ("latent", "elbo") else MANY_INCOMPLETE
    check(shaken(detector.fit(rows)), "score_samples", rows)


@pytest.fixture(scope="module")
def ensemble():
    detector = AutoencoderOutlierDetector(3, n_estimators=2, standardize="robust", **SMALL)
    return shaken(detector.fit(MANY))


@pytest.mark.parametrize("method", ["decision_function", "predict"])
def test_ensemble(ensemble, method):
    check(ensemble, method, X)


@pytest.mark.parametrize("of", slow_but({(600, None)}, [(600, None), (300, None), (300, 60)], str))
def test_p_values(of):
    """By one group of calibration rows, and by folds; of new rows, since those of fit have ties."""
    detector = AutoencoderOutlierDetector(3, n_estimators=2, **SMALL)
    n_rows, n_groups = of
    groups = None if n_groups is None else np.arange(n_rows) % n_groups
    detector.fit(MANY[:n_rows], groups=groups)
    rows = X + np.float32(0.1) * np.random.default_rng(1).normal(size=X.shape).astype(np.float32)
    model = to_onnx(detector, "p_values")
    for size in SIZES:
        found, expected = run(model, rows[:size]), detector.p_values(rows[:size])
        assert found.dtype == np.float64
        # Rounding may move a row past one calibration row.
        np.testing.assert_allclose(found, expected, atol=1.01 / len(detector.calibration_scores_))
        assert (np.abs(found - expected) < 1e-12).mean() > 0.95


@pytest.mark.slow
@pytest.mark.filterwarnings(UNKNOWN)
def test_p_values_of_incomplete_and_of_far_rows():
    detector = AutoencoderOutlierDetector(3, n_estimators=1, **SMALL).fit(MANY_INCOMPLETE)
    found = run(to_onnx(detector, "p_values"), INCOMPLETE)
    expected = detector.p_values(INCOMPLETE)
    np.testing.assert_allclose(found, expected, atol=1.01 / len(detector.calibration_scores_))
    assert found[3] == expected[3] == 1
    far = np.nan_to_num(INCOMPLETE[:4])
    far[range(4), range(4)] = [100, 1e4, 1e15, 1e30]
    scores = run(to_onnx(detector, "score_samples"), far)
    np.testing.assert_allclose(scores, detector.score_samples(far), rtol=1e-4)
    assert (np.diff(scores) < 0).all()


@pytest.mark.parametrize("scoring", slow_but({"residual"}, ["residual", "joint"], str))
def test_contributions_need_gradients_and_are_refused(scoring):
    detector = AutoencoderOutlierDetector(3, scoring=scoring, n_estimators=1, **SMALL).fit(MANY)
    with pytest.raises(
        ValueError, match=r"cannot compute feature_contributions, .*'score_samples'"
    ):
        to_onnx(detector, "feature_contributions")


@pytest.mark.slow
def test_a_score_that_is_not_finite_is_the_lowest(ensemble):
    detector = copy.deepcopy(ensemble)
    for member in detector._ensemble.members:
        unlimited = replace(member.network.scaling, limit=np.inf)
        member.network.spec = replace(member.network.spec, scaling=unlimited)
    far = np.full((2, 12), 3e38, dtype=np.float32)
    assert (run(to_onnx(detector, "score_samples"), far) == -1e300).all()


@pytest.fixture(scope="module")
def classifier():
    return shaken(AutoencoderClassifier(3, **SMALL).fit(X, CLASSES))


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_classifier(classifier, method):
    check(classifier, method, X)


@pytest.mark.parametrize("n_references", [40, 5])
def test_classifier_with_teachers(n_references):
    """With more and with fewer rows than neighbours are searched."""
    few = np.where(np.arange(n_references) % 4, "?", CLASSES[:n_references])
    few[:4] = CLASSES[:4]
    estimator = AutoencoderClassifier(3, unlabelled="?", **SMALL).fit(X[:n_references], few)
    check(estimator, "predict_proba", X)


@pytest.mark.slow
def test_two_classes():
    """Labels keep their type, and the decision is one number."""
    estimator = AutoencoderClassifier(3, **SMALL).fit(X, X[:, 0] > X[:, 0].mean())
    model = check(estimator, "predict", X)
    assert run(model, X).dtype == bool
    check(estimator, "decision_function", X)


@pytest.mark.parametrize(("marker", "keeps"), [(np.nan, True), (-99.0, False)])
def test_imputer(marker, keeps):
    """With a feature that is never known, limits, an indicator, and a number for "missing"."""
    rows = INCOMPLETE.copy()
    rows[:, 5] = np.nan
    rows = np.where(np.isnan(rows), np.float32(marker), rows)
    imputer = AutoencoderImputer(
        missing_values=marker,
        keep_empty_features=keeps,
        add_indicator=np.isnan(marker),
        n_estimators=2 if keeps else 1,
        min_value=-4,
        max_value=4,
        **SMALL,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipping features without")
        imputer.fit(rows)
    model = to_onnx(shaken(imputer), "transform")
    rows[::2, 5] = 7.0  # a known value of a feature that fit did not know stays
    for size in SIZES:
        found, expected = run(model, rows[:size]), imputer.transform(rows[:size])
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.slow
def test_recommender():
    ratings = np.clip(np.round(INCOMPLETE), 1, 5)
    recommender = AutoencoderRecommender(n_estimators=1, **SMALL).fit(ratings)
    found = run(to_onnx(shaken(recommender), "predict_all"), ratings)
    np.testing.assert_allclose(found, recommender.predict_all(ratings), rtol=TOLERANCE)
    assert found.min() >= 1
    assert found.max() <= 5


@pytest.fixture(scope="module")
def estimator():
    return AutoencoderTransformer(2, **SMALL).fit(X)


def test_the_model_says_what_it_is():
    frame = pd.DataFrame(X, columns=[f"f{i}" for i in range(12)])
    estimator = AutoencoderClassifier(3, **SMALL).fit(frame, CLASSES)
    model = to_onnx(estimator, "predict_proba")
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert said["estimator"] == "AutoencoderClassifier"
    assert said["method"] == "predict_proba"
    assert said["skae_version"] == skae.__version__
    assert json.loads(said["feature_names"]) == list(frame.columns)
    assert json.loads(said["classes"]) == ["cat", "dog", "newt"]
    assert model.producer_name == "skae"
    assert [entry.name for entry in model.graph.output] == ["predict_proba"]
    (given,) = model.graph.input
    assert given.type.tensor_type.shape.dim[0].dim_param  # any number of rows
    assert given.type.tensor_type.shape.dim[1].dim_value == 12


def test_exporting_leaves_a_file_and_nothing_else(estimator, tmp_path, capfd):
    """Nothing on the screen, no warning (they are errors here), and the estimator as it was."""
    before, filters = estimator.transform(X), list(warnings.filters)
    path = tmp_path / "encoder.onnx"
    path.write_text("something older")
    model = to_onnx(estimator, path=path)
    assert onnx.load(path) == model
    assert [file.name for file in tmp_path.iterdir()] == ["encoder.onnx"]
    assert capfd.readouterr() == ("", "")
    assert np.array_equal(estimator.transform(X), before)
    assert list(warnings.filters) == filters


def test_a_file_that_can_not_be_written_leaves_nothing(estimator, tmp_path, monkeypatch):
    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", broken)
    path = tmp_path / "encoder.onnx"
    path.write_text("something older")
    with pytest.raises(OSError, match="disk full"):
        to_onnx(estimator, path=path)
    assert path.read_text() == "something older"
    assert len(list(tmp_path.iterdir())) == 1


def test_unknown_method(estimator):
    with pytest.raises(ValueError, match=r"method must be one of \['transform', .* got 'encoder'"):
        to_onnx(estimator, "encoder")


def test_not_fitted():
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        to_onnx(AutoencoderTransformer())


def test_foreign_estimator():
    from sklearn.decomposition import PCA

    with pytest.raises(TypeError, match="register_skl2onnx"):
        to_onnx(PCA())


def test_draws_are_refused():
    imputer = AutoencoderImputer(sample_posterior=True, n_estimators=1, **SMALL).fit(INCOMPLETE)
    with pytest.raises(ValueError, match="sample_posterior=False"):
        to_onnx(imputer)


def test_clicks_are_refused():
    clicks = np.random.RandomState(0).uniform(size=(40, 8)) < 0.4
    recommender = AutoencoderRecommender(feedback="implicit", n_estimators=1, **SMALL)
    with pytest.raises(ValueError, match=r"cannot tell clicks from counts .*feedback='implicit'"):
        to_onnx(recommender.fit(clicks * 1.0), method="predict_all")


def test_tables_by_item_are_refused():
    recommender = AutoencoderRecommender(by="item", n_estimators=1, **SMALL).fit(INCOMPLETE[:30])
    with pytest.raises(ValueError, match="by='user'"):
        to_onnx(recommender, "predict_all")


class Branching(nn.Module):
    def __init__(self, n_inputs, n_outputs):
        super().__init__()
        self.layer = nn.Linear(n_inputs, n_outputs)

    def forward(self, rows):
        return self.layer(rows) if rows.sum() > 0 else -self.layer(rows)


def test_modules_that_can_not_be_exported(capfd):
    architecture = Custom(lambda shape, n: Branching(*shape, n), decoder)
    estimator = AutoencoderTransformer(2, architecture=architecture, **SETTINGS).fit(X)
    with pytest.raises(RuntimeError, match=r"could not export .*'transform'.*must not branch"):
        to_onnx(estimator)


@pytest.mark.parametrize("hidden", ["onnx", "onnxscript"])
def test_missing_package(estimator, monkeypatch, hidden):
    monkeypatch.setitem(sys.modules, hidden, None)
    with pytest.raises(ImportError, match=rf'needs {hidden}, .*pip install "skae\[onnx\]"'):
        to_onnx(estimator)


def test_too_large_for_one_file(estimator, monkeypatch):
    monkeypatch.setattr("skae.export.exporter._MOST_BYTES", 100)
    with pytest.raises(ValueError, match="2 GiB"):
        to_onnx(estimator)
