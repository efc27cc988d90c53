import re

import numpy as np
import pandas as pd
import polars
import pytest
import scipy.sparse as sp
import torch
from sklearn.model_selection import cross_val_score

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae.series import sliding_windows


def cut(series, length, step):
    return [series[i : i + length] for i in range(0, len(series) - length + 1, step)]


@pytest.mark.parametrize("n_channels", [(), (1,), (3,)])
@pytest.mark.parametrize(("length", "step"), [(1, 1), (4, 1), (4, 3), (2, 5), (11, 1)])
def test_windows_are_views_of_the_series(n_channels, length, step):
    series = np.random.default_rng(0).normal(size=(11, *n_channels))
    windows = sliding_windows(series, length, step)
    expected = np.array(cut(series, length, step))
    assert np.array_equal(windows, expected)
    assert windows.shape == expected.shape
    assert len(windows) == len(expected)
    assert (windows.ndim, windows.dtype) == (expected.ndim, expected.dtype)
    assert np.shares_memory(np.asarray(windows), series)
    assert np.shares_memory(np.asarray(windows).reshape(len(windows), -1), series)
    assert windows.start.tolist() == list(range(0, 11 - length + 1, step))
    assert not windows.series.any()
    assert windows.n_points == 11
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(windows)[0] = 1


def test_several_series_of_different_lengths():
    several = [np.arange(9.0), np.arange(20, 24), np.arange(30, 37)]
    windows = sliding_windows(several, 4, step=2)
    expected = [window for series in several for window in cut(series, 4, 2)]
    assert np.array_equal(windows, expected)
    for row, (i, start) in enumerate(zip(windows.series, windows.start, strict=True)):
        assert np.array_equal(windows[row], several[i][start : start + 4])
    assert all(map(np.shares_memory, windows.views, several))
    assert windows.n_points == (9, 4, 7)
    assert windows.dtype == np.float64
    for rows in (windows.series != 1, slice(1, 6, 2), [-1, 0], 4, np.array([[0], [5]]), ()):
        assert np.array_equal(windows[rows], np.asarray(windows)[rows])
    with pytest.raises(IndexError):
        windows[6]
    assert "3 series" in repr(windows)


def test_arrays_are_copies_only_where_they_must_be():
    one, several = sliding_windows(np.arange(9), 4), sliding_windows([np.arange(9)] * 2, 4)
    assert np.shares_memory(np.array(one, copy=False), one.views[0])
    assert not np.shares_memory(np.array(one), one.views[0])
    assert np.array(one).flags.writeable
    assert np.asarray(several, dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="several series are no view"):
        several.__array__(copy=False)
    with pytest.raises(ValueError, match="int64 are no view as float32"):
        one.__array__("float32", copy=False)


def test_one_series_in_a_list_stays_several():
    windows = sliding_windows([np.arange(5)], 2)
    assert windows.n_points == (5,)
    assert windows.shape == (4, 2)


def test_lists_of_numbers_and_of_rows_are_one_series():
    assert sliding_windows([1, 2, 3], 2).shape == (2, 2)
    assert sliding_windows([[1, 2], [3, 4], [5, 6]], 2).shape == (2, 2, 2)


def test_frames_name_their_channels():
    frame = pd.DataFrame({"load": [1.0, 2, 3], "heat": [4.0, 5, 6]})
    windows = sliding_windows(frame, 2)
    assert windows.channels == ("load", "heat")
    assert np.array_equal(windows[0], [[1, 4], [2, 5]])
    rows = np.asarray(windows).reshape(len(windows), -1)
    assert np.shares_memory(rows, windows.views[0])
    assert sliding_windows([frame, frame], 3).shape == (2, 3, 2)
    assert sliding_windows(frame["load"], 2).shape == (2, 2)
    assert sliding_windows(frame["load"], 2).channels is None


@pytest.mark.parametrize("several", [False, True])
def test_series_in_other_containers(several):
    series = np.arange(12.0).reshape(6, 2)
    containers = [
        polars.DataFrame(series, schema=["a", "b"]),
        torch.from_numpy(series),
        np.ma.array(series),
        np.asfortranarray(series),
        series.tolist(),
    ]
    for container in containers:
        if several and isinstance(container, list):
            continue
        windows = sliding_windows([container, container] if several else container, 4)
        assert np.array_equal(windows[:3], cut(series, 4, 1))
        assert windows.channels == (("a", "b") if hasattr(container, "columns") else None)


