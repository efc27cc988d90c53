"""Every estimator is the same after every way to a file and back: a matrix of the registries."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import skops.io
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from support.matrix import MATRIX, X, fitted, matrix, outcome

import skae
from skae import AutoencoderTransformer

pytestmark = [
    pytest.mark.filterwarnings(r"ignore:n_components=\d+ is not larger than the:UserWarning"),
    pytest.mark.filterwarnings("ignore:Posterior collapse. only:UserWarning"),
]
# How parts are stored does not depend on which others they meet.
COMBINATIONS = [
    c for c in MATRIX if c[0] is not AutoencoderTransformer or "undercomplete" in c or "dense" in c
]


def same(first, second, where=""):
    """Assert that two values are the same to the last bit, whatever they hold."""
    assert type(first) is type(second), where
    if isinstance(first, pd.DataFrame):
        pd.testing.assert_frame_equal(first, second, check_exact=True)
    elif isinstance(first, np.ndarray | np.generic):
        assert first.dtype == second.dtype, where
        np.testing.assert_array_equal(first, second)
    elif sp.issparse(first):
        same(*([m.data, m.indices, m.indptr, m.shape] for m in (first, second)), where)
    elif isinstance(first, dict):
        assert list(first) == list(second), where
        for key in first:
            same(first[key], second[key], f"{where}.{key}")
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), where
        for i, pair in enumerate(zip(first, second, strict=True)):
            same(*pair, f"{where}[{i}]")
    elif isinstance(first, np.random.RandomState):
        same(first.get_state(), second.get_state(), where)
    elif type(first).__module__.startswith(("skae.", "sklearn.")) and not isinstance(first, type):
        states = [dict(sorted(value.__getstate__().items())) for value in (first, second)]
        same(*states, where)
    else:
        assert first is second or first == second or first != first, where


def by_pickle(estimator, path):
    return pickle.loads(pickle.dumps(estimator))


def by_joblib(estimator, path):
    joblib.dump(estimator, path)
    return joblib.load(path)


def by_file(estimator, path):
    estimator.save(path)
    loaded = skae.load(path)
    loaded.save(path.with_name("again"))
    assert path.with_name("again").read_bytes() == path.read_bytes()
    return loaded


def by_skops(estimator, path):
    pipeline = Pipeline([("scale", StandardScaler().fit(X)), ("skae", estimator)])
    data = skops.io.dumps(pipeline)
    types = skops.io.get_untrusted_types(data=data)
    assert all(name.startswith("skae.") for name in types)
    return skops.io.loads(data, trusted=types)[-1]


@pytest.mark.parametrize("combination", matrix(COMBINATIONS))
@pytest.mark.parametrize(
    "way",
    [by_pickle, by_file, by_skops, pytest.param(by_joblib, marks=pytest.mark.slow)],
)
def test_round_trip(combination, way, tmp_path):
    estimator = fitted(combination)
    loaded = way(estimator, tmp_path / "model")
    same(loaded, estimator)
    np.testing.assert_array_equal(outcome(loaded, X), outcome(estimator, X))
    assert repr(loaded) == repr(estimator)
    same(clone(loaded), clone(estimator))


@pytest.mark.parametrize("way", [by_pickle, by_file])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_training_goes_on_as_if_nothing_had_been(way, optimizer, tmp_path):
    ae = AutoencoderTransformer(2, random_state=0, optimizer=optimizer).partial_fit(X)
    loaded = way(ae, tmp_path / "model")
    for estimator in (ae, loaded):
        estimator.partial_fit(X)
    same(without_times(loaded), without_times(ae))
    for estimator in (ae, loaded):
        estimator.set_params(warm_start=True, max_epochs=2).fit(X)
    same(without_times(loaded), without_times(ae))


def without_times(estimator):
    estimator.history_ = estimator.history_.drop(columns="seconds")
    return estimator
