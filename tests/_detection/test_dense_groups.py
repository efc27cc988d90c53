"""Groups of rows that return to the core."""

import numpy as np
import pytest

from skae._detection import dense_groups
from skae._detection.core import core_rows
from skae._detection.dense_groups import core_with_groups


def clusters(n_samples=1000, sizes=(0.2,) * 5, seed=5, spread=1.0):
    """Rows of clusters in eight columns, and the cluster of each row."""
    rng = np.random.default_rng(seed)
    of_row = rng.choice(len(sizes), n_samples, p=sizes)
    centres = 5 * rng.normal(size=(len(sizes), 8))
    return centres[of_row] + spread * rng.normal(size=(n_samples, 8)), of_row


def coverage(core, of_row):
    return np.array([core[of_row == group].mean() for group in np.unique(of_row)])


@pytest.mark.parametrize("n_clusters", [5, 10])
@pytest.mark.parametrize("n_samples", [300, 1000, 6000])
def test_equal_clusters_are_all_in_the_core(n_samples, n_clusters):
    rows, of_row = clusters(n_samples, (1 / n_clusters,) * n_clusters)
    assert coverage(core_rows(rows, 0.75), of_row).min() < 0.1
    # Of a cluster that is divided by the border of the core, the rest may be small.
    assert coverage(core_with_groups(rows, 0.75), of_row).min() > 0.5


def test_a_small_group_stays_outside():
    rows, of_row = clusters(2000, (0.96, 0.04))
    core = core_with_groups(rows, 0.75)
    assert not core[of_row == 1].any()
    np.testing.assert_array_equal(core, core_rows(rows, 0.75))


def test_half_the_size_of_the_other_groups_is_large():
    equal, of_equal = clusters(2000, (0.155,) * 6 + (0.07,))
    assert coverage(core_with_groups(equal, 0.75), of_equal)[-1] > 0.8
    alone, of_alone = clusters(2000, (0.93, 0.07))
    assert coverage(core_with_groups(alone, 0.75), of_alone)[-1] == 0


def test_scattered_outliers_stay_outside():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1000, 6))
    rows[:200] *= 8
    assert core_with_groups(rows, 0.75)[:200].mean() < 0.05


def test_the_ends_of_a_curve_are_in_the_core():
    x = np.linspace(0, 1, 2000)
    rows = np.column_stack([x, x**2, np.sin(6 * x), np.cos(6 * x)])
    tenths = (10 * x).astype(int).clip(max=9)
    assert coverage(core_rows(rows, 0.75), tenths).min() < 0.1
    assert coverage(core_with_groups(rows, 0.75), tenths).min() > 0.4


def test_the_tail_of_a_normal_distribution_is_no_group():
    rows = np.random.default_rng(0).normal(size=(2000, 8))
    assert core_with_groups(rows, 0.75).sum() == 1500


def test_a_part_of_many_rows_is_compared(monkeypatch):
    rows, of_row = clusters(3000)
    monkeypatch.setattr(dense_groups, "_MOST_ROWS", 400)
    assert coverage(core_with_groups(rows, 0.75), of_row).min() > 0.6


@pytest.mark.parametrize("n_samples", [2, 3, 12, 40])
def test_few_rows(n_samples):
    rows = np.random.default_rng(0).normal(size=(n_samples, 3))
    assert core_with_groups(rows, 0.75).sum() >= core_rows(rows, 0.75).sum()
