import numpy as np
import pandas as pd
import pytest

from skae.series import point_scores, sliding_windows


def by_definition(scores, length, step, n_points, combine):
    """Return, point by point, the mean or maximum of the known scores of windows that cover it."""
    starts = range(0, n_points - length + 1, step)
    means = []
    for point in range(n_points):
        covering = [
            scores[row] if np.ndim(scores) == 1 else scores[row, point - start]
            for row, start in enumerate(starts)
            if start <= point < start + length
        ]
        known = [score for score in covering if not np.isnan(score)]
        means.append(combine(known) if known else np.nan)
    return np.array(means)


@pytest.mark.parametrize(
    ("length", "step", "n_points"), [(1, 1, 6), (4, 1, 9), (4, 3, 12), (3, 5, 14), (7, 2, 7)]
)
@pytest.mark.parametrize("of_steps", [False, True])
@pytest.mark.parametrize("how", ["mean", "max"])
def test_scores_of_the_windows_that_cover_a_point(length, step, n_points, of_steps, how):
    n_windows = (n_points - length) // step + 1
    shape = (n_windows, length) if of_steps else (n_windows,)
    scores = np.random.default_rng(0).normal(size=shape)
    scores[n_windows // 2] = np.nan
    found = point_scores(scores, length, step, n_points, how=how)
    expected = by_definition(scores, length, step, n_points, getattr(np, how))
    assert found.shape == (n_points,)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_each_point_and_channel_gets_its_own_score_back():
    """Scores of entries that depend on the point and the channel only are returned as they are."""
    series = np.random.default_rng(0).normal(size=(20, 3))
    windows = sliding_windows(series, 5, step=2)
    found = point_scores(np.asarray(windows), 5, 2, 20)
    np.testing.assert_allclose(found[:19], series[:19])
    assert np.isnan(found[19]).all()  # 20 - 5 is no multiple of 2
    columns = pd.DataFrame(np.asarray(windows).reshape(len(windows), -1))
    assert np.array_equal(point_scores(columns, 5, 2, 20), found, equal_nan=True)


def test_several_series_stay_apart():
    several = [np.arange(6.0), 10 * np.arange(9.0), np.zeros(4)]
    windows = sliding_windows(several, 4, step=2)
    first = np.asarray(windows)[:, 0]
    found = point_scores(first, windows.length, windows.step, windows.n_points)
    assert [len(one) for one in found] == [6, 9, 4]
    assert np.array_equal(found[0], point_scores([0, 2], 4, 2, 6))
    assert np.array_equal(found[1], point_scores([0, 20, 40], 4, 2, 9), equal_nan=True)
    assert np.isnan(found[1][-1])
    (one,) = point_scores([1.0], 4, 2, [4])
    assert one.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("step", [1, 3, 5, 7])
def test_points_raise_no_more_alarms_than_windows(step):
    """With the largest decision: a point is an outlier if all windows that cover it are."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        n_windows = (80 - 5) // step + 1
        decision = np.repeat(rng.normal(size=n_windows), 3)[:n_windows]
        points = point_scores(decision, 5, step, 80, how="max")
        assert np.mean(points[~np.isnan(points)] < 0) <= np.mean(decision < 0)


def test_the_mean_is_the_default():
    assert point_scores([1, 3, 8], 4, 2, 8).tolist() == [1, 1, 2, 2, 5.5, 5.5, 8, 8]


def test_a_large_score_leaves_no_rounding_error_behind():
    """As running sums would."""
    assert point_scores([1e20, 1, 1], 2, 2, 6)[2:].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ([1, 2], 4, 1, 6),
            "one entry for each window, 3 for length=4, step=1 and n_points=6, got 2",
        ),
        (([1, 2, 3], 4, 1, [4, 4]), "2 for length=4"),
        ((np.zeros((3, 5)), 4, 1, 6), r"\(n_windows, 4\).* got \(3, 5\)"),
        ((np.zeros((3, 0)), 4, 1, 6), r"got \(3, 0\)"),
        ((np.zeros((3, 2, 4)), 4, 1, 6), r"got \(3, 2, 4\)"),
        ((0.5, 4, 1, 6), r"got \(\)"),
        (([1], 4, 1, 3), "n_points must be an integer >= 4, got 3"),
        (([1], 4, 1, [4.5]), "n_points must be an integer"),
        (([1], 0, 1, 3), "length must be"),
        (([1], 1, 0, 3), "step must be"),
        (([], 4, 1, []), "n_points must hold .* got none"),
        (([1], 4, 1, None), "n_points must be an integer"),
        (([1], 4, 1, "5"), "n_points must be an integer"),
        ((["a"], 4, 1, 4), "scores cannot be used"),
    ],
)
def test_odd_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        point_scores(*arguments)


def test_another_way_to_combine_is_refused():
    with pytest.raises(ValueError, match=r"how must be one of \['max', 'mean'\], got 'median'"):
        point_scores([1], 4, 1, 4, how="median")
