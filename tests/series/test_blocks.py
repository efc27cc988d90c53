from itertools import combinations

import numpy as np
import pytest

from skae._calibration.folds import calibration_folds
from skae.series import block_groups, sliding_windows

CASES = [
    (200, 8, 1, "auto"),
    (200, 8, 3, "auto"),
    (200, 8, 8, 16),
    (203, 8, 20, 50),
    (203, 8, 1, 8),
    ([100, 31, 7, 250], 7, 2, 20),
    ([60, 60, 60], 7, 3, "auto"),
    ([5, 5, 5, 5], 5, 1, "auto"),
]


def points_of(windows, rows):
    """Return the points of some windows, as pairs of series and point."""
    series, start = windows.series, windows.start
    return {
        (series[row], start[row] + step)
        for row in np.flatnonzero(rows)
        for step in range(windows.length)
    }


@pytest.mark.parametrize(("n_points", "length", "step", "block"), CASES)
def test_groups_share_no_point(n_points, length, step, block):
    series = [np.zeros(n) for n in n_points] if isinstance(n_points, list) else np.zeros(n_points)
    windows = sliding_windows(series, length, step)
    groups = block_groups(windows, block)
    assert set(groups) - {-1} == set(range(groups.max() + 1))
    assert groups.max() >= 1
    points = [points_of(windows, groups == group) for group in range(groups.max() + 1)]
    assert all(a.isdisjoint(b) for a, b in combinations(points, 2))
    for of_group in points:
        assert len({i for i, _ in of_group}) == 1
    # Only windows across a border are lost: one that is in no group shares a point with two, or
    # lies between them.
    assert (groups[windows.start == 0] >= 0).all()
    n_borders = groups.max() + 1 - len(np.atleast_1d(n_points))
    assert np.sum(groups < 0) <= n_borders * -(-(length - 1) // step)


@pytest.mark.parametrize(("n_points", "length", "step", "block"), CASES[:3] + CASES[5:7])
def test_no_point_is_on_both_sides_of_a_calibration_split(n_points, length, step, block):
    """In any fold of a detector that is given the groups."""
    series = [np.zeros(n) for n in n_points] if isinstance(n_points, list) else np.zeros(n_points)
    windows = sliding_windows(series, length, step)
    groups = block_groups(windows, block)
    inside = np.flatnonzero(groups >= 0)
    folds = calibration_folds(np.arange(len(inside)), 1, np.random.RandomState(0), groups[inside])
    for fold in folds:
        held_out = np.isin(np.arange(len(windows)), inside[fold])
        trains = np.isin(np.arange(len(windows)), np.delete(inside, fold))
        assert held_out.any()
        assert trains.any()
        assert points_of(windows, held_out).isdisjoint(points_of(windows, trains))


def test_blocks_have_at_least_their_length_and_fill_the_series():
    windows = sliding_windows(np.zeros(103), 5)
    groups = block_groups(windows, 20)
    assert groups.max() == 4
    sizes = [len(points_of(windows, groups == group)) for group in range(5)]
    assert min(sizes) >= 20
    assert sum(sizes) == 103


def test_auto_makes_about_fifty_blocks_of_five_lengths():
    assert block_groups(sliding_windows(np.zeros(4000), 8)).max() == 49
    assert block_groups(sliding_windows(np.zeros(200), 8)).max() == 4
    # Short series are blocks of their own, and lose no window.
    assert block_groups(sliding_windows([np.zeros(20)] * 30, 8)).tolist() == sorted(
        [*range(30)] * 13
    )


@pytest.mark.parametrize("block", [7, 0, 8.0, "all", None, True])
def test_a_block_holds_a_window(block):
    with pytest.raises(ValueError, match="block_length must be 'auto' or an integer"):
        block_groups(sliding_windows(np.zeros(100), 8), block)


def test_one_group_is_refused():
    windows = sliding_windows(np.zeros(70), 8)
    with pytest.raises(ValueError, match=r"all windows of the 70 points into one group"):
        block_groups(windows)
    assert block_groups(windows, 35).max() == 1


def test_other_windows_are_refused():
    with pytest.raises(TypeError, match="return value of sliding_windows, got ndarray"):
        block_groups(np.zeros((5, 3)))
