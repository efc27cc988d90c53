"""The detector: scikit-learn's protocol, thresholds that hold, reasons, and known anomalies."""

import copy

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support.combinations import slow_but

import skae
from skae import AutoencoderOutlierDetector
from skae.architectures import Convolutional
from skae.kinds import Denoising, Undercomplete
from skae.scores import SCORES, Residual, ResidualNeighbours


def detector(**parameters):
    return AutoencoderOutlierDetector(**{"max_epochs": 3, "random_state": 0, **parameters})


def normal_rows(n_rows, seed=0):
    """Rows near a curve in five dimensions."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, n_rows)
    curve = np.column_stack([x, np.sin(2 * x), np.cos(x), x**2, -x])
    return curve + 0.1 * rng.normal(size=(n_rows, 5))


def anomalies(n_rows, seed=0):
    """Rows with the range of the normal ones in each column, but off the curve."""
    return np.random.default_rng(seed).permuted(normal_rows(n_rows, seed + 1), axis=0)


@pytest.fixture(scope="module")
def fitted():
    return detector(novelty=True, max_epochs=40).fit(normal_rows(700))


# The protocol.


def test_decision_function_and_labels(fitted):
    X = np.vstack([normal_rows(50, 1), anomalies(50)])
    scores, decision = fitted.score_samples(X), fitted.decision_function(X)
    assert scores.dtype == decision.dtype == np.float64
    np.testing.assert_array_equal(decision, scores - fitted.offset_)
    np.testing.assert_array_equal(fitted.predict(X), np.where(decision < 0, -1, 1))


def test_anomalies_have_lower_scores(fitted):
    X, y = np.vstack([normal_rows(200, 1), anomalies(200)]), np.repeat([0, 1], 200)
    assert roc_auc_score(y, -fitted.score_samples(X)) > 0.93


def test_fit_predict_is_fit_and_predict():
    X, y = normal_rows(60), np.repeat([-1, 0], [5, 55])
    settings = {"contamination": 0.2, "anomaly_label": -1}
    expected = detector(**settings).fit(X, y).predict(X)
    np.testing.assert_array_equal(detector(**settings).fit_predict(X, y), expected)


@pytest.mark.parametrize("novelty", [True, False])
@pytest.mark.parametrize("contamination", [0.1, 0.25])
def test_contamination_is_the_share_of_the_training_rows(novelty, contamination):
    X = normal_rows(200)
    labels = detector(novelty=novelty, contamination=contamination).fit(X).predict(X)
    assert (labels == -1).sum() == 200 * contamination


def test_auto_contamination_calls_a_hundredth_outliers_and_rows_that_stand_out():
    X = normal_rows(600)
    assert (detector().fit(X).predict(X) == -1).sum() >= 6
    X[:60] += 30
    labels = detector().fit(X).predict(X)
    assert (labels[:60] == -1).all()
    assert (labels[60:] == -1).mean() < 0.4


def test_unfitted():
    methods = ("predict", "score_samples", "p_values", "feature_contributions", "reconstruct")
    for method in (*methods, "alerts"):
        with pytest.raises(NotFittedError):
            getattr(detector(), method)(normal_rows(3))
    with pytest.raises(NotFittedError):
        detector().set_threshold(contamination=0.1)


def test_has_the_parameters_of_a_detector():
    assert not hasattr(detector(), "transform")
    assert not hasattr(detector(), "sample")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"contamination": 0.6}, "'contamination' parameter"),
        ({"contamination": 0.0}, "'contamination' parameter"),
        ({"n_estimators": 0}, "'n_estimators' parameter"),
        ({"standardize": "minmax"}, "'standardize' parameter"),
        ({"novelty": "yes"}, "'novelty' parameter"),
        ({"scoring": "mse"}, "scoring must be one of .*'residual'.*got 'mse'"),
        ({"kind": "wide"}, "kind must be one of .*'auto'"),
        ({"scoring": "elbo"}, "scoring='elbo' needs a kind whose codes are distributions"),
    ],
)
def test_refused_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        detector(**parameters).fit(normal_rows(30))


def test_scoring_of_a_wrong_type():
    with pytest.raises(TypeError, match="add parentheses"):
        detector(scoring=Residual).fit(normal_rows(30))


def test_refused_rows(fitted):
    X = normal_rows(30)
    X[3, 2] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        detector().fit(X)
    with pytest.raises(ValueError, match="infinity"):
        fitted.score_samples(X)
    X[3, 2] = np.nan  # it was fitted on complete rows
    with pytest.raises(ValueError, match="contains NaN"):
        fitted.score_samples(X)
    with pytest.raises(ValueError, match="2 features"):
        fitted.score_samples(X[:, :2])


# What goes in.


@pytest.mark.parametrize("n_rows", [2, 3, 9, 10, 11])
def test_few_rows(n_rows):
    X = normal_rows(n_rows)
    model = detector().fit(X)
    assert np.isfinite(model.score_samples(X)).all()
    assert np.isfinite(model.offset_)
    assert (model.p_values(X) <= 1).all()


def test_constant_collinear_and_more_columns_than_rows():
    rng = np.random.default_rng(0)
    some = rng.normal(size=(40, 3))
    X = np.column_stack([some, some @ rng.normal(size=(3, 60)), np.ones((40, 2))])
    for scoring in ("residual", "joint"):
        model = detector(scoring=scoring, novelty=True).fit(X)
        scores = model.score_samples(np.vstack([X, X[:1] + 5 * rng.normal(size=(1, 65))]))
        assert np.isfinite(scores).all()
        assert scores[-1] < scores[:-1].min()


def test_equal_rows():
    X = np.ones((30, 4))
    model = detector().fit(X)
    assert np.ptp(model.score_samples(X)) == 0
    assert model.score_samples(X[:1] + 1)[0] < model.score_samples(X[:1])[0]


@pytest.mark.parametrize("scoring", ["residual", "joint", "reconstruction", "latent"])
def test_scores_far_away_are_large_and_finite(scoring):
    model = detector(scoring=scoring, novelty=True).fit(normal_rows(100))
    scales = np.array([1.0, 1e2, 1e4, 1e6, 1e10, 1e300])
    scores = model.score_samples(scales[:, None] * [[1.0, -2.0, 3.0, -4.0, 5.0]])
    assert np.isfinite(scores).all()
    assert (np.diff(scores[:4]) < 0).all()
    assert scores[-1] <= scores[3]
    assert scores[-1] < 1e3 * min(0, scores[0])


@pytest.mark.filterwarnings("ignore:Posterior collapse. only:UserWarning")
def test_elbo_far_away_is_finite_and_its_contributions_add_up():
    model = detector(kind="variational", scoring="elbo").fit(normal_rows(100))
    far = np.array([[1e300, -1e300, 1e250, 1.0, 2.0], [1e5, 0, 0, 0, 0]])
    scores = model.score_samples(far)
    assert np.isfinite(scores).all()
    assert (scores < model.score_samples(normal_rows(100)).min()).all()
    sums = model.feature_contributions(far).sum(axis=1)
    np.testing.assert_allclose(sums, -scores, rtol=1e-6)


def test_sparse_rows_are_scored_as_dense_ones():
    X = np.where(normal_rows(120) > 0.5, normal_rows(120), 0.0)
    dense, sparse = detector().fit(X), detector().fit(sp.csr_matrix(X))
    np.testing.assert_allclose(
        sparse.score_samples(sp.csr_matrix(X)), dense.score_samples(X), rtol=1e-4
    )


def test_images_keep_their_axes():
    images = load_digits().images[:120]
    model = detector(architecture=Convolutional(input_shape=(1, 8, 8)), max_epochs=1).fit(images)
    assert model.reconstruct(images[:5]).shape == (5, 8, 8)
    assert model.feature_contributions(images[:5]).shape == (5, 64)
    np.testing.assert_array_equal(
        model.score_samples(images), model.score_samples(images.reshape(-1, 64))
    )


def test_reconstructions_keep_the_dtype_and_average_the_networks():
    X = normal_rows(60)
    model = detector().fit(X)
    assert model.reconstruct(X.astype(np.float32)).dtype == np.float32
    each = [
        np.concatenate([block for _, block in member.network.reconstructions(X, "cpu")])
        for member in model._ensemble.members
    ]
    np.testing.assert_allclose(model.reconstruct(X), np.mean(each, axis=0), rtol=1e-12)


# What each parameter changes.


@pytest.mark.slow
@pytest.mark.parametrize("scoring", [name for name in SCORES if name != "elbo"])
def test_scoring_is_resolved_and_fitted(scoring):
    model = detector(scoring=scoring).fit(normal_rows(100))
    assert type(model.scoring_) is SCORES[scoring]
    member = model._ensemble.members[0]
    assert type(member.score) is SCORES[scoring]
    others = [
        detector(scoring=s).fit(normal_rows(100)) for s in SCORES if s not in (scoring, "elbo")
    ]
    X = normal_rows(10, 1)
    assert all(not np.allclose(o.score_samples(X), model.score_samples(X)) for o in others)


def test_auto_stands_for():
    X = normal_rows(60)
    model = detector().fit(X)
    assert model.scoring_.get_params() == {"n_neighbors": 5}
    assert isinstance(model.scoring_, ResidualNeighbours)
    assert isinstance(model.kind_, Denoising)
    assert model.kind_.corruption.level == (0.02, 0.5)
    assert model.architecture_.hidden_layer_sizes == (256,)
    assert model.n_components_ == 64
    assert model.learning_rate_ == 0.0025
    assert detector(novelty=True).fit(X).scoring_.n_neighbors == 1
    assert detector(kind=Undercomplete()).fit(X).n_components_ < 5
    assert detector(n_components=7).fit(X).n_components_ == 7


def test_n_estimators():
    few, many = normal_rows(100), normal_rows(600)
    assert len(detector().fit(few)._ensemble) == 5
    assert len(detector(n_estimators=7).fit(few)._ensemble) == 7
    assert len(detector().fit(many)._ensemble) == 1
    model = detector(n_estimators=3).fit(many)
    each = model._ensemble.scores(few, "cpu")
    assert each.shape == (3, 100)
    assert not np.allclose(each[0], each[1])
    np.testing.assert_array_equal(model.score_samples(few), -each.mean(axis=0))
    assert set(model.history_["network"]) == {0, 1, 2}


def test_standardize():
    units = np.array([1.0, 1e3, 1e-3, 1.0, 1.0])
    X, Y = normal_rows(600), anomalies(50)
    for standardize in (True, "robust"):
        model = detector(standardize=standardize)
        before = model.fit(X).score_samples(Y)
        np.testing.assert_allclose(model.fit(units * X).score_samples(units * Y), before, rtol=1e-3)
    model = detector(standardize=False)
    before = model.fit(X).score_samples(Y)
    after = model.fit(units * X).score_samples(units * Y)
    assert not np.allclose(before, after, rtol=0.1)


def test_robust_standardisation_is_not_led_astray():
    X = normal_rows(600)
    X[0, 0] = 1e6
    scales = {}
    for standardize in (True, "robust"):
        model = detector(standardize=standardize, novelty=True).fit(X)
        scales[standardize] = model._ensemble.members[0].network.scaling.scale[0]
    assert scales["robust"] < 3
    assert scales[True] > 1e4 or scales[True] < 3  # the row may have been held out


@pytest.mark.slow
def test_novelty_says_whether_training_rows_are_trusted():
    """A clump of outliers that a network can learn, too small for a group of normal rows."""
    rng = np.random.default_rng(0)
    clump = np.array([4.0, 4.0, -4.0, 4.0, 4.0]) + 0.1 * rng.normal(size=(25, 5))
    X, y = np.vstack([normal_rows(600), clump]), np.repeat([0, 1], [600, 25])
    auc = {
        novelty: roc_auc_score(
            y, -detector(novelty=novelty, max_epochs=40, scoring="residual").fit(X).score_samples(X)
        )
        for novelty in (True, False)
    }
    assert auc[False] > 0.97
    assert auc[True] < auc[False] - 0.1


def test_early_stopping_holds_rows_out_for_itself():
    history = detector(early_stopping=True, max_epochs=5).fit(normal_rows(600)).history_
    assert history["valid_loss"].notna().all()
    assert detector(max_epochs=5).fit(normal_rows(600)).history_["valid_loss"].isna().all()


def test_training_lowers_the_loss():
    history = detector(max_epochs=20).fit(normal_rows(600)).history_
    assert history["train_loss"].iloc[-1] < 0.5 * history["train_loss"].iloc[1]


def test_random_state():
    X = normal_rows(80)
    scores = [detector(random_state=seed).fit(X).score_samples(X) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.allclose(scores[0], scores[2])


def test_nested_parameters_of_auto_parts():
    model = detector().set_params(kind__corruption__level=0.3, architecture__activation="relu")
    assert isinstance(model.kind, Denoising)
    model.set_params(scoring="elbo", scoring__n_draws=4)
    assert model.scoring.n_draws == 4


@pytest.mark.slow
def test_search_by_average_precision():
    X, y = np.vstack([normal_rows(150), anomalies(15)]), np.repeat([0, 1], [150, 15])

    def precision(model, X, y):
        return average_precision_score(y, -model.score_samples(X))

    pipeline = make_pipeline(StandardScaler(), detector(max_epochs=10))
    grid = {"autoencoderoutlierdetector__scoring": ["latent", "joint"]}
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(pipeline, grid, scoring=precision, cv=folds, error_score="raise").fit(
        X, y
    )
    assert search.best_params_ == {"autoencoderoutlierdetector__scoring": "joint"}


# Thresholds.


def test_set_threshold_moves_the_line_only(fitted):
    X = normal_rows(700)
    scores, ensemble, offset = fitted.score_samples(X), fitted._ensemble, fitted.offset_
    assert fitted.set_threshold(contamination=0.2) is fitted
    assert (fitted.predict(X) == -1).sum() == 140
    low = fitted.set_threshold(false_positive_rate=0.05).offset_
    assert fitted.set_threshold(false_positive_rate=0.2).offset_ > low
    assert fitted._ensemble is ensemble
    np.testing.assert_array_equal(fitted.score_samples(X), scores)
    fitted.offset_ = offset


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "either contamination or false_positive_rate"),
        ({"contamination": 0.1, "false_positive_rate": 0.1}, "either contamination or"),
        ({"contamination": 0.6}, r"contamination must be a number in \(0, 0.5\], got 0.6"),
        ({"contamination": "auto"}, r"contamination must be a number in \(0, 0.5\], got 'auto'"),
        ({"false_positive_rate": 1.0}, r"false_positive_rate must be a number in \(0, 1\)"),
        ({"false_positive_rate": 0.001}, "cannot be estimated from 140 calibration rows"),
    ],
)
def test_refused_thresholds(fitted, given, message):
    with pytest.raises(ValueError, match=message):
        fitted.set_threshold(**given)


@pytest.mark.parametrize("fdr", [0, 1, -0.1, "0.1", None, True])
def test_refused_fdr(fitted, fdr):
    with pytest.raises(ValueError, match=r"fdr must be a number in \(0, 1\)"):
        fitted.select(normal_rows(10), fdr=fdr)


@pytest.mark.slow
@pytest.mark.parametrize("n_rows", [150, 700])
def test_false_alarms_are_as_rare_as_asked_for(n_rows):
    """Over fits, the mean rate on fresh normal rows; both with folds and with rows held out."""
    fresh, rates, p_rates = normal_rows(2000, 99), [], []
    for seed in range(12):
        model = detector(novelty=True, max_epochs=4, random_state=seed).fit(
            normal_rows(n_rows, seed)
        )
        model.set_threshold(false_positive_rate=0.1)
        rates.append((model.predict(fresh) == -1).mean())
        p_rates.append((model.p_values(fresh) <= 0.1).mean())
    # The rate of one fit has a standard deviation of about 0.03 for 140 rows held out.
    assert np.mean(p_rates) < 0.1 + 2 * 0.03 / np.sqrt(12)
    assert np.mean(rates) < 0.1 + 2 * 0.03 / np.sqrt(12)
    assert np.mean(rates) > 0.06


def test_false_discovery_rate():
    """Of the rows selected, at most a fifth are normal in the mean, and most outliers are found."""
    shares, power = [], []
    far = np.array([6.0, -6.0, 6.0, -6.0, 6.0])
    for seed in range(10):
        model = detector(novelty=True, max_epochs=4, random_state=seed).fit(normal_rows(700, seed))
        for draw in range(5):
            X = np.vstack([normal_rows(90, 1000 + 10 * seed + draw), far + anomalies(10, draw)])
            selected = model.select(X, fdr=0.2)
            shares.append(selected[:90].sum() / max(1, selected.sum()))
            power.append(selected[90:].mean())
    assert np.mean(shares) < 0.2 + 0.05
    assert np.mean(power) > 0.9


def test_p_values(fitted):
    n = len(fitted.calibration_scores_)
    assert n == 140
    X = np.vstack([normal_rows(20, 1), anomalies(20)])
    expected = (
        1 + (fitted.calibration_scores_[None] <= fitted.score_samples(X)[:, None]).sum(1)
    ) / (n + 1)
    np.testing.assert_allclose(fitted.p_values(X), expected)
    assert fitted.p_values(1e6 * X[:1])[0] == 1 / (n + 1)


def test_rows_held_out_are_unknown_to_the_networks():
    """Were they trained on, they would score better than fresh rows."""
    X = np.random.default_rng(0).normal(size=(100, 30))
    model = detector(novelty=True, max_epochs=100).fit(X)
    fresh = model.score_samples(np.random.default_rng(1).normal(size=(1000, 30)))
    held_out, known = np.median(model.calibration_scores_), np.median(model.score_samples(X))
    assert abs(held_out - np.median(fresh)) < 0.5 * (known - np.median(fresh))


def test_budget_of_alarms(fitted):
    offset = fitted.offset_
    rate = fitted.set_threshold(false_positive_rate=0.05).offset_
    assert fitted.set_threshold(n_alarms=10, n_rows=200).offset_ == rate
    with pytest.raises(
        ValueError, match="n_alarms=1 among n_rows=1000 cannot be estimated from 140"
    ):
        fitted.set_threshold(n_alarms=1, n_rows=1000)
    fitted.offset_ = offset


def test_outliers_among_the_calibration_rows_do_not_raise_the_threshold():
    """Far outliers, a hundredth of the rows: without them in mind most alarms are lost."""
    X = normal_rows(2000)
    clean = detector(novelty=True).fit(X)
    scores = clean.score_samples(X)
    model = detector(novelty=True).fit(X, validation_set=np.vstack([X[:990], 100 + X[:10]]))
    fresh = normal_rows(3000, 1)
    rates = []
    for fraction in (None, 0.01):
        model.set_threshold(false_positive_rate=0.02, outlier_fraction=fraction)
        rates.append((model.predict(fresh) == -1).mean())
    assert rates[0] < 0.7 * rates[1]
    assert 0.012 < rates[1] < 0.04
    assert np.isfinite(scores).all()


# Groups and calibration rows of the user.


def machines(n_machines, seed, n_each=40, spread=1.0):
    """Rows of machines that each have an offset of their own, and the number of the machine."""
    rng = np.random.default_rng(seed)
    relations = np.random.default_rng(0).normal(size=(2, 6))
    offsets = spread * rng.normal(size=(n_machines, 1, 6))
    X = offsets + rng.normal(size=(n_machines, n_each, 2)) @ relations
    X += 0.3 * rng.normal(size=X.shape)
    return X.reshape(-1, 6), np.repeat(np.arange(n_machines), n_each)


@pytest.mark.slow
@pytest.mark.parametrize("novelty", [True, False])
def test_false_alarms_of_new_groups(novelty):
    """50 machines, 2% asked: within a factor of two of it, in the mean of a few fits."""
    rates, small = [], []
    for seed in range(3):
        X, groups = machines(50, seed, spread=0.5)
        new = machines(150, 100 + seed, spread=0.5)[0]
        model = detector(novelty=novelty, max_epochs=10, random_state=seed).fit(X, groups=groups)
        rates.append((model.set_threshold(false_positive_rate=0.02).predict(new) == -1).mean())
        small.append((model.p_values(new) <= 0.1).mean())
    assert 0.01 < np.mean(rates) < 0.04
    assert np.mean(small) < 0.1


def test_rows_of_new_groups_raise_fewer_alarms_with_groups():
    (X, groups), new = machines(20, 0, n_each=10), machines(60, 1)[0]
    alarms = []
    for given in (None, groups):
        model = detector(novelty=True, max_epochs=5).fit(X, groups=given)
        model.set_threshold(false_positive_rate=0.1)
        alarms.append((model.predict(new) == -1).mean())
    assert alarms[0] > 0.3
    assert alarms[1] < 0.2
    assert model.p_values(1e6 + new[:3]).tolist() == [1 / 21] * 3


def test_groups_names_do_not_matter():
    X, groups = machines(6, 0, n_each=10)
    names = pd.Series(list("fedcba"))[groups].to_numpy()
    first = detector().fit(X, groups=groups).score_samples(X)
    np.testing.assert_array_equal(detector().fit(X, groups=names).score_samples(X), first)
    assert (
        detector().fit_predict(X, groups=groups) == detector().fit_predict(X, groups=names)
    ).all()


def test_groups_with_weights_and_labels():
    """Rows without weight and known anomalies are in no group that calibrates."""
    X, groups = machines(8, 0, n_each=10)
    y, weight = np.zeros(80, dtype=int), np.ones(80)
    y[:10], weight[10:25] = -1, 0
    model = detector(novelty=True, anomaly_label=-1).fit(X, y, weight, groups)
    assert model._calibration.size == 6  # the first is anomalous, the second does not count
    assert len(model.calibration_scores_) == 55
    weights = np.concatenate([held_out.weights for held_out in model._calibration.groups])
    np.testing.assert_allclose(np.sort(weights), [0.1] * 50 + [0.2] * 5)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1, 2], "groups must hold one group for each of the 60 rows of X"),
        (np.zeros(60), "groups holds a single group"),
        ([np.nan] * 60, "groups must have no missing values"),
    ],
)
def test_refused_groups(groups, message):
    with pytest.raises(ValueError, match=message):
        detector().fit(normal_rows(60), groups=groups)


def test_groups_in_cross_validation():
    X, groups = machines(6, 0, n_each=10)
    seen = []

    class Watched(AutoencoderOutlierDetector):
        def fit(self, X, y=None, sample_weight=None, groups=None, validation_set=None):
            seen.append(groups)
            return super().fit(X, y, sample_weight, groups, validation_set)

    def n_groups(model, X, y=None):
        return model._calibration.size

    given = {"cv": GroupKFold(3), "scoring": n_groups, "error_score": "raise"}
    with config_context(enable_metadata_routing=True):
        model = Watched(max_epochs=1, random_state=0).set_fit_request(groups=True)
        assert cross_val_score(model, X, params={"groups": groups}, **given).tolist() == [4, 4, 4]
    model = Watched(max_epochs=1, random_state=0)
    found = cross_val_score(model, X, groups=groups, params={"groups": groups}, **given)
    assert found.tolist() == [4, 4, 4]
    assert [len(of_fit) for of_fit in seen] == [40] * 6


def test_rows_given_for_calibration():
    X, later = normal_rows(60), 0.5 + normal_rows(150, 1)
    model = detector(novelty=True).fit(X, validation_set=later)
    assert len(model._ensemble) == 1
    np.testing.assert_array_equal(model.calibration_scores_, np.sort(model.score_samples(later)))
    new = 0.5 + normal_rows(1000, 2)
    model.set_threshold(false_positive_rate=0.05)
    assert (model.predict(new) == -1).mean() == pytest.approx(0.05, abs=0.05)
    assert (detector(novelty=True).fit(X).predict(new) == -1).mean() > 0.2
    assert set(detector().fit_predict(X, validation_set=later)) <= {-1, 1}


def test_rows_given_for_calibration_in_any_container():
    X, later = normal_rows(60), normal_rows(40, 1)
    names = list("abcde")
    expected = detector().fit(X, validation_set=later).calibration_scores_
    frames = (pd.DataFrame(rows, columns=names) for rows in (X, later))
    for rows, given in (
        tuple(frames),
        (sp.csr_matrix(X), sp.csr_matrix(later)),
        (X, [later[:30], later[30:]].__iter__()),
    ):
        found = detector().fit(rows, validation_set=given).calibration_scores_
        np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (normal_rows(5)[:, :4], "validation_set .*4 features"),
        (np.ones((0, 5)), "validation_set"),
        (np.full((5, 5), np.nan), "validation_set .*NaN"),
        (np.full((5, 5), np.inf), "validation_set .*infinity"),
        ("rows", "validation_set"),
    ],
)
def test_refused_rows_for_calibration(rows, message):
    model = detector().fit(normal_rows(20))
    with pytest.raises(ValueError, match=message):
        clone(model).fit(normal_rows(20), validation_set=rows)
    before = model.calibration_scores_
    with pytest.raises(ValueError, match=message):
        model.fit(normal_rows(30), validation_set=rows)
    assert model.calibration_scores_ is before


def test_missing_values_in_rows_for_calibration():
    X, later = normal_rows(60), normal_rows(40, 1)
    later[0, 0] = np.nan
    hides = Denoising("missing")
    assert len(detector(kind=hides).fit(X, validation_set=later).calibration_scores_) == 40
    X[3, 2] = np.nan
    assert len(detector().fit(X, validation_set=later).calibration_scores_) == 40


def test_select_tells_that_it_can_not_select(fitted):
    X = np.vstack([normal_rows(2000, 1), 1e3 * anomalies(5)])
    with pytest.warns(
        UserWarning, match="with 140 the smallest p-value is 0.0071, which would pass"
    ):
        assert not fitted.select(X, fdr=0.1).any()


# Reasons.


@pytest.mark.parametrize("scoring", ["residual", "joint", "reconstruction", "latent"])
def test_contributions_add_up(scoring):
    model = detector(scoring=scoring).fit(normal_rows(60))
    X = np.vstack([normal_rows(20, 1), anomalies(20), 1e4 * anomalies(2)])
    sums = model.feature_contributions(X).sum(axis=1)
    np.testing.assert_allclose(sums, -model.score_samples(X), rtol=1e-9)


def test_contributions_name_the_feature(fitted):
    X = normal_rows(50, 1)
    changed = np.arange(50) % 5
    X[np.arange(50), changed] += 3
    found = fitted.feature_contributions(X).to_numpy().argmax(axis=1)
    assert (found == changed).mean() > 0.7


def people(n_rows, seed):
    """Rows whose income depends on their job, encoded as dummies."""
    rng = np.random.default_rng(seed)
    job, city = rng.choice(list("mst"), n_rows), rng.choice(list("abc"), n_rows)
    income = rng.normal(size=n_rows) + 8 * (job == "m") + 3 * (job == "t")
    heavy = rng.standard_t(3, size=n_rows)
    frame = pd.DataFrame({"job": job, "city": city, "income": income, "heavy": heavy})
    return pd.get_dummies(frame, dtype=float)


def of_column(name):
    return name.split("_")[0]


@pytest.mark.parametrize(
    "scoring",
    slow_but({"residual", "joint"}, ["residual", "joint", "reconstruction", "latent"], str),
)
@pytest.mark.parametrize("novelty", [True, False])
def test_contributions_name_the_column_beside_dummies(scoring, novelty):
    """The residuals of the job are disturbed as well, but it is the income that is wrong."""
    X, wrong = people(600, 0), people(60, 1)
    wrong["income"] += 6 * X["income"].std()
    model = detector(scoring=scoring, novelty=novelty, max_epochs=20).fit(X)
    reasons = model.feature_contributions(wrong, groups=of_column)
    assert list(reasons.columns) == ["income", "heavy", "job", "city"]
    assert (reasons.idxmax(axis=1) == "income").mean() >= 0.95
    np.testing.assert_allclose(reasons.sum(axis=1), -model.score_samples(wrong), rtol=1e-9)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Posterior collapse. only:UserWarning")
def test_contributions_to_the_bound_name_the_column():
    X, wrong = people(600, 0), people(40, 1)
    wrong["income"] += 6 * X["income"].std()
    model = detector(kind="variational", scoring="elbo", novelty=True, max_epochs=20).fit(X)
    reasons = model.feature_contributions(wrong, groups=of_column)
    assert (reasons.idxmax(axis=1) == "income").mean() >= 0.95


def test_contributions_of_a_broken_relation_name_either_column():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 6))
    X[:, 3:] = X[:, :3] + 0.1 * rng.normal(size=(600, 3))
    wrong = X[:60].copy()
    wrong[:, 4] = np.sign(wrong[:, 1]) * -0.8
    model = detector(novelty=True, max_epochs=20).fit(X)
    found = model.feature_contributions(wrong).to_numpy().argmax(axis=1)
    assert np.isin(found, [1, 4]).mean() >= 0.95


def test_a_score_without_gradients_is_explained_as_well():
    class Numpy(Residual):
        def of_features(self, network, X, codes):
            return torch.from_numpy(np.abs(super().of_features(network, X, codes).numpy()))

    X = normal_rows(60)
    wrong = X[:10].copy()
    wrong[:, 2] += 20
    model = detector(scoring=Numpy(), n_estimators=1).fit(X)
    reasons = model.feature_contributions(wrong)
    assert (reasons.idxmax(axis=1) == "x2").all()
    np.testing.assert_allclose(reasons.sum(axis=1), -model.score_samples(wrong), rtol=1e-9)


def test_contributions_of_samples_with_axes_are_named_by_place():
    windows = np.random.default_rng(0).normal(size=(40, 10, 2))
    model = detector(max_epochs=1).fit(windows)
    reasons = model.feature_contributions(windows[:3])
    assert reasons.columns.names == ["step", "channel"]
    assert reasons.columns.tolist() == [(i, j) for i in range(10) for j in range(2)]
    channels = model.feature_contributions(windows[:3], groups=lambda place: place[1])
    assert channels.columns.tolist() == [0, 1]
    np.testing.assert_allclose(channels.sum(axis=1), reasons.sum(axis=1))
    of_levels = reasons.T.groupby(level="channel").sum().T
    np.testing.assert_allclose(channels, of_levels, rtol=1e-6, atol=1e-9)


def test_groups_of_unknown_columns_are_refused(fitted):
    with pytest.raises(ValueError, match=r"groups\['a'\] has the column 'x9'"):
        fitted.feature_contributions(normal_rows(3), groups={"a": ["x9"]})
    with pytest.raises(NotFittedError):
        AutoencoderOutlierDetector().feature_contributions(normal_rows(3), groups={"a": ["x1"]})


def test_contributions_have_names_and_an_index():
    frame = pd.DataFrame(normal_rows(40), columns=list("abcde"), index=np.arange(40) * 10)
    contributions = detector().fit(frame).feature_contributions(frame[:7])
    assert list(contributions.columns) == list("abcde")
    assert list(contributions.index) == [0, 10, 20, 30, 40, 50, 60]
    unnamed = detector().fit(normal_rows(40)).feature_contributions(normal_rows(3).tolist())
    assert list(unnamed.columns) == ["x0", "x1", "x2", "x3", "x4"]
    assert list(unnamed.index) == [0, 1, 2]


def test_alerts(fitted):
    frame = pd.DataFrame(
        np.vstack([normal_rows(20, 1), normal_rows(3, 2)]), columns=list("abcde")
    ).set_index(np.arange(23) * 10)
    frame.iloc[20:, 1] += [4, 8, 6]
    named = detector(novelty=True, max_epochs=40).fit(
        pd.DataFrame(normal_rows(700), columns=list("abcde"))
    )
    named.set_threshold(false_positive_rate=0.01)
    alerts = named.alerts(frame, n_features=2)
    assert set(alerts.index[:3]) == {200, 210, 220}
    assert alerts["anomaly_score"].is_monotonic_decreasing
    assert list(alerts["feature_1"][:3]) == ["b"] * 3
    np.testing.assert_array_equal(alerts["value_1"][:3], frame["b"][alerts.index[:3]])
    np.testing.assert_allclose(
        alerts["expected_1"][:3], np.sin(2 * frame["a"])[alerts.index[:3]], atol=0.4
    )
    assert set(alerts.index) == set(frame.index[named.predict(frame) == -1])
    every = named.alerts(frame, only_outliers=False)
    assert sorted(every.index) == sorted(frame.index)
    by_row = every.loc[frame.index]
    np.testing.assert_array_equal(by_row["anomaly_score"], -named.score_samples(frame))
    np.testing.assert_array_equal(by_row["p_value"], named.p_values(frame))
    assert every.shape[1] == 2 + 3 * 3


def test_alerts_of_other_containers(fitted):
    rows = np.vstack([normal_rows(5, 1), 50 + normal_rows(1)])
    expected = fitted.alerts(rows)
    assert 5 in expected.index
    for X in (rows.tolist(), sp.csr_matrix(rows), lambda: iter([rows[:2], rows[2:]])):
        pd.testing.assert_frame_equal(fitted.alerts(X), expected, check_exact=False, rtol=1e-5)
    none = fitted.alerts(rows[:1] * 0 + normal_rows(700)[:1])
    assert none.empty
    assert list(none.columns) == list(expected.columns)
    assert fitted.alerts(rows, n_features=99).shape[1] == 2 + 3 * 5
    with pytest.raises(ValueError, match="n_features must be"):
        fitted.alerts(rows, n_features=0)


def test_a_pipeline_by_its_steps():
    """What a pipeline has no method for: its last step, given rows through the steps before."""
    X = normal_rows(600)
    pipeline = make_pipeline(StandardScaler(), detector(novelty=True)).fit(X)
    steps, last = pipeline[:-1], pipeline[-1]
    last.set_threshold(false_positive_rate=0.2)
    rows = steps.transform(X)
    assert 0.1 < (pipeline.predict(X) == -1).mean() < 0.3
    assert last.p_values(rows).shape == (600,)
    assert last.feature_contributions(rows).shape == (600, 5)
    found = last.alerts(rows)
    assert set(found.index) == set(np.flatnonzero(pipeline.predict(X) == -1))


# Known anomalies.


def digits_with_rare_ones(rare, n_rare=60):
    """All digits but `rare`, few of which follow at the end."""
    digits = load_digits()
    rows = np.concatenate(
        [np.flatnonzero(digits.target != rare), np.flatnonzero(digits.target == rare)[:n_rare]]
    )
    return digits.data[rows], (digits.target[rows] == rare).astype(int)


@pytest.mark.slow
def test_ten_known_anomalies_help():
    """The mean over two digits of the average precision on the rows without a label."""
    gains = []
    for rare in (0, 1):
        X, y = digits_with_rare_ones(rare)
        labels = np.repeat([0, -1], [len(y) - 10, 10])
        unknown = labels == 0
        precision = [
            average_precision_score(
                y[unknown],
                -detector(max_epochs="auto", anomaly_label=mark)
                .fit(X, labels)
                .score_samples(X[unknown]),
            )
            for mark in (None, -1)
        ]
        gains.append(precision[1] - precision[0])
    assert np.mean(gains) > 0.1


@pytest.mark.slow
def test_known_anomalies_are_rebuilt_badly():
    X = normal_rows(600)
    labels = np.zeros(600, int)
    labels[:10] = -1
    errors = [
        np.square(X - model.reconstruct(X)).sum(axis=1)[:10].mean()
        for model in (
            detector(max_epochs=40, anomaly_label=mark).fit(X, labels) for mark in (None, -1)
        )
    ]
    assert errors[1] > 3 * errors[0]


@pytest.mark.slow
def test_many_known_anomalies():
    """More than are looked at for each batch."""
    X, labels = np.vstack([normal_rows(600), anomalies(200)]), np.repeat([0, -1], [600, 200])
    model = detector(max_epochs=40, novelty=True, anomaly_label=-1).fit(X, labels)
    y, fresh = np.repeat([0, 1], 200), np.vstack([normal_rows(200, 5), anomalies(200, 7)])
    assert roc_auc_score(y, -model.score_samples(fresh)) > 0.9


def test_rows_known_to_be_normal_are_trained_on():
    rng = np.random.default_rng(0)
    far = np.array([5.0, 5.0, 5.0, -5.0, 5.0]) + 0.1 * rng.normal(size=(60, 5))
    X = np.vstack([normal_rows(600), far, 20 + normal_rows(1)])
    y = np.repeat([0, 1, -1], [600, 60, 1])
    settings = {"max_epochs": 20, "scoring": "residual", "anomaly_label": -1}
    scores = [
        detector(**settings, normal_label=mark).fit(X, y).score_samples(far).mean()
        for mark in (None, 1)
    ]
    assert scores[1] > scores[0] / 2  # scores are negative


# Weights


def test_rows_of_weight_zero_do_not_count():
    """Neither in training nor in thresholds, p-values and the robust core."""
    rows = normal_rows(60)
    more, weight = np.vstack([anomalies(9), rows]), np.repeat([0.0, 1.0], [9, 60])
    settings = {"n_estimators": 1, "max_epochs": 2}
    found = detector(**settings).fit(more, sample_weight=weight)
    expected = detector(**settings).fit(rows)
    np.testing.assert_allclose(found.p_values(more), expected.p_values(more), atol=0.02)
    np.testing.assert_allclose(found.score_samples(rows), expected.score_samples(rows), rtol=0.01)
    assert found.offset_ == pytest.approx(expected.offset_, rel=0.01)
    labels = detector(**settings).fit_predict(more, sample_weight=weight)
    assert np.array_equal(labels, found.predict(more))


def test_rows_of_large_weight_are_learnt_first():
    first, second = normal_rows(100), normal_rows(100, seed=1)[:, ::-1] - 3
    rows = np.vstack([first, second])
    errors = []
    for weight in ([1.0, 0.01], [0.01, 1.0]):
        fitted = detector(n_components=2, novelty=True, n_estimators=1, max_epochs=5)
        fitted.fit(rows, sample_weight=np.repeat(weight, 100))
        errors.append(np.square(fitted.reconstruct(first) - first).mean())
    assert errors[0] < 0.7 * errors[1]


@pytest.mark.parametrize("weight", [np.ones(59), -np.ones(60), np.zeros(60), "1"])
def test_refused_weights(weight):
    with pytest.raises(ValueError, match=r"sample_weight"):
        detector().fit(normal_rows(60), sample_weight=weight)


def test_normal_rows_need_a_weight():
    y = np.repeat([-1, 1], [58, 2])
    with pytest.raises(ValueError, match="y labels 58 of 59 rows as anomalies"):
        detector(anomaly_label=-1).fit(normal_rows(60), y, sample_weight=np.r_[np.ones(59), 0])


def test_y_is_ignored_by_default():
    """Whatever it holds, even if it does not have one value for each row."""
    X = normal_rows(60)
    expected = detector().fit(X).score_samples(X)
    for y in (np.repeat([-1, 1], 30), np.arange(60) % 2, ["a", "b"] * 30, np.zeros(7)):
        np.testing.assert_array_equal(detector().fit(X, y).score_samples(X), expected)


@pytest.mark.parametrize(
    ("mark", "y"),
    [
        (1, np.repeat([1, 0], [5, 55])),
        (True, np.repeat([True, False], [5, 55])),
        (-1, np.repeat([-1, 1], [5, 55])),
        ("fraud", np.repeat(["fraud", "unknown"], [5, 55])),
        (1, np.repeat([1, np.nan], [5, 55])),
        (1, np.array([1] * 5 + [None] * 55, dtype=object)),
        (1, pd.Series([1] * 5 + [None] * 55, dtype="Int64")),
    ],
)
def test_the_value_that_marks_an_anomaly(mark, y):
    X = normal_rows(60)
    expected = detector(anomaly_label=2).fit(X, np.repeat([2, 7], [5, 55]))
    found = detector(anomaly_label=mark).fit(X, y)
    np.testing.assert_array_equal(found.score_samples(X), expected.score_samples(X))
    assert not np.array_equal(found.score_samples(X), detector().fit(X).score_samples(X))


def test_cross_validation_does_not_learn_from_the_labels():
    """Of labels of 1 and -1, which mark outliers in scikit-learn, only the scorer knows."""
    X = np.vstack([normal_rows(50), anomalies(10)])
    scores = [
        cross_val_score(
            detector(),
            X,
            y,
            cv=KFold(2, shuffle=True, random_state=0),
            scoring=lambda model, X, y: model.score_samples(X).sum(),
        )
        for y in (np.repeat([1, -1], [50, 10]), np.ones(60))
    ]
    np.testing.assert_array_equal(*scores)


def test_refused_labels():
    X, known = normal_rows(30), detector(anomaly_label=-1)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        known.fit(X, np.zeros(29))
    with pytest.raises(ValueError, match="29 of 30 rows as anomalies"):
        known.fit(X, np.repeat([-1, 0], [29, 1]))
    with pytest.raises(ValueError, match="anomaly_label and normal_label must differ, got 1"):
        detector(anomaly_label=1, normal_label=1).fit(X, np.ones(30))
    with pytest.raises(ValueError, match="'anomaly_label' parameter"):
        detector(anomaly_label=[1]).fit(X, np.ones(30))


# Life after the fit.


def test_calibrate_renews_thresholds_without_training(fitted):
    model = copy.deepcopy(fitted).set_threshold(false_positive_rate=0.1)
    drifted = normal_rows(2000, 5) + 0.15
    before = (model.predict(drifted) == -1).mean()
    scores = model.score_samples(drifted)
    assert model.calibrate(normal_rows(1000, 6) + 0.15) is model
    assert len(model.calibration_scores_) == 1000
    np.testing.assert_array_equal(model.score_samples(drifted), scores)
    assert before > 0.2
    assert 0.06 < (model.predict(drifted) == -1).mean() < 0.14
    assert 0.06 < (model.p_values(drifted) <= 0.1).mean() < 0.14


def test_calibrate_keeps_the_rule_of_the_threshold(fitted):
    new = normal_rows(500, 6) + 0.1
    for asked in ({"contamination": 0.2}, {"n_alarms": 10, "n_rows": 100}):
        model = copy.deepcopy(fitted).set_threshold(**asked).calibrate(new)
        expected = model.offset_
        assert model.set_threshold(**asked).offset_ == expected
        assert model.offset_ != copy.deepcopy(fitted).set_threshold(**asked).offset_
    assert (
        copy.deepcopy(fitted).set_threshold(contamination=0.2).calibrate(new).predict(new) == -1
    ).sum() == 100
    by_parameter = detector(contamination=0.25).fit(normal_rows(60)).calibrate(new)
    assert (by_parameter.predict(new) == -1).sum() == 125
    auto = copy.deepcopy(fitted).calibrate(new)
    assert auto.offset_ != fitted.offset_
    assert (auto.predict(new) == -1).mean() < 0.06


def test_a_failed_calibration_changes_nothing(fitted):
    model = copy.deepcopy(fitted).set_threshold(false_positive_rate=0.02)
    before = model.offset_, model.p_values(normal_rows(9)).tolist()
    with pytest.raises(ValueError, match="cannot be estimated from 20 calibration rows"):
        model.calibrate(normal_rows(20, 6))
    with pytest.raises(ValueError, match="at least two rows, got 1"):
        model.calibrate(normal_rows(1))
    assert (model.offset_, model.p_values(normal_rows(9)).tolist()) == before


def test_calibrate_on_groups(fitted):
    model = copy.deepcopy(fitted).set_threshold(false_positive_rate=0.2)
    model.calibrate(normal_rows(60, 6), groups=np.arange(60) % 12)
    assert model._calibration.size == 12


def test_drift_report(fitted):
    same, moved = (fitted.drift_report(normal_rows(300, 7) + shift) for shift in (0, 0.3))
    assert not same.drifted
    assert moved.drifted
    assert (moved.n_rows, moved.n_calibration_rows, moved.level) == (300, 140, 0.01)
    assert moved.mean_p_value == fitted.p_values(normal_rows(300, 7) + 0.3).mean()
    assert not fitted.drift_report(normal_rows(300, 7) + 0.3, level=1e-300).drifted
    with pytest.raises(ValueError, match=r"level must be a number in \(0, 1\), got 5"):
        fitted.drift_report(normal_rows(9), level=5)


def test_warm_start():
    X = normal_rows(600)
    model = detector(warm_start=True, novelty=True, max_epochs=10).fit(X)
    first = model.history_["train_loss"].iloc[-1]
    model.set_threshold(false_positive_rate=0.2).fit(X)
    again = detector(novelty=True, max_epochs=10).fit(X)
    assert model.history_["train_loss"].iloc[1] < again.history_["train_loss"].iloc[1]
    assert model.history_["train_loss"].iloc[-1] < first
    assert (model.predict(normal_rows(500, 3)) == -1).mean() < 0.12  # the rule is that of fit
    with pytest.raises(ValueError, match=r"continues from 1 networks, .* 60 rows trains 5"):
        model.fit(X[:60])
    with pytest.raises(ValueError, match="features"):
        model.fit(X[:, :3])
    assert model.set_params(warm_start=False).fit(X[:60, :3]).n_features_in_ == 3


@pytest.mark.slow
def test_warm_start_with_the_same_rows_holds_out_the_same():
    X = np.random.default_rng(0).normal(size=(100, 30))
    model = detector(warm_start=True, novelty=True, max_epochs=40).fit(X).fit(X)
    fresh = model.score_samples(np.random.default_rng(1).normal(size=(1000, 30)))
    held_out, known = np.median(model.calibration_scores_), np.median(model.score_samples(X))
    assert abs(held_out - np.median(fresh)) < 0.5 * (known - np.median(fresh))


def test_a_fit_ends_a_stream():
    model = detector().partial_fit(normal_rows(150)).set_threshold(contamination=0.4)
    model.fit(normal_rows(60))
    assert not hasattr(model, "_stream")
    assert (model.predict(normal_rows(60)) == -1).mean() < 0.4


@pytest.mark.parametrize("begin", ["fit", "partial_fit"])
def test_a_saved_stream_goes_on(tmp_path, begin):
    model = getattr(detector(novelty=True), begin)(normal_rows(150))
    model.set_threshold(false_positive_rate=0.1).partial_fit(normal_rows(150, 1))
    model.save(tmp_path / "detector.skae")
    loaded, X = skae.load(tmp_path / "detector.skae"), normal_rows(150, 2)
    for one in (model, loaded):
        one.partial_fit(X).calibrate(normal_rows(50, 3))
    assert loaded.offset_ == model.offset_
    np.testing.assert_array_equal(loaded.p_values(X), model.p_values(X))
