"""Selections that can not find anything say so."""

import warnings

import numpy as np
import pytest

from skae._calibration.calibration import Calibration, HeldOut, discoveries
from skae._calibration.selection import selected


def of_rows(n_rows):
    return Calibration([HeldOut((0,), np.arange(float(n_rows)))])


def p_values(n_rows, n_smallest, calibration):
    """Return p-values of rows of which some have the smallest possible one."""
    p_values = np.linspace(0.3, 1, n_rows)
    p_values[:n_smallest] = calibration.smallest_p_value
    return p_values


@pytest.mark.parametrize(
    ("n_calibration", "n_rows", "n_outliers", "fdr", "needed", "enough"),
    [(5000, 200_000, 340, 0.1, "400", "5,882"), (99, 1000, 9, 0.5, "20", "222")],
)
def test_too_few_calibration_rows(n_calibration, n_rows, n_outliers, fdr, needed, enough):
    calibration = of_rows(n_calibration)
    found = p_values(n_rows, n_outliers, calibration)
    message = (
        f"with {n_calibration:,} the smallest .* only if {needed} of the {n_rows:,} rows had it, "
        f"and {n_outliers} have. .* {n_outliers} outliers .* takes at least {enough} cal"
    )
    with pytest.warns(UserWarning, match=message):
        assert not selected(found, fdr, calibration).any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        n_needed = int(needed)
        assert selected(p_values(n_rows, n_needed, calibration), fdr, calibration).sum() == n_needed
        many = of_rows(int(enough.replace(",", "")))
        found = p_values(n_rows, n_outliers, many)
        assert selected(found, fdr, many).sum() == n_outliers
    few = of_rows(int(enough.replace(",", "")) - 1)
    with pytest.warns(UserWarning, match="select finds no outlier"):
        assert not selected(p_values(n_rows, n_outliers, few), fdr, few).any()


def test_impossible_whatever_the_rows():
    calibration = of_rows(5)
    with pytest.warns(UserWarning, match=r"is above fdr=0.1 whatever the rows.*fit 495 rows, a"):
        assert not selected(np.full(10, 0.5), 0.1, calibration).any()


def test_too_few_groups():
    scores = np.arange(60.0)
    calibration = Calibration([HeldOut.of([0], scores, np.arange(60) % 6)])
    with pytest.warns(UserWarning, match=r"with 6 the .* 0.14, .* fit rows of at least 33 groups"):
        assert not selected(p_values(20, 3, calibration), 0.2, calibration).any()


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
