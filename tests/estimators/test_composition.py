"""Beside other estimators, as users put it together."""

import copy

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skae import AutoencoderTransformer
from skae.architectures import Dense
from skae.kinds import Undercomplete

X, y = load_breast_cancer(return_X_y=True)
X, y = X[:200], y[:200]


def quick(n_components=3, **parameters):
    return AutoencoderTransformer(n_components, max_epochs=3, random_state=0, **parameters)


def test_pipeline_with_a_classifier():
    pipeline = make_pipeline(StandardScaler(), quick(), LogisticRegression())
    assert cross_val_score(pipeline, X, y, cv=3).min() > 0.8


def test_pipeline_inverts():
    pipeline = make_pipeline(StandardScaler(), quick(8)).fit(X)
    rebuilt = pipeline.inverse_transform(pipeline.transform(X))
    assert np.square(X - rebuilt).mean() < np.square(X - X.mean(axis=0)).mean()


@pytest.mark.slow
def test_grid_search_over_size_kind_and_nested_parameters():
    pipeline = make_pipeline(StandardScaler(), quick())
    grid = {
        "autoencodertransformer__n_components": [2, 5],
        "autoencodertransformer__kind": ["undercomplete", Undercomplete()],
        "autoencodertransformer__architecture__hidden_layer_sizes": [(8,), (16, 8)],
    }
    search = GridSearchCV(pipeline, grid, cv=2).fit(X)
    assert search.best_params_["autoencodertransformer__n_components"] == 5
    sizes = search.best_estimator_[-1].architecture_.hidden_layer_sizes
    assert sizes == search.best_params_["autoencodertransformer__architecture__hidden_layer_sizes"]


def test_nested_search_with_the_name_among_the_candidates():
    grid = {"architecture": ["dense"], "architecture__activation": ["relu", "tanh"]}
    search = GridSearchCV(quick(), grid, cv=2).fit(X)
    assert search.best_estimator_.architecture_.activation in ("relu", "tanh")


@pytest.mark.slow
def test_grid_search_in_worker_processes_gives_the_same():
    grid = {"n_components": [2, 3]}
    alone = GridSearchCV(quick(), grid, cv=2).fit(X)
    spread = GridSearchCV(quick(), grid, cv=2, n_jobs=2).fit(X)
    np.testing.assert_allclose(
        alone.cv_results_["mean_test_score"], spread.cv_results_["mean_test_score"], rtol=1e-6
    )


def test_column_transformer():
    frame = pd.DataFrame(X[:, :6], columns=list("abcdef")).assign(group=np.where(y, "x", "y"))
    columns = ColumnTransformer(
        [
            ("code", make_pipeline(StandardScaler(), quick()), list("abcdef")),
            ("group", OneHotEncoder(), ["group"]),
        ]
    )
    assert columns.fit_transform(frame).shape == (200, 5)
    assert "code__autoencodertransformer0" in columns.get_feature_names_out()


def test_feature_union_with_pca():
    union = FeatureUnion([("pca", PCA(2)), ("ae", quick())])
    assert union.fit_transform(X).shape == (200, 5)
    assert len(union.get_feature_names_out()) == 5


def test_set_params_turns_a_name_into_its_object():
    ae = quick().set_params(architecture__activation="relu")
    assert isinstance(ae.architecture, Dense)
    assert ae.architecture.activation == "relu"
    # The default of another estimator is untouched.
    assert quick().architecture == "dense"
    with pytest.raises(ValueError, match="Invalid parameter"):
        quick().set_params(architecture__none=1)


def test_joblib_and_deep_copies(tmp_path):
    ae = quick().fit(X)
    joblib.dump(ae, tmp_path / "ae.joblib")
    for other in (joblib.load(tmp_path / "ae.joblib"), copy.deepcopy(ae), copy.copy(ae)):
        assert np.array_equal(other.transform(X), ae.transform(X))


def test_halving_search_over_epochs():
    search = HalvingGridSearchCV(
        quick(), {"n_components": [2, 4]}, resource="max_epochs", max_resources=4, cv=2
    )
    assert search.fit(X).best_params_["n_components"] == 4


def test_codes_of_digits_serve_a_classifier():
    digits, labels = load_digits(return_X_y=True)
    codes = AutoencoderTransformer(8, max_epochs=20, random_state=0).fit_transform(digits)
    linear = LogisticRegression(max_iter=2000)
    assert cross_val_score(linear, codes, labels, cv=3).mean() > 0.85