def test_searches_take_windows():
    series = np.random.default_rng(0).normal(size=(60, 2))
    for of in (series, [series[:40], series[40:]]):
        windows = sliding_windows(of, 6)
        model = AutoencoderTransformer(2, max_epochs=1, random_state=0)
        scores = cross_val_score(model, windows, cv=2, error_score="raise")
        assert np.array_equal(scores, cross_val_score(model, np.asarray(windows), cv=2))


def test_missing_values_stay_missing():
    frame = pd.DataFrame({"a": [1.0, None, 3], "b": pd.array([1, 2, None], dtype="Int64")})
    assert np.array_equal(
        sliding_windows(frame, 2), [[[1, 1], [np.nan, 2]], [[np.nan, 2], [3, np.nan]]], True
    )
    assert np.isnan(sliding_windows([1, None, 3], 3)[0, 1])


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ([], "one or more series"),
        (np.zeros((2, 8, 3)), r"series must have the shape .* got \(2, 8, 3\).*list of arrays"),
        (np.zeros(()), r"series must have the shape"),
        (np.zeros((9, 0)), r"series must have the shape"),
        (np.zeros(3), "length=4 is more than the 3 points of series:"),
        ([np.zeros(9), np.zeros(3)], r"the 3 points of series\[1\]: .*leave out"),
        (
            [np.zeros((9, 2)), np.zeros((9, 3))],
            r"but series\[1\] has the shape \(9, 3\), and series\[0\] \(n_points, 2\)\.",
        ),
        ([np.zeros((9, 2)), np.zeros(9)], r"same channels, but series\[1\]"),
        (np.array(["a"] * 9), "series .*text"),
        ([np.zeros(9), np.array(["a"] * 9)], r"series\[1\] .*text"),
        (pd.DataFrame({"x": ["a"] * 9}), "column 'x'"),
        (
            [pd.DataFrame(np.zeros((9, 2)), columns=[*c]) for c in ("ab", "ba")],
            r"same order, but series\[1\] has the columns \['b', 'a'\]",
        ),
        ([pd.DataFrame(np.zeros((9, 2))), np.zeros((9, 2))], r"series\[1\] has no names"),
    ],
)
def test_what_is_no_series_is_refused(series, message):
    with pytest.raises(ValueError, match=message):
        sliding_windows(series, 4)


def test_sparse_series_are_refused():
    with pytest.raises(TypeError, match=r"series\[1\] must be dense, .* series\[1\].toarray\(\)"):
        sliding_windows([np.zeros((9, 2)), sp.csr_array(np.zeros((9, 2)))], 4)


@pytest.mark.parametrize("name", ["length", "step"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True, None])
def test_sizes_are_integers(name, value):
    with pytest.raises(ValueError, match=re.escape(f"{name} must be an integer >= 1, got {value}")):
        sliding_windows(np.zeros(9), **{"length": 2, "step": 1, name: value})


@pytest.mark.parametrize("n_channels", [(), (2,)])
def test_estimators_take_windows(n_channels):
    """As an array of copies, with missing values, for one series and for several."""
    series = np.random.default_rng(0).normal(size=(60, *n_channels)).cumsum(axis=0)
    series[7:9] = np.nan
    for of in (series, [series[:40], series[40:]]):
        windows = sliding_windows(of, 6)
        model = AutoencoderTransformer(2, max_epochs=1, random_state=0).fit(windows)
        assert model.sample_shape_ == (6, *n_channels)
        copied = np.array(windows)
        assert np.array_equal(model.score_samples(windows), model.score_samples(copied))
        again = AutoencoderTransformer(2, max_epochs=1, random_state=0).fit(copied)
        assert np.array_equal(model.transform(windows), again.transform(copied))


def test_a_detector_takes_windows_as_rows_too():
    series = np.random.default_rng(0).normal(size=80)
    windows = sliding_windows(series, 5, step=2)
    detector = AutoencoderOutlierDetector(novelty=True, max_epochs=1, random_state=0).fit(windows)
    assert detector.score_samples(windows).shape == (len(windows),)
    assert np.array_equal(detector.predict(windows[3:9]), detector.predict(windows)[3:9])
