"""Which rows calibrate, and how many rows it takes."""

import numpy as np
import pytest

from skae._calibration import folds
from skae._calibration.folds import calibration_folds, enough_rows


def drawn(rows, n_networks=1, **parameters):
    return calibration_folds(rows, n_networks, np.random.RandomState(0), **parameters)


@pytest.mark.parametrize("n_networks", [1, 3])
@pytest.mark.parametrize(
    ("n_rows", "n_calibration"), [(500, 100), (60_000, 12_000), (600_000, 100_000)]
)
def test_a_fifth_of_many_rows_calibrates_all_networks(n_rows, n_calibration, n_networks):
    rows = 3 * np.arange(n_rows)
    found = drawn(rows, n_networks)
    assert len(found) == n_networks
    assert len(found[0]) == n_calibration
    assert np.isin(found[0], rows).all()
    assert (np.diff(found[0]) > 0).all()
    assert all((fold == found[0]).all() for fold in found)


@pytest.mark.parametrize(("n_networks", "n_folds"), [(1, 5), (5, 5), (8, 8)])
@pytest.mark.parametrize("n_rows", [10, 499])
def test_few_rows_take_turns(n_rows, n_networks, n_folds):
    rows = 3 * np.arange(n_rows)
    found = drawn(rows, n_networks)
    assert len(found) == n_folds
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), rows)


def test_very_few_rows_all_calibrate():
    assert [fold.tolist() for fold in drawn(np.arange(9), 2)] == [list(range(9))] * 2


@pytest.mark.parametrize("rate", [1e-2, 1e-3, 1e-4, 1e-5, 3e-5])
def test_so_many_rows_are_enough(rate):
    n_calibration = round(1 / rate) - 1
    advice = enough_rows(n_calibration, "rows")
    assert advice.endswith(f"give {n_calibration:,} normal rows as validation_set")
    n_rows = int(advice.split()[1].replace(",", ""))
    (fold,) = {fold.size for fold in drawn(np.arange(n_rows))} if n_rows >= 500 else (n_rows,)
    assert fold >= n_calibration


def test_more_rows_than_ever_calibrate_are_not_advised():
    assert enough_rows(folds.MOST_CALIBRATION_ROWS + 1, "rows").startswith("give 100,001 normal")


# Groups


def table(sizes, seed=0):
    """Return the group of each row of a shuffled table."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return np.random.default_rng(seed).permutation(groups)


@pytest.mark.parametrize(
    ("n_groups", "n_networks", "n_folds"),
    [(2, 1, 2), (3, 1, 3), (50, 1, 5), (50, 8, 8), (499, 1, 5), (3, 7, 3)],
)
def test_few_groups_take_turns_as_wholes(n_groups, n_networks, n_folds):
    groups = table(np.random.default_rng(1).integers(4, 9, n_groups))
    found = drawn(np.arange(len(groups)), n_networks, groups=groups)
    assert len(found) == max(n_networks, n_folds)
    distinct = {fold.tobytes(): fold for fold in found}.values()
    assert len(distinct) == n_folds
    assert np.sort(np.concatenate(list(distinct))).tolist() == list(range(len(groups)))
    for fold in distinct:
        assert (np.diff(fold) > 0).all()
        assert not set(groups[fold]) & set(np.delete(groups, fold))


def test_folds_of_unequal_groups_have_about_as_many_rows():
    groups = table([50, 40, 30, 20, 20, 10, 10, 10, 5, 5])
    sizes = sorted(map(len, drawn(np.arange(200), groups=groups)))
    assert sizes == [35, 35, 40, 40, 50]


def test_a_fifth_of_many_groups_calibrates_all_networks():
    groups = table(np.random.default_rng(1).integers(1, 4, 600))
    first, second = drawn(np.arange(len(groups)), 2, groups=groups)
    assert (first == second).all()
    assert len(set(groups[first])) == 120
    assert not set(groups[first]) & set(np.delete(groups, first))


def test_groups_of_many_rows_calibrate_no_more_than_allowed(monkeypatch):
    monkeypatch.setattr(folds, "MOST_CALIBRATION_ROWS", 50)
    groups = table([2] * 600)
    (fold,) = drawn(np.arange(1200), groups=groups)
    assert len(fold) == 50
    (fold,) = drawn(np.arange(60_000), groups=np.repeat(np.arange(600), 100))
    assert len(fold) == 100  # one at least


def test_only_the_groups_of_these_rows_count():
    groups = np.repeat(np.arange(10), 10)
    found = drawn(np.arange(20, 60), groups=groups)
    assert sorted(set(groups[fold].tolist()).pop() for fold in found) == [2, 3, 4, 5]
    assert len(set(np.concatenate(found))) == 40


def test_a_single_group_is_refused():
    with pytest.raises(ValueError, match="groups holds a single group"):
        drawn(np.arange(30), groups=np.zeros(30))
