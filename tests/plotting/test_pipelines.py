"""Pipelines in displays: their last step, and rows as it receives them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae.plotting import (
    CodesDisplay,
    FeatureContributionsDisplay,
    LatentTraversalDisplay,
    ReconstructionsDisplay,
    ScoreDistributionDisplay,
    TrainingCurveDisplay,
)
from skae.plotting.pipelines import LastStep, rebuilding_step

pytestmark = pytest.mark.usefixtures("figures_are_closed")
RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {"speed": RNG.normal(100, 20, 60), "mode": RNG.choice(["eco", "sport"], 60)},
    index=[f"trip {i}" for i in range(60)],
)
NAMES = ["speed", "mode_eco", "mode_sport"]


def encoder(output="pandas", sparse=False):
    return ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["speed"]),
            ("words", OneHotEncoder(sparse_output=sparse), ["mode"]),
        ],
        verbose_feature_names_out=False,
        sparse_threshold=1.0 if sparse else 0.0,
    ).set_output(transform=output)


def detector():
    return AutoencoderOutlierDetector(max_epochs=1, n_components=2, random_state=0, novelty=True)


def piped(*steps):
    return make_pipeline(*steps, detector()).fit(TABLE)


@pytest.mark.parametrize(
    "steps",
    [
        [encoder()],
        [encoder("default")],
        [encoder("default", sparse=True)],
        [encoder("default"), StandardScaler(), "passthrough"],
        [make_pipeline(encoder("default"), StandardScaler())],
    ],
)
def test_displays_of_a_detector(steps):
    pipeline = piped(*steps)
    last, rows = pipeline[-1], pipeline[:-1].transform(TABLE)
    display = FeatureContributionsDisplay.from_estimator(pipeline, TABLE, row=7)
    assert list(display.contributions.index) == NAMES
    assert display.contributions.name == "trip 7"
    dense = rows.toarray() if hasattr(rows, "toarray") else np.asarray(rows)
    np.testing.assert_allclose(display.values, dense[7])
    assert display.score == pytest.approx(-last.score_samples(rows)[7], rel=1e-5)
    assert display.threshold == -last.offset_
    scores = ScoreDistributionDisplay.from_estimator(pipeline, TABLE, TABLE["mode"])
    np.testing.assert_array_equal(scores.scores, -last.score_samples(rows))
    assert scores.threshold == -last.offset_
    assert TrainingCurveDisplay.from_estimator(pipeline).history is last.history_


def test_reconstructions_and_traversals():
    rows = pd.DataFrame(RNG.normal(size=(60, 4)), columns=list("abcd"))
    of_detector = make_pipeline(StandardScaler(), detector()).fit(rows)
    scaled = of_detector[0].transform(rows)
    shown = ReconstructionsDisplay.from_estimator(of_detector, rows, n_samples=60)
    np.testing.assert_allclose(np.squeeze(shown.originals), scaled)
    expected = of_detector[-1].reconstruct(scaled)
    np.testing.assert_allclose(np.squeeze(shown.reconstructions), expected, rtol=1e-5, atol=1e-6)
    inverted = make_pipeline(StandardScaler(), PCA(2)).fit(rows)
    shown = ReconstructionsDisplay.from_estimator(inverted, rows, n_samples=60)
    np.testing.assert_allclose(np.squeeze(shown.originals), rows)
    one_way = make_pipeline(
        encoder(), AutoencoderTransformer(2, max_epochs=1, random_state=0, init="random")
    ).fit(TABLE)
    CodesDisplay.from_estimator(one_way, TABLE)
    traversal = LatentTraversalDisplay.from_estimator(one_way, TABLE, n_steps=3)
    assert list(traversal.feature_names) == NAMES
    shown = ReconstructionsDisplay.from_estimator(one_way, TABLE, n_samples=2)
    assert np.squeeze(shown.originals).shape == (2, 3)


def test_pipelines_in_pipelines_and_of_one_step():
    alone = Pipeline([("detector", detector())]).fit(np.eye(20))
    assert LastStep(alone).estimator is alone[-1]
    assert LastStep(alone).rows(TABLE) is TABLE
    nested = make_pipeline(encoder(), make_pipeline(StandardScaler(), detector())).fit(TABLE)
    step = LastStep(nested)
    assert step.estimator is nested[-1][-1]
    expected = nested[-1][:-1].transform(nested[:-1].transform(TABLE))
    np.testing.assert_array_equal(step.rows(TABLE), expected)
    FeatureContributionsDisplay.from_estimator(nested, TABLE)
    whole = make_pipeline(StandardScaler(), PCA(2))
    assert rebuilding_step(whole).estimator is whole


def test_steps_without_names():
    halves = FunctionTransformer(lambda X: np.asarray(X[["speed"]]) / [1, 2])
    display = FeatureContributionsDisplay.from_estimator(piped(halves), TABLE)
    assert list(display.contributions.index) == ["x0", "x1"]
    both = FeatureUnion([("all", FunctionTransformer(feature_names_out="one-to-one"))])
    pipeline = make_pipeline(both, detector()).fit(TABLE[["speed"]].assign(other=1.0))
    display = FeatureContributionsDisplay.from_estimator(
        pipeline, TABLE[["speed"]].assign(other=1.0)
    )
    assert len(display.contributions) == 2


def test_refused():
    for display in (FeatureContributionsDisplay, ScoreDistributionDisplay):
        with pytest.raises(NotFittedError):
            display.from_estimator(make_pipeline(encoder(), detector()), TABLE)
        with pytest.raises(TypeError, match=r"must be an outlier detector .* got PCA"):
            display.from_estimator(make_pipeline(encoder(), PCA(1)).fit(TABLE), TABLE)
        with pytest.raises(TypeError, match="must be an outlier detector"):
            display.from_estimator(Pipeline([("a", BaseEstimator())]), TABLE)
