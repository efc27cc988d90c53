"""Which rows calibrate, and how many rows it takes."""

import numpy as np
import pytest

from skae._detection import folds
from skae._detection.folds import calibration_folds, enough_rows


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
