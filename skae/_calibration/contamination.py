"""Thresholds by the fraction of the training rows that are called outliers."""

from __future__ import annotations

import warnings

import numpy as np

# With contamination="auto", at least this fraction of the training rows are outliers, and a warning
# says so if there are more than the other one.
_LEAST, _MANY = 0.01, 0.1
# A number of outliers is far from the one asked for if it differs by more than this fraction of it.
_FAR = 0.5


def offset_of_fraction(scores: np.ndarray, fraction: float) -> float:
    """Return the offset below which the given fraction of the training scores lie.

    These are ``round(fraction * n)`` of the `n` scores, at least one. Rows with equal scores are
    outliers together or not at all: then it is the nearest number above zero that can be.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores of the training rows, lower for outliers.

    fraction : float in (0, 0.5]
        Fraction of the rows to call outliers.

    Warns
    -----
    UserWarning
        If equal scores make the number of outliers differ much from the one asked for.
    """
    asked = _number(scores, fraction)
    offset, found = _nearest(scores, asked)
    if _is_far(found, asked):
        warnings.warn(
            f"contamination={fraction:g} asks for {asked} of {len(scores)} training rows, but rows "
            f"with equal scores can be outliers only together, so that {found} are. If the rows "
            f"repeat a few values, fit each distinct row once with its number of copies as "
            f"sample_weight, or bound the false alarms instead: "
            f"set_threshold(false_positive_rate=...).",
            UserWarning,
            stacklevel=2,
        )
    return offset


def auto_offset(scores: np.ndarray, threshold: float, novelty: bool) -> float:
    """Return the offset of "auto": that of the calibration, but not without any outliers.

    At least a hundredth of the training rows are outliers, unless equal scores prevent it, or all
    were said to be normal.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        Scores of the training rows, lower for outliers.

    threshold : float
        Anomaly score above which the calibration calls rows outliers.

    novelty : bool
        Whether all training rows were said to be normal.

    Warns
    -----
    UserWarning
        If more than a tenth of the training rows are outliers.
    """
    asked = _number(scores, _LEAST)
    least, found = _nearest(scores, asked)
    calibrated = novelty or _is_far(found, asked)
    offset = -threshold if calibrated else max(-threshold, least)
    n_outliers = int((scores < offset).sum())
    if n_outliers > max(_MANY * len(scores), asked):
        trusted = "" if novelty else "novelty=True if all training rows are normal or nearly all, "
        warnings.warn(
            f'contamination="auto" calls {n_outliers} of {len(scores)} training rows outliers '
            f"({n_outliers / len(scores):.0%}). If most of these are normal, say what you know: "
            f"{trusted}contamination=0.02 if about two in a hundred are outliers, or "
            f"set_threshold(false_positive_rate=0.01) for at most one false alarm in a hundred "
            f"normal rows.",
            UserWarning,
            stacklevel=2,
        )
    return offset


def _number(scores: np.ndarray, fraction: float) -> int:
    return max(1, round(fraction * len(scores)))


def _is_far(found: int, asked: int) -> bool:
    return found == 0 or abs(found - asked) > max(1.0, _FAR * asked)


def _nearest(scores: np.ndarray, asked: int) -> tuple[float, int]:
    """Return the offset whose number of scores below it is nearest to `asked`, and that number.

    If all scores are equal, none is below the offset.
    """
    values, counts = np.unique(scores, return_counts=True)
    if len(values) == 1:
        return float(values[0]), 0
    attainable = np.cumsum(counts)[:-1]
    place = int(np.abs(attainable - asked).argmin())
    below, above = float(values[place]), float(values[place + 1])
    middle = below + (above - below) / 2
    # Between neighbouring floats there is no middle.
    return (middle if middle > below else above), int(attainable[place])
