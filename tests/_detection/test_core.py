"""The rows in the middle, against scikit-learn and numpy."""

import numpy as np
import pytest
from sklearn.covariance import MinCovDet
from support.tables import correlated

from skae._detection.core import core_rows, nearest_rows
from skae.scores import scatter
from skae.scores.scatter import Scatter


@pytest.fixture
def wide(monkeypatch):
    """Make the path of very many columns that of more than three, or of more than as many."""

    def wide(most_columns=3):
        monkeypatch.setattr(scatter, "_MOST_COLUMNS", most_columns)

    return wide


def contaminated(n_samples=500, n_columns=4, share=0.2, seed=0):
    """Correlated rows, the first ones of which are a cluster far away."""
    rng = np.random.default_rng(seed)
    rows = correlated(n_samples, n_columns, seed)
    n_planted = round(share * n_samples)
    away = rng.normal(size=n_columns)
    away *= 12 * rows.std(axis=0).max() / np.linalg.norm(away)
    rows[:n_planted] = rows.mean(axis=0) + away + 0.5 * rng.normal(size=(n_planted, n_columns))
    planted = np.arange(n_samples) < n_planted
    order = rng.permutation(n_samples)
    return rows[order], planted[order]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_columns", [1, 4, 15])
def test_a_cluster_far_away_is_not_in_the_core(n_columns, seed):
    rows, planted = contaminated(n_columns=n_columns, seed=seed)
    core = core_rows(rows, 0.75)
    assert core.dtype == bool
    assert core.sum() == 375
    assert not core[planted].any()


def scattered(seed):
    """Rows of which the first fifth lies far away, in all directions."""
    rows = correlated(500, 4, seed)
    rows[:100] = rows.mean(axis=0) + 8 * (rows[:100] - rows.mean(axis=0))
    return rows


@pytest.mark.parametrize("seed", range(3))
def test_the_core_is_that_of_the_minimum_covariance_determinant(seed):
    rows = scattered(seed)
    by_mcd = MinCovDet(support_fraction=0.75, random_state=0).fit(rows).raw_support_
    core = core_rows(rows, 0.75)
    assert core.sum() == by_mcd.sum() == 375
    assert (core == by_mcd).mean() > 0.96
    assert (core_rows(rows, 0.75, n_steps=50) == by_mcd).mean() > 0.98


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("draw", [scattered, lambda seed: contaminated(seed=seed)[0]])
def test_the_determinant_is_about_as_small_as_the_minimum(draw, seed):
    rows = draw(seed)
    by_mcd = MinCovDet(support_fraction=0.75, random_state=0).fit(rows).raw_support_
    found, least = (
        np.linalg.slogdet(np.cov(rows[mask].T))[1] for mask in (core_rows(rows, 0.75), by_mcd)
    )
    assert found < least + 0.02


@pytest.mark.parametrize("seed", range(3))
def test_scattered_outliers_are_not_in_the_core(seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(400, 6))
    rows[:80] *= 30
    core = core_rows(rows, 0.75)
    assert core[:80].mean() < 0.03
    assert core[80:].mean() > 0.9


def test_outliers_of_the_relation_are_not_in_the_core():
    """Within the range of every column, but not on the line that the rows are on."""
    rng = np.random.default_rng(0)
    along = rng.normal(size=500)
    rows = np.column_stack([along, along + 0.05 * rng.normal(size=500)])
    rows[:100] = rng.normal(size=(100, 2)) * 0.3 + [0.7, -0.7]
    assert core_rows(rows, 0.75)[:100].mean() < 0.2
    assert not core_rows(rows, 0.75, n_steps=20)[:100].any()


def test_more_steps_do_not_raise_the_determinant():
    rows = scattered(0)
    cores = [core_rows(rows, 0.75, n_steps) for n_steps in (1, 2, 3, 5, 10, 20)]
    determinants = [np.linalg.det(np.cov(rows[core].T)) for core in cores]
    assert (np.diff(determinants) <= 1e-3 * determinants[-1]).all()
    assert determinants[-1] < determinants[0]


def test_the_core_of_clean_rows_is_nearest_to_the_middle():
    rows = np.random.default_rng(0).normal(size=(2000, 3)) * [1, 10, 0.1] + [5, 0, -3]
    core = core_rows(rows, 0.75)
    radius = np.square((rows - rows.mean(axis=0)) / rows.std(axis=0)).sum(axis=1)
    assert (core == (radius <= np.quantile(radius, 0.75))).mean() > 0.97


