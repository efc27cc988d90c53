"""Drift: whether recent rows still look like the calibration rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

# A p-value up to this one is called small in the report.
_SMALL = 0.05


@dataclass(frozen=True)
class DriftReport:
    """Whether recent rows are more anomalous than calibration rows.

    Parameters
    ----------
    n_rows : int
        Number of recent rows.

    n_calibration_rows : int
        Number of calibration rows, or of their groups.

    mean_p_value : float
        Mean p-value of the recent rows; about 0.5 without drift.

    small_fraction : float
        Fraction of the recent rows with p-values of at most 0.05; about 0.05 without drift.

    p_value : float
        Probability of such small p-values, or smaller ones, if recent and calibration rows are
        independent rows of one distribution.

    level : float
        Largest `p_value` that is called a drift.

    drifted : bool
        Whether ``p_value <= level``.
    """

    n_rows: int
    n_calibration_rows: int
    mean_p_value: float
    small_fraction: float
    p_value: float
    level: float
    drifted: bool

    @classmethod
    def of(cls, p_values: np.ndarray, n_calibration: int, level: float) -> DriftReport:
        """Return the report on conformal p-values by this many calibration rows."""
        p_value = uniformity_test(p_values, n_calibration)
        return cls(
            n_rows=len(p_values),
            n_calibration_rows=n_calibration,
            mean_p_value=float(p_values.mean()),
            small_fraction=float((p_values <= _SMALL).mean()),
            p_value=p_value,
            level=level,
            drifted=p_value <= level,
        )

    def __str__(self) -> str:
        """Return the report as a plain sentence or two."""
        found = (
            f"{self.small_fraction:.1%} of {self.n_rows} recent rows have p-values of at most "
            f"{_SMALL}, where {_SMALL:.0%} are expected, and the mean p-value is "
            f"{self.mean_p_value:.2f}, where 0.5 is expected (test of no drift: p = "
            f"{self.p_value:.2g})."
        )
        if not self.drifted:
            return f"No drift: {found}"
        return (
            f"Drift: {found} Either many of the rows are anomalies, or normal rows have changed. "
            f"If they have changed, call calibrate with recent normal rows, and fit again if "
            f"anomalies are then found badly."
        )


def uniformity_test(p_values: np.ndarray, n_calibration: int) -> float:
    r"""Return the p-value of a one-sided test whether conformal p-values are uniform.

    All p-values share their calibration rows and depend on each other through them. So ranks of
    both samples together are tested: the number of pairs of a recent row and a calibration row with
    at least its score is the statistic of Mann and Whitney [1]_, sensitive to a shift of all
    rows; the largest difference of both distribution functions is that of Smirnov [2]_, sensitive
    to a shift of some rows. Twice the smaller of both p-values is returned. A few outliers among
    many recent rows hardly change it. Equal scores make the test conservative.

    Parameters
    ----------
    p_values : ndarray of shape (n_rows,)
        Conformal p-values of recent rows.

    n_calibration : int
        Number of calibration rows.

    References
    ----------
    .. [1] H. B. Mann and D. R. Whitney, "On a test of whether one of two random variables is
       stochastically larger than the other", Annals of Mathematical Statistics 18(1), 1947.
    .. [2] F. Wei and R. M. Dudley, "Two-sample Dvoretzky-Kiefer-Wolfowitz inequalities",
       Statistics and Probability Letters 82(3), 2012.
    """
    n, m = n_calibration, len(p_values)
    at_least = np.sort(p_values * (n + 1) - 1)
    deviation = math.sqrt(n * m * (n + m + 1) / 12)
    of_ranks = float(norm.cdf((at_least.sum() - n * m / 2 + 0.5) / deviation))
    largest = float((np.arange(1, m + 1) / m - at_least / n).max())
    of_functions = math.exp(-2 * n * m / (n + m) * max(0.0, largest) ** 2)
    return min(1.0, 2 * min(of_ranks, of_functions))
