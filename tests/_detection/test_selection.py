"""Selections that can not find anything say so."""

import warnings

import numpy as np
import pytest

from skae._detection.calibration import Calibration, HeldOut, discoveries
from skae._detection.selection import selected


def of_rows(n_rows):
    return Calibration([HeldOut((0,), np.arange(float(n_rows)))])


def p_values(n_rows, n_smallest, calibration):
    """Return p-values of rows of which some have the smallest possible one."""
    p_values = np.linspace(0.3, 1, n_rows)
    p_values[:n_smallest] = calibration.smallest_p_value
    return p_values


@pytest.mark.parametrize(
    ("n_calibration", "n_rows", "n_outliers", "fdr", "needed", "enough"),
    [(5000, 200_000, 340, 0.1, "400", "2,000,000"), (99, 1000, 9, 0.5, "20", "2,000")],
)
def test_too_few_calibration_rows(n_calibration, n_rows, n_outliers, fdr, needed, enough):
    calibration = of_rows(n_calibration)
    found = p_values(n_rows, n_outliers, calibration)
    message = (
        f"with {n_calibration:,} the smallest .* only if {needed} of the {n_rows:,} rows had it, "
        f"and {n_outliers} have. .* with {enough} calibration rows: "
    )
    with pytest.warns(UserWarning, match=message):
        assert not selected(found, fdr, calibration).any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        n_needed = int(needed)
        assert selected(p_values(n_rows, n_needed, calibration), fdr, calibration).sum() == n_needed
        # So many calibration rows are enough for a single outlier.
        many = of_rows(int(enough.replace(",", "")))
        assert selected(p_values(n_rows, 1, many), fdr, many).sum() == 1


def test_impossible_whatever_the_rows():
    calibration = of_rows(5)
    with pytest.warns(UserWarning, match=r"is above fdr=0.1 whatever the rows.*fit 500 rows, a"):
        assert not selected(np.full(10, 0.5), 0.1, calibration).any()


@pytest.mark.parametrize(("n_rows", "n_smallest"), [(0, 0), (1000, 0), (10, 0), (1, 0)])
def test_no_row_stands_out_and_no_warning(n_rows, n_smallest):
    calibration = of_rows(99)
    assert not selected(p_values(n_rows, n_smallest, calibration), 0.1, calibration).any()


def test_selects_what_the_procedure_rejects():
    rng = np.random.default_rng(0)
    calibration = of_rows(999)
    found = calibration.p_values(np.r_[rng.uniform(0, 999, 80), np.full(20, 1e4)][None])
    chosen = selected(found, 0.2, calibration)
    assert chosen[80:].all()
    np.testing.assert_array_equal(chosen, discoveries(found, 0.2))