@pytest.mark.parametrize("share", [0.5, 0.6, 0.75, 0.9, 0.999])
def test_the_core_has_its_share(share):
    rows = correlated(101)
    assert core_rows(rows, share).sum() == int(np.ceil(share * 101))


def test_units_and_origins_of_the_columns_do_not_matter():
    rows, planted = contaminated()
    rows[planted] = rows[planted][:1] + np.random.default_rng(1).normal(size=(100, 4))
    core = core_rows(rows, 0.75)
    for units, origins in [
        ([1e-8, 1, 1e8, -3.0], [0, 0, 0, 0]),
        ([1, 1, 1, 1], [1e5, -1e5, 3, 0]),
        ([1e100, 1e-100, 1, 1], [0, 0, 1e3, 0]),
    ]:
        np.testing.assert_array_equal(core_rows(rows * units + origins, 0.75), core)


def test_the_order_of_rows_and_columns_does_not_matter():
    rows, _ = contaminated()
    core = core_rows(rows, 0.75)
    order = np.random.default_rng(0).permutation(len(rows))
    np.testing.assert_array_equal(core_rows(rows[order], 0.75), core[order])
    np.testing.assert_array_equal(core_rows(rows[:, ::-1], 0.75), core)


def test_rows_are_left_alone():
    rows = correlated()
    before = rows.copy()
    core_rows(rows, 0.75)
    Scatter.of(rows)
    np.testing.assert_array_equal(rows, before)


@pytest.mark.parametrize("size", [1e150, 1e300, -1e300])
@pytest.mark.parametrize("share", [0.01, 0.2])
def test_huge_entries_are_not_in_the_core(size, share):
    rows = correlated(300)
    n_huge = int(share * 300)
    rows[np.arange(n_huge), np.arange(n_huge) % 5] = size
    core = core_rows(rows, 0.75)
    assert core.sum() >= 225  # where all other entries of all columns count as the same, all rows
    assert not core[:n_huge].any()


@pytest.mark.parametrize("sign", [1, [1, -1, 1, -1, 1]])
def test_entries_near_the_limits_of_the_dtype_are_not_in_the_core(sign):
    rows = correlated(50, 3)
    rows[:5, 0] = np.multiply(sign, 1.7e308)
    core = core_rows(rows, 0.75)
    assert core.sum() >= 38
    assert not core[:5].any()


def test_rows_that_are_all_huge_have_a_core():
    rows, planted = contaminated()
    core = core_rows(rows * 1e300, 0.75)
    assert core.sum() == 375
    assert not core[planted].any()


# the column flat for all other rows, and the others are no longer seen.
@pytest.mark.parametrize("largest", [1e2, 1e3, 1e6, 1e300])
def test_one_outlier_does_not_hide_others(largest):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1000, 5))
    rows[:100, 0] += 8
    rows[-1, 0] = largest
    core = core_rows(rows, 0.75)
    assert not core[-1]
    assert core[:100].mean() < 0.05


@pytest.mark.parametrize("shape", [(10, 3), (5, 1), (2, 4)])
def test_rows_that_are_all_equal_are_all_in_the_core(shape):
    assert core_rows(np.full(shape, 7.0), 0.75).all()


@pytest.mark.parametrize("n_samples", [2, 3, 4, 10])
def test_few_rows_have_a_core(n_samples):
    core = core_rows(correlated(n_samples), 0.75)
    assert core.sum() == max(2, int(np.ceil(0.75 * n_samples)))


def test_constant_and_collinear_columns_have_no_say():
    rows, planted = contaminated()
    more = np.column_stack([rows, np.full(500, 3.0), rows @ [1, 2, 3, 4], rows[:, 0]])
    core = core_rows(more, 0.75)
    assert core.sum() == 375
    assert not core[planted].any()
    constant = np.column_stack([rows, np.full(500, 3.0)])
    assert (core_rows(constant, 0.75) == core_rows(rows, 0.75)).mean() > 0.99


def test_no_entry_decides_where_the_search_starts():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(100, 12))
    rows[:20] += 4
    rows[np.arange(20, 60), np.arange(40) % 12] = 50
    start = core_rows(rows, 0.75, n_steps=0)
    assert start.sum() == 50
    assert not start[:20].any()


