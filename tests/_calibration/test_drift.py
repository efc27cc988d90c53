"""Drift: whether recent rows still look like the calibration rows."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from skae._calibration.calibration import Calibration, HeldOut
from skae._calibration.drift import DriftReport, uniformity_test


def p_values(calibration, recent):
    return Calibration([HeldOut.of([0], calibration)]).p_values(recent[None])


@pytest.mark.parametrize(("n", "m"), [(50, 400), (400, 50), (140, 140), (1000, 20)])
def test_the_level_holds_whatever_the_number_of_calibration_rows(n, m):
    """A test of p-values as independent uniform numbers would reject far too often."""
    rng = np.random.default_rng(0)
    found = np.array(
        [uniformity_test(p_values(rng.normal(size=n), rng.normal(size=m)), n) for _ in range(1000)]
    )
    for level in (0.01, 0.05, 0.2):
        assert (found <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / 1000)
    assert (found <= 0.2).mean() > 0.08


def test_it_is_no_more_than_twice_the_test_of_mann_and_whitney():
    rng = np.random.default_rng(1)
    for shift in (0.0, 0.1, 0.2):
        calibration, recent = rng.normal(size=300), shift + rng.normal(size=200)
        expected = mannwhitneyu(recent, calibration, alternative="greater").pvalue
        found = uniformity_test(p_values(calibration, recent), 300)
        assert found <= min(1, 2 * expected) * 1.001


def test_a_shift_of_some_rows_is_found():
    """A twentieth of the rows moves beyond all others, which moves ranks by little."""
    rng = np.random.default_rng(2)
    recent = rng.normal(size=2000)
    recent[:300] += 9
    assert uniformity_test(p_values(rng.normal(size=1000), recent), 1000) < 1e-6


def test_a_few_outliers_and_more_normal_rows_are_no_drift():
    rng = np.random.default_rng(3)
    calibration, recent = rng.normal(size=1000), rng.normal(size=500)
    few = np.where(np.arange(500) < 5, 99.0, recent)
    assert uniformity_test(p_values(calibration, few), 1000) > 0.01
    assert uniformity_test(p_values(calibration, recent - 1), 1000) > 0.9
    equal = p_values(np.ones(100), np.ones(200))
    assert uniformity_test(equal, 100) == 1.0


def test_report():
    rng = np.random.default_rng(4)
    calibration = rng.normal(size=500)
    same = DriftReport.of(p_values(calibration, rng.normal(size=300)), 500, 0.01)
    moved = DriftReport.of(p_values(calibration, 1 + rng.normal(size=300)), 500, 0.01)
    assert not same.drifted
    assert str(same).startswith("No drift: ")
    assert moved.drifted
    assert moved.p_value < 1e-9
    assert moved.n_rows == 300
    assert moved.n_calibration_rows == 500
    assert moved.mean_p_value < 0.35 < 0.45 < same.mean_p_value
    assert moved.small_fraction > 0.15 > 0.1 > same.small_fraction
    assert str(moved).startswith(f"Drift: {moved.small_fraction:.1%} of 300 recent rows have ")
    assert "call calibrate with recent normal rows" in str(moved)
