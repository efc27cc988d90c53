"""Selections with a bound on the false discovery rate, and a warning if none is possible."""

from __future__ import annotations

import math
import warnings

import numpy as np

from skae._calibration.calibration import Calibration, discoveries
from skae._calibration.folds import enough_rows


def selected(p_values: np.ndarray, fdr: float, calibration: Calibration) -> np.ndarray:
    """Return which rows are discoveries.

    Parameters
    ----------
    p_values : ndarray of shape (n_rows,)
        One for each row, of this calibration.

    fdr : float in (0, 1)
        Largest expected fraction of false discoveries among all.

    calibration : Calibration
        Its size decides which p-values are possible.

    Returns
    -------
    ndarray of shape (n_rows,), dtype bool

    Warns
    -----
    UserWarning
        If no row is selected, and the reason is that the smallest p-value is too large.
    """
    found = discoveries(p_values, fdr)
    if len(p_values) and not found.any():
        _warn_if_impossible(p_values, fdr, calibration)
    return found


def _warn_if_impossible(p_values: np.ndarray, fdr: float, calibration: Calibration) -> None:
    """Warn if rows with the smallest p-value would be selected with more calibration rows."""
    n_rows, smallest = len(p_values), calibration.smallest_p_value
    needed = math.ceil(n_rows * smallest / fdr * (1 - 1e-12))
    having = int((p_values <= smallest * (1 + 1e-12)).sum())
    if needed <= 1 or (having == 0 and needed <= n_rows):
        return
    passing = (
        f"would pass only if {needed:,} of the {n_rows:,} rows had it, and {having:,} have"
        if needed <= n_rows
        else f"is above fdr={fdr:g} whatever the rows"
    )
    enough = math.ceil(n_rows / (fdr * max(having, 1))) - 1
    n_outliers = "a single outlier" if having <= 1 else f"{having:,} outliers"
    warnings.warn(
        f"select finds no outlier because there are too few calibration {calibration.unit}: with "
        f"{calibration.size:,} the smallest p-value is {smallest:.2g}, which {passing}. To find "
        f"{n_outliers} among {n_rows:,} rows takes at least {enough:,} calibration "
        f"{calibration.unit}: {enough_rows(enough, calibration.unit)}. Or select from fewer rows "
        f"at a time, or with a larger fdr.",
        UserWarning,
        stacklevel=2,
    )
