"""Which methods give frames, with which names and index: one rule for all estimators."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae
from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)

VALUES = np.random.default_rng(0).normal(size=(12, 4))
NAMES = list("abcd")
FRAME = pd.DataFrame(VALUES, columns=NAMES, index=[f"row {i}" for i in range(12)])
LABELS = np.arange(12) % 2
SMALL = {"max_epochs": 1, "random_state": 0}
# By estimator: how to fit it, and its methods that rebuild rows.
ESTIMATORS = {
    "transformer": (AutoencoderTransformer(2, **SMALL), ["reconstruct"]),
    "classifier": (AutoencoderClassifier(2, **SMALL), ["reconstruct"]),
    "detector": (AutoencoderOutlierDetector(**SMALL), ["reconstruct"]),
    "imputer": (AutoencoderImputer(n_estimators=1, **SMALL), ["transform"]),
    "recommender": (AutoencoderRecommender(**SMALL), ["predict_all"]),
}
CASES = [(name, method) for name, (_, methods) in ESTIMATORS.items() for method in methods]
each_method = pytest.mark.parametrize(("name", "method"), CASES)


def fitted(name, X=FRAME):
    return clone(ESTIMATORS[name][0]).fit(X, LABELS)


@each_method
def test_frames_of_numbers_give_arrays(name, method):
    found = getattr(fitted(name), method)(FRAME)
    assert type(found) is np.ndarray
    assert type(getattr(fitted(name).set_output(transform="default"), method)(FRAME)) is np.ndarray


@each_method
def test_frames_have_the_names_of_fit_and_the_index_of_the_frame(name, method):
    one = fitted(name)
    expected = getattr(one, method)(FRAME[:5])
    found = getattr(one.set_output(transform="pandas"), method)(FRAME[:5])
    pd.testing.assert_frame_equal(
        found, pd.DataFrame(expected, columns=NAMES, index=FRAME.index[:5]), check_exact=True
    )
    of_polars = getattr(one.set_output(transform="polars"), method)(FRAME[:5])
    assert isinstance(of_polars, pl.DataFrame)
    assert of_polars.columns == NAMES
    np.testing.assert_array_equal(of_polars.to_numpy(), expected)


@each_method
def test_arrays_give_frames_with_generated_names(name, method):
    one = fitted(name, VALUES).set_output(transform="pandas")
    found = getattr(one, method)(VALUES)
    assert list(found.columns) == ["x0", "x1", "x2", "x3"]
    assert list(found.index) == list(range(12))


@each_method
def test_the_option_of_scikit_learn_counts_too(name, method):
    one = fitted(name)
    with sklearn.config_context(transform_output="pandas"):
        assert isinstance(getattr(one, method)(FRAME), pd.DataFrame)
        assert type(getattr(one.set_output(transform="default"), method)(FRAME)) is np.ndarray


@pytest.mark.parametrize("name", ["transformer", "classifier"])
def test_codes_keep_the_index_on_the_way_back(name):
    one = fitted(name).set_output(transform="pandas")
    codes = one.transform(FRAME[:5])
    back = one.inverse_transform(codes)
    pd.testing.assert_frame_equal(back, one.reconstruct(FRAME[:5]), rtol=1e-5)
    assert list(one.inverse_transform(codes.to_numpy()).index) == list(range(5))
    assert list(one.inverse_transform(codes.to_numpy()).columns) == NAMES


def test_frames_of_polars_go_in_and_out():
    frame = pl.DataFrame(VALUES, schema=NAMES)
    one = AutoencoderTransformer(2, **SMALL).fit(frame).set_output(transform="polars")
    back = one.inverse_transform(one.transform(frame))
    assert isinstance(back, pl.DataFrame)
    assert back.columns == NAMES
    assert isinstance(one.set_output(transform="pandas").reconstruct(frame), pd.DataFrame)


@pytest.mark.parametrize("name", ["transformer", "detector"])
def test_images_keep_arrays(name):
    images = VALUES.reshape(-1, 2, 2)
    one = fitted(name, images).set_output(transform="pandas")
    assert type(one.reconstruct(images)) is np.ndarray
    assert one.reconstruct(images).shape == images.shape


def test_batches_give_one_frame():
    one = fitted("transformer").set_output(transform="pandas")
    found = one.reconstruct(lambda: [FRAME[:5], FRAME[5:]])
    assert list(found.columns) == NAMES
    assert len(found) == 12


def test_a_pipeline_goes_back():
    pipeline = make_pipeline(StandardScaler(), AutoencoderTransformer(2, **SMALL))
    pipeline.set_output(transform="pandas").fit(FRAME)
    assert np.shape(pipeline.inverse_transform(pipeline.transform(FRAME))) == VALUES.shape


@pytest.mark.parametrize("name", ESTIMATORS)
def test_copies_and_files_keep_the_choice(name, tmp_path):
    one = fitted(name).set_output(transform="pandas")
    (method,) = ESTIMATORS[name][1]
    assert isinstance(getattr(clone(one).fit(FRAME, LABELS), method)(FRAME), pd.DataFrame)
    one.save(tmp_path / "one.skae")
    loaded = skae.load(tmp_path / "one.skae")
    pd.testing.assert_frame_equal(getattr(loaded, method)(FRAME), getattr(one, method)(FRAME))


@pytest.mark.parametrize("name", ["detector", "recommender"])
def test_other_containers_are_refused(name):
    with pytest.raises(ValueError, match=r"transform must be one of .*'polars'\], got 'panda'"):
        clone(ESTIMATORS[name][0]).set_output(transform="panda")
    assert clone(ESTIMATORS[name][0]).set_output().set_output(transform="pandas") is not None