def test_a_column_that_is_nearly_constant_does_not_decide_where_the_search_starts():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(100, 4))
    rows[:20, 1:3] += 3.5
    rows[:60, 0] *= 1e-6
    start = core_rows(rows, 0.75, n_steps=0)
    assert start[:20].mean() < 0.1
    assert start[60:].mean() > 0.4


def test_more_columns_than_rows():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, 100))
    rows[:8] += 6
    core = core_rows(rows, 0.75)
    assert core.sum() == 30
    assert not core[:8].any()


def test_binary_columns():
    rng = np.random.default_rng(0)
    rows = (rng.random((400, 8)) < 0.1).astype(float)
    rows[:16] = rng.random((16, 8)) < 0.9
    core = core_rows(rows, 0.75)
    assert core.sum() >= 370
    assert core[:16].mean() < 0.1


def test_rare_categories_are_in_the_core():
    rng = np.random.default_rng(0)
    levels = rng.choice(4, size=(2000, 3), p=[0.5, 0.3, 0.12, 0.08])
    core = core_rows(np.hstack([np.eye(4)[column] for column in levels.T]), 0.75)
    assert core.mean() > 0.9
    for column in levels.T:
        assert core[column == 3].mean() > 0.4


def test_rare_values_of_a_column_of_zeros_keep_no_row_out():
    rng = np.random.default_rng(0)
    rare = rng.random(2000) < 0.05
    rows = np.column_stack([rng.normal(size=(2000, 3)), rare])
    core = core_rows(rows, 0.75)
    assert core[rare].mean() > 0.6


def test_values_far_away_in_a_column_of_zeros_keep_rows_out():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 3))
    rows[:, 1] = np.where(rng.random(400) < 0.8, 0, rows[:, 1])
    rows[:3, 1] = [15, -15, 1e9]
    assert not core_rows(rows, 0.75)[:3].any()


def test_columns_of_zeros_alone():
    rng = np.random.default_rng(0)
    rows = (rng.random((500, 6)) < 0.1).astype(float)
    rows[:20] = 1
    core = core_rows(rows, 0.75)
    assert core.sum() >= 375
    assert not core[:20].any()


def test_very_many_columns_have_the_core_of_few(wide):
    rows, planted = contaminated(n_columns=30)
    dense = core_rows(rows, 0.75)
    wide(29)
    low = core_rows(rows, 0.75)
    assert not low[planted].any()
    assert low.sum() == 375
    assert (low == dense).mean() > 0.8


@pytest.mark.parametrize("n_samples", [60, 160])
def test_the_place_of_a_row_does_not_matter_with_very_many_columns(wide, n_samples):
    wide(110)
    core = core_rows(np.random.default_rng(0).normal(size=(n_samples, 120)), 0.75)
    assert core[:40].mean() == pytest.approx(0.75, abs=0.2)
    assert core[40:].mean() == pytest.approx(0.75, abs=0.2)


def test_closest_are_the_smallest():
    lengths = np.array([5.0, 1, 4, 2, 3])
    np.testing.assert_array_equal(nearest_rows(lengths, 0.6), [False, True, False, True, True])
    np.testing.assert_array_equal(nearest_rows(lengths, 0.61), [False, True, True, True, True])
    assert nearest_rows(lengths, 0.999).all()


def test_closest_takes_all_that_are_as_close():
    lengths = np.array([1.0, 2, 2, 2, 3, 9])
    np.testing.assert_array_equal(
        nearest_rows(lengths, 0.5), [True, True, True, True, False, False]
    )
    assert nearest_rows(np.zeros(7), 0.5).all()


@pytest.mark.parametrize(("n", "share", "n_closest"), [(1, 0.5, 1), (2, 0.1, 2), (3, 0.1, 2)])
def test_closest_are_two_at_least(n, share, n_closest):
    mask = nearest_rows(np.arange(n)[::-1].astype(float), share)
    assert mask.tolist() == [False] * (n - n_closest) + [True] * n_closest


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.75, 0.99])
@pytest.mark.parametrize("n", [2, 3, 10, 101])
def test_closest_against_sorting(n, share):
    lengths = np.random.default_rng(n).integers(0, 20, n).astype(float)
    rank = max(2, int(np.ceil(share * n)))
    np.testing.assert_array_equal(
        nearest_rows(lengths, share), lengths <= np.sort(lengths)[rank - 1]
    )
