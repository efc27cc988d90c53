import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import skae
from skae import AutoencoderClassifier, AutoencoderTransformer
from skae.metrics import explained_variance_scorer

X = load_iris().data
X_TRAIN, X_TEST = X[::2], X[1::2]


@pytest.fixture(scope="module")
def ae():
    return AutoencoderTransformer(2, max_epochs=3, random_state=0).fit(X_TRAIN)


def test_it_is_the_sum_of_the_ratios_of_pca():
    pca = PCA(2).fit(X)
    score = explained_variance_scorer(pca, X)
    assert score == pytest.approx(pca.explained_variance_ratio_.sum(), abs=1e-12)


@pytest.mark.parametrize("rows", [X_TRAIN, X_TEST])
def test_it_is_the_score_of_the_transformer(ae, rows):
    assert explained_variance_scorer(ae, rows) == pytest.approx(ae.score(rows), abs=1e-6)


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_without_a_mean_it_is_r2_weighted_by_variance(output):
    pipeline = make_pipeline(MinMaxScaler(), PCA(2)).set_output(transform=output).fit(X_TRAIN)
    codes = pipeline.transform(X_TEST)
    found = pipeline.inverse_transform(np.asarray(codes))
    expected = r2_score(X_TEST, found, multioutput="variance_weighted")
    assert explained_variance_scorer(pipeline, X_TEST) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_squares_may_be_out_of_range(scale):
    expected = explained_variance_scorer(PCA(2).fit(X), X)

    class Scaled:
        def transform(self, rows):
            return PCA(2).fit(X).transform(rows / scale)

        def inverse_transform(self, codes):
            return PCA(2).fit(X).inverse_transform(codes) * scale

    assert explained_variance_scorer(Scaled(), X * scale) == pytest.approx(expected, rel=1e-9)


def test_forms_of_rows_give_the_same(ae):
    expected = explained_variance_scorer(ae, X_TEST)
    for rows in (X_TEST.tolist(), sp.csr_array(X_TEST)):
        assert explained_variance_scorer(ae, rows) == pytest.approx(expected, abs=1e-9)
    images = AutoencoderTransformer(2, max_epochs=1).fit(X_TRAIN.reshape(-1, 2, 2))
    score = explained_variance_scorer(images, X_TEST.reshape(-1, 2, 2))
    assert score == pytest.approx(images.score(X_TEST.reshape(-1, 2, 2)), abs=1e-6)
    frame = pd.DataFrame(X, columns=list("abcd"))
    pca = PCA(2).fit(frame)
    assert explained_variance_scorer(pca, frame) == explained_variance_scorer(PCA(2).fit(X), X)


def test_missing_values_are_left_out():
    rows = X.copy()
    rows[::3, 0] = np.nan
    ae = AutoencoderTransformer(2, max_epochs=1, random_state=0).fit(rows)
    assert explained_variance_scorer(ae, rows) == pytest.approx(ae.score(rows), abs=1e-6)


def test_a_search_compares_an_autoencoder_with_pca():
    ae, pca = AutoencoderTransformer(2, max_epochs=2, random_state=0), PCA(2, random_state=0)
    pipeline = Pipeline([("scale", StandardScaler()), ("reduce", ae)])
    search = GridSearchCV(
        pipeline, {"reduce": [ae, pca]}, scoring=explained_variance_scorer, cv=2
    ).fit(X)
    scores = search.cv_results_["mean_test_score"]
    assert (scores > 0).all()
    assert (scores <= 1).all()
    by_hand = []
    for train, test in KFold(2).split(X):
        scaler = StandardScaler().fit(X[train])
        fitted = PCA(2).fit(scaler.transform(X[train]))
        codes = fitted.transform(scaler.transform(X[test]))
        residual = X[test] - scaler.inverse_transform(fitted.inverse_transform(codes))
        away = X[test] - X[train].mean(axis=0)
        by_hand.append(1 - (residual**2).sum() / (away**2).sum())
    assert scores[1] == pytest.approx(np.mean(by_hand), abs=1e-9)


@pytest.mark.parametrize("first", [None, "passthrough"])
def test_a_pipeline_scores_as_its_transformer(first):
    alone = cross_val_score(PCA(2), X, scoring=explained_variance_scorer, cv=2)
    inner = Pipeline([("first", first), ("pca", PCA(2))])
    nested = cross_val_score(make_pipeline(inner), X, scoring=explained_variance_scorer, cv=2)
    np.testing.assert_allclose(nested, alone)


def test_a_classifier_is_scored_by_its_codes():
    classifier = AutoencoderClassifier(2, max_epochs=1, random_state=0).fit(X, load_iris().target)
    assert 0 < explained_variance_scorer(classifier, X) < 1


def test_constant_rows():
    class Constant:
        def __init__(self, value):
            self.value = value

        def transform(self, rows):
            return rows

        def inverse_transform(self, rows):
            return np.full_like(rows, self.value)

    assert explained_variance_scorer(Constant(2.0), np.full((3, 2), 2.0)) == 1.0
    assert explained_variance_scorer(Constant(3.0), np.full((3, 2), 2.0)) == 0.0


def test_what_does_not_go_back_is_refused():
    with pytest.raises(TypeError, match="LinearRegression has no transform"):
        explained_variance_scorer(LinearRegression(), X)
    with pytest.raises(TypeError, match="KMeans has no inverse_transform"):
        explained_variance_scorer(KMeans(2), X)

    class Shorter:
        transform = staticmethod(np.asarray)
        inverse_transform = staticmethod(lambda codes: codes[:, :1])

    with pytest.raises(ValueError, match=r"4 values in each of 150 rows, .* shape \(150, 1\)"):
        explained_variance_scorer(Shorter(), X)


def test_the_package_finds_the_room():
    assert skae.metrics.explained_variance_scorer is explained_variance_scorer
    assert "metrics" in dir(skae)
