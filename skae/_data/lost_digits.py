"""Warning of features whose ordinary values float32 cannot distinguish."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skae._data.blocks import densify
from skae._data.matrix import Matrix
from skae._data.moments import Moments

# Features without values farther from the mean, in standard deviations, are not checked.
_SUSPICIOUS = 10.0
# Largest number of rows for the quantiles.
_MOST_ROWS = 1000
# Largest rounding error, as a fraction of the interquartile range.
_LARGEST_ERROR = 0.01
_EPSILON = float(np.finfo(np.float32).eps)


def warn_of_lost_digits(X: Matrix, moments: Moments) -> None:
    """Warn of features with a few values so large that float32 cannot distinguish the others.

    Rows are scaled by mean and standard deviation. If a few values dominate both, all other scaled
    values are close together and far from zero, and float32 has few digits for their differences:
    the rounding errors are ``eps * |median - mean|``, which should be small compared to the
    interquartile range.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Validated rows.

    moments : Moments
        Moments of `X`.

    Warns
    -----
    ConvergenceWarning
        Names the first such feature.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        reach = np.maximum(moments.highs - moments.mean, moments.mean - moments.lows)
        suspicious = np.flatnonzero(~(reach <= _SUSPICIOUS * moments.deviations))
    if not len(suspicious):
        return
    some = densify(X[:: -(-X.shape[0] // _MOST_ROWS)])[:, suspicious].astype(np.float64)
    some[:, np.isnan(some).all(axis=0)] = 0.0
    with np.errstate(over="ignore"):
        low, middle, high = np.nanquantile(some, [0.25, 0.5, 0.75], axis=0)
        errors = _EPSILON * np.abs(middle - moments.mean[suspicious])
    lost = (high > low) & (errors > _LARGEST_ERROR * (high - low))
    if lost.any():
        i = int(np.flatnonzero(lost)[0])
        warnings.warn(
            f"Half of the values of feature {suspicious[i]} lie between {low[i]:.3g} and "
            f"{high[i]:.3g}, but some are so far away that their mean is "
            f"{moments.mean[suspicious[i]]:.3g}: in float32, the network cannot distinguish "
            f"ordinary values ({lost.sum()} of {X.shape[1]} features). Transform X "
            f"(sklearn.preprocessing.QuantileTransformer or PowerTransformer), clip its extreme "
            f"values, or set precision='float64'.",
            ConvergenceWarning,
            stacklevel=2,
        )
