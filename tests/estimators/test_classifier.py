"""The classifier by itself; what it shares with other estimators is in test_common.py."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.special import softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_wine, make_blobs, make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderClassifier, load
from skae._classification.classifier_fitting import class_logits
from skae.architectures import Dense

BLOBS, GROUPS = make_blobs(90, 5, centers=3, cluster_std=2.0, random_state=0)


def classifier(**parameters):
    return AutoencoderClassifier(
        **{"unlabelled": -1, "max_epochs": 5, "random_state": 0, **parameters}
    )


def few_labels(y, n_each, seed=0):
    """Return labels with -1 for all but some of each class."""
    order = np.random.RandomState(seed).permutation(len(y))
    few = np.full(len(y), -1, dtype=object if y.dtype.kind == "O" else int)
    for label in np.unique(y):
        few[order[y[order] == label][:n_each]] = label
    return few


def test_near_logistic_regression_where_it_is_linear():
    """Without reconstruction, decay and hidden layers both maximise the same likelihood."""
    X, y = make_blobs(400, 4, centers=3, cluster_std=4.0, random_state=1)
    X = StandardScaler().fit_transform(X)
    linear = classifier(
        n_components=4,
        architecture=Dense(hidden_layer_sizes=()),
        head_layer_sizes=(),
        classification_weight=1.0,
        weight_decay=0.0,
        jitter=0.0,
        early_stopping=False,
        max_epochs=60,
    ).fit(X, y)
    oracle = LogisticRegression(C=np.inf).fit(X, y)
    difference = linear.predict_proba(X) - oracle.predict_proba(X)
    assert np.abs(difference).mean() < 0.01
    assert log_loss(y, linear.predict_proba(X)) < log_loss(y, oracle.predict_proba(X)) + 3e-3


def test_loss_is_the_log_loss_of_the_rows_held_out():
    """Of the whole training set here: a fraction of nearly one, and weights kept at the start."""
    X, y = BLOBS, GROUPS
    model = classifier(max_epochs=3, validation_fraction=0.5, learning_rate=1e-9).fit(X, y)
    assert model.loss_ == pytest.approx(np.log(3), abs=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_and_decisions_agree(n_classes):
    chosen = np.isin(GROUPS, range(n_classes))
    X, y = BLOBS[chosen], GROUPS[chosen]
    model = classifier().fit(X, y)
    probabilities, decision = model.predict_proba(X), model.decision_function(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (model.predict(X) == model.classes_[probabilities.argmax(axis=1)]).all()
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), probabilities)
    if n_classes == 2:
        np.testing.assert_allclose(probabilities[:, 1], 1 / (1 + np.exp(-decision)))
    else:
        assert decision.shape == (len(X), 3)
        np.testing.assert_allclose(
            decision[:, 0] - decision[:, 1], np.log(probabilities[:, 0] / probabilities[:, 1])
        )


@pytest.mark.parametrize(
    "names",
    [np.array(["x", "y", "z"]), np.array(["x", "y", "z"], dtype=object), np.array([4, 0, -7])],
)
def test_any_labels(names):
    y = names[GROUPS]
    model = classifier().fit(BLOBS, y)
    assert model.classes_.tolist() == sorted(names.tolist())
    assert model.score(BLOBS, y) > 0.9
    if names.dtype.kind != "U":
        few = few_labels(y, 10)
        model = classifier().fit(BLOBS, few)
        assert model.classes_.tolist() == sorted(names.tolist())
        assert model.score(BLOBS, y) > 0.9


def test_booleans():
    model = classifier().fit(BLOBS, GROUPS == 1)
    assert model.predict(BLOBS).dtype == bool
    assert model.decision_function(BLOBS).shape == (90,)


def test_the_score_is_that_of_the_labelled_rows():
    """A search over few labels would count all other rows as errors."""
    few = few_labels(GROUPS, 10)
    model = classifier(max_epochs=1).fit(BLOBS, few)
    weight = np.arange(1.0, 91.0)
    labelled = few != -1
    expected = np.average((model.predict(BLOBS) == few)[labelled], weights=weight[labelled])
    assert model.score(BLOBS, few, sample_weight=weight) == pytest.approx(expected)
    with pytest.raises(ValueError, match="y holds no label"):
        model.score(BLOBS, np.full(90, -1))


def test_minus_one_is_a_class_unless_it_is_named():
    y = GROUPS - 1
    with pytest.warns(UserWarning, match="y contains -1 beside 2 other labels"):
        model = classifier(unlabelled=None).fit(BLOBS, y)
    assert model.classes_.tolist() == [-1, 0, 1]
    assert model.score(BLOBS, y) > 0.8


def test_missing_labels_of_a_frame():
    y = pd.Series(np.array(["a", "b", "c"], dtype=object)[GROUPS])
    y[few_labels(GROUPS, 10) == -1] = None
    model = classifier(unlabelled=np.nan).fit(BLOBS, y)
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert model.score(BLOBS, y) > 0.8


def test_one_class():
    model = classifier().fit(BLOBS, np.where(np.arange(90) % 2, 7, -1))
    assert (model.predict(BLOBS) == 7).all()
    assert (model.predict_proba(BLOBS) == 1).all()


@pytest.mark.slow
def test_rows_without_a_label_help():
    """Twelve labels on two moons, with and without the other rows."""
    X, y = make_moons(400, noise=0.08, random_state=0)
    few = few_labels(y, 6)
    labelled = few != -1
    parameters = {"n_components": 2, "max_epochs": 20, "head_layer_sizes": (32,)}
    all_rows = classifier(**parameters).fit(X, few)
    alone = classifier(**parameters).fit(X[labelled], few[labelled])
    unknown = ~labelled
    assert all_rows.score(X[unknown], y[unknown]) > 0.95
    assert alone.score(X[unknown], y[unknown]) < 0.9


@pytest.mark.slow
def test_they_help_with_digits():
    X, y = load_digits(return_X_y=True)
    few = few_labels(y[:1200], 5)
    labelled = few != -1
    model = classifier(max_epochs=20).fit(X[:1200], few)
    linear = LogisticRegression(max_iter=1000).fit(X[:1200][labelled], few[labelled])
    assert model.score(X[1200:], y[1200:]) > linear.score(X[1200:], y[1200:]) + 0.03


@pytest.mark.parametrize("n_each", [3, 10])
def test_not_worse_than_a_simple_teacher(n_each):
    """An untrained network cannot spoil what the other two know of separate groups."""
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    few = few_labels(y, n_each)
    labelled = few != -1
    linear = LogisticRegression().fit(X[labelled], few[labelled])
    model = classifier(max_epochs=1).fit(X, few)
    assert model.score(X[~labelled], y[~labelled]) >= linear.score(X[~labelled], y[~labelled])


def test_teachers_share_in_predictions_only_where_they_taught():
    few = few_labels(GROUPS, 5)
    model = classifier(max_epochs=1).fit(BLOBS, few)
    assert model._teachers is not None
    assert model.fit(BLOBS, GROUPS)._teachers is None  # every row has a label
    assert classifier(max_epochs=1, pseudo_labels=False).fit(BLOBS, few)._teachers is None


def test_all_methods_are_of_network_and_teachers():
    model = classifier(max_epochs=1).fit(BLOBS, few_labels(GROUPS, 5))
    probabilities = model.predict_proba(BLOBS)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(BLOBS)), probabilities)
    assert (model.predict(BLOBS) == probabilities.argmax(axis=1)).all()
    decision = model.decision_function(BLOBS)
    np.testing.assert_allclose(softmax(decision, axis=1), probabilities)
    alone = class_logits(model._fitted, None, BLOBS, "cpu")
    assert not np.allclose(softmax(alone, axis=1), probabilities, atol=0.01)


def test_weights_of_classes_with_few_labels():
    """Predictions move to the class that counts more, of the teachers as of the network."""
    few = few_labels(GROUPS, 5)
    plain = classifier(max_epochs=1).fit(BLOBS, few).predict_proba(BLOBS)
    weighted = classifier(max_epochs=1, class_weight={0: 9, 1: 1, 2: 1}).fit(BLOBS, few)
    found = weighted.predict_proba(BLOBS)
    assert found[:, 0].mean() > plain[:, 0].mean() + 0.02


def test_warm_start_with_few_labels_asks_the_teachers_again():
    few = few_labels(GROUPS, 5)
    model = classifier(warm_start=True, max_epochs=2).fit(BLOBS, few)
    before = model._teachers
    assert model.fit(BLOBS[::-1] + 1, few[::-1])._teachers is not before
    assert model.score(BLOBS + 1, GROUPS) > 0.9


@pytest.mark.parametrize("kept", ["file", "pickle"])
def test_teachers_are_kept(kept, tmp_path):
    model = classifier(max_epochs=1).fit(BLOBS, few_labels(GROUPS, 5))
    model.save(tmp_path / "model.skae")
    again = load(tmp_path / "model.skae") if kept == "file" else pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(BLOBS), model.predict_proba(BLOBS))


def test_weights_of_rows():
    """A group of weight zero is not known; a large weight wins where labels contradict."""
    weight = np.where(GROUPS == 2, 0.0, 1.0)
    model = classifier().fit(BLOBS, GROUPS, weight)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict_proba(BLOBS)[:, 2].max() < 1 / 3
    X = np.concatenate([BLOBS, BLOBS])
    y = np.concatenate([GROUPS, (GROUPS + 1) % 3])
    for of_first in (0.1, 10.0):
        weight = np.repeat([of_first, 1.0], 90)
        model = classifier(early_stopping=False).fit(X, y, weight)
        expected = GROUPS if of_first > 1 else (GROUPS + 1) % 3
        assert model.score(BLOBS, expected) > 0.9


def test_class_weights():
    """Two groups on top of each other: the prior decides, and with "balanced" neither."""
    X = np.random.RandomState(0).randn(200, 4)
    y = np.where(np.arange(200) % 5, "many", "few").astype(object)
    plain = classifier().fit(X, y).predict_proba(X)[:, 0].mean()
    balanced = classifier(class_weight="balanced").fit(X, y).predict_proba(X)[:, 0].mean()
    favoured = classifier(class_weight={"few": 16, "many": 1}).fit(X, y)
    assert plain == pytest.approx(0.2, abs=0.07)
    assert balanced == pytest.approx(0.5, abs=0.07)
    assert favoured.predict_proba(X)[:, 0].mean() == pytest.approx(0.8, abs=0.1)


def test_classification_weight_trades_reconstruction_for_classes():
    X, y = load_digits(return_X_y=True)
    errors, losses = [], []
    for weight in (0.02, 0.98):
        model = classifier(n_components=8, classification_weight=weight, early_stopping=False)
        model.fit(X[:900], y[:900])
        errors.append(-model.score_samples(X[900:]).mean())
        losses.append(log_loss(y[900:], model.predict_proba(X[900:])))
    assert errors[0] < 0.9 * errors[1]
    assert losses[1] < losses[0]


@pytest.mark.parametrize(
    ("n_features", "kind", "expected"),
    [(2, "undercomplete", 2), (4, "denoising", 4), (5, "undercomplete", 3), (3, "overcomplete", 6)],
)
def test_few_features_are_not_halved(n_features, kind, expected):
    X = np.random.RandomState(0).randn(90, n_features)
    assert classifier(kind=kind, max_epochs=1).fit(X, GROUPS).n_components_ == expected


def test_hidden_layers_of_the_head():
    model = classifier(head_layer_sizes=(7, 3)).fit(BLOBS, GROUPS)
    sizes = [w.shape[0] for n, w in model._fitted.weights.items() if n.startswith("head.residual")]
    assert sizes == [7, 7, 3, 3, 3, 3]


def test_codes_and_reconstructions():
    model = classifier(n_components=2).fit(BLOBS.astype(np.float32), GROUPS)
    codes = model.transform(BLOBS.astype(np.float32))
    assert codes.shape == (90, 2)
    assert codes.dtype == np.float32
    np.testing.assert_allclose(
        model.inverse_transform(codes), model.reconstruct(BLOBS.astype(np.float32)), atol=1e-4
    )
    model = classifier(n_components=2).set_output(transform="pandas")
    for frame in (model.fit_transform(BLOBS, GROUPS), model.transform(BLOBS)):
        assert list(frame) == ["autoencoderclassifier0", "autoencoderclassifier1"]


@pytest.mark.slow
def test_encoder_is_tuned_to_the_classes():
    """In one dimension of large variance and one that tells the classes, a code of one value."""
    random = np.random.RandomState(0)
    y = np.arange(300) % 2
    X = np.column_stack([5 * random.randn(300), 0.5 * random.randn(300) + 3 * y])
    model = classifier(n_components=1, classification_weight=0.9, max_epochs=15).fit(X, y)
    assert model.score(X, y) > 0.9


@pytest.mark.slow
def test_forms_of_input():
    few = few_labels(GROUPS, 10)
    expected = classifier().fit(BLOBS, few).predict_proba(BLOBS)
    frame = pd.DataFrame(BLOBS, columns=list("abcde"))
    model = classifier().fit(frame, pd.Series(few))
    assert model.feature_names_in_.tolist() == list("abcde")
    np.testing.assert_allclose(model.predict_proba(frame), expected)
    sparse = sp.csr_matrix(BLOBS)
    found = classifier().fit(sparse, few).predict_proba(sparse)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_images():
    digits = load_digits()
    model = classifier(architecture="convolutional", max_epochs=2)
    model.fit(digits.images[:300, None], digits.target[:300])
    assert model.sample_shape_ == (1, 8, 8)
    assert model.score(digits.images[300:500, None], digits.target[300:500]) > 0.5


def test_warm_start_goes_on():
    model = classifier(warm_start=True, early_stopping=False).fit(BLOBS, GROUPS)
    before = model.loss_
    assert model.fit(BLOBS, GROUPS).history_["train_loss"].iloc[1] < before + 0.1
    with pytest.raises(ValueError, match=r"classes of the last fit, \[0 1 2\], got \[0 1\]"):
        model.fit(BLOBS[GROUPS < 2], GROUPS[GROUPS < 2])


class Recorder:
    """What a callback of scikit-learn is told."""

    def __init__(self):
        self.log, self.predictions = [], []

    def setup(self, estimator, context):
        self.log.append("setup")

    def teardown(self, estimator, context):
        self.log.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.log.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self.predictions.append(fitted_estimator.predict(X))


def test_callbacks_hear_of_the_training_with_labels_alone():
    pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 brought callbacks")
    recorder = Recorder()
    model = classifier(max_epochs=3).set_callbacks(recorder).fit(BLOBS, few_labels(GROUPS, 10))
    assert recorder.log == ["setup", "fit", "epoch", "epoch", "epoch", "teardown"]
    assert (recorder.predictions[-1] == model.predict(BLOBS)).all()


@pytest.mark.slow
def test_few_labels_are_not_held_out_but_many_are():
    X = np.concatenate([BLOBS] * 30)
    y = np.concatenate([GROUPS] * 30)
    few = np.where(np.arange(len(y)) % 4, y, -1)
    assert classifier(max_epochs=1).fit(X, few).history_["valid_loss"].notna().all()
    few[1000:] = -1
    assert classifier(max_epochs=1).fit(X, few).history_["valid_loss"].isna().all()
    held_out = classifier(max_epochs=1, validation_fraction=0.2).fit(X, few)
    assert held_out.history_["valid_loss"].notna().all()


@pytest.mark.slow
def test_search_calibration_and_pickle():
    pipeline = Pipeline([("scale", StandardScaler()), ("ae", classifier(max_epochs=2))])
    search = GridSearchCV(pipeline, {"ae__kind": ["sparse", "denoising"]}, cv=2)
    assert search.fit(BLOBS, few_labels(GROUPS, 20)).best_score_ >= 0
    calibrated = CalibratedClassifierCV(classifier(), cv=2, ensemble=False).fit(BLOBS, GROUPS)
    np.testing.assert_allclose(calibrated.predict_proba(BLOBS).sum(axis=1), 1)
    model = pickle.loads(pickle.dumps(classifier().fit(BLOBS, GROUPS)))
    assert model.score(BLOBS, GROUPS) > 0.9


@pytest.mark.parametrize(
    ("parameters", "y", "message"),
    [
        ({"head_layer_sizes": (0,)}, GROUPS, "head_layer_sizes of AutoencoderClassifier must be"),
        ({"classification_weight": 0}, GROUPS, "The 'classification_weight' parameter"),
        ({"class_weight": "even"}, GROUPS, "The 'class_weight' parameter"),
        ({"pseudo_labels": "yes"}, GROUPS, "The 'pseudo_labels' parameter"),
        ({}, np.full(90, -1), "y holds no label"),
    ],
)
def test_refusals(parameters, y, message):
    with pytest.raises(ValueError, match=message):
        classifier(**parameters).fit(BLOBS, y)
