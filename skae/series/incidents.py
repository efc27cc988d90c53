"""Incidents made of alarms of single points, and their comparison with true intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skae._utils.checks import check_size


@dataclass(frozen=True, eq=False, repr=False)
class IncidentReport:
    """Incidents and how they agree with true intervals, the return value of :func:`incidents`.

    Attributes
    ----------
    incidents : pandas.DataFrame
        One row for each incident: ``start`` and ``stop`` (the point after the last alarm),
        ``n_alarms``, and ``true``, whether one of its alarms is within a true interval. With
        several series, ``series`` is the position of its series.

    events : pandas.DataFrame
        One row for each true interval: ``start``, ``stop``, ``found``, whether it contains an
        alarm, and ``delay``, the number of points from its start to its first alarm, NaN if it has
        none. With several series, ``series`` is the position of its series.

    """

    incidents: pd.DataFrame
    events: pd.DataFrame

    @property
    def recall(self) -> float:
        """Fraction of the true intervals that are found; NaN without any."""
        return float(self.events["found"].mean()) if len(self.events) else np.nan

    @property
    def precision(self) -> float:
        """Fraction of the incidents that are true; NaN without any, or without true intervals."""
        known = "true" in self.incidents and len(self.incidents)
        return float(self.incidents["true"].mean()) if known else np.nan

    @property
    def delay(self) -> float:
        """Mean delay of the true intervals that are found; NaN without any."""
        return float(self.events["delay"].mean())

    def __repr__(self) -> str:
        return (
            f"<{len(self.incidents)} incidents, {len(self.events)} events: recall="
            f"{self.recall:.3g}, precision={self.precision:.3g}, delay={self.delay:.3g}>"
        )


def incidents(alarms: Any, true_intervals: Any = None, *, max_gap: int = 0) -> IncidentReport:
    """Merge alarms of single points into incidents, and compare them with true intervals.

    Parameters
    ----------
    alarms : array-like of bool of shape (n_points,), or list of such arrays
        Whether there is an alarm at each point of the series, or of each of several.

    true_intervals : array-like of shape (n_events, 2) or (n_points,), or list of them, default=None
        The start of each true event and its stop, the point after its last one; or whether each
        point belongs to an event. A list with one entry for each series if there are several.

    max_gap : int, default=0
        Alarms with at most so many points without alarm between them belong to one incident.

    Returns
    -------
    report : IncidentReport
        The incidents, the events and their recall, precision and delay. Only alarms count for
        them: an event in a gap between alarms is not found.

    Raises
    ------
    ValueError
        If alarms are not True or False, or an interval is empty or outside of the series.

    Examples
    --------
    >>> from skae.series import incidents
    >>> alarms = [False, True, True, False, True, False, False, False, True, False]
    >>> report = incidents(alarms, [(2, 6)], max_gap=1)
    >>> report.incidents
       start  stop  n_alarms   true
    0      1     5         3   True
    1      8     9         1  False
    >>> report.recall, report.precision, report.delay
    (1.0, 0.5, 0.0)
    """
    max_gap = check_size(max_gap, "max_gap", low=0)
    several = isinstance(alarms, list | tuple) and any(np.ndim(one) > 0 for one in alarms)
    series = [_booleans(one, "alarms") for one in (alarms if several else [alarms])]
    found = [_merged(one, max_gap) for one in series]
    if true_intervals is None:
        return IncidentReport(_joined(found, several), _joined([_NO_EVENTS] * len(found), several))
    truth = list(true_intervals) if several else [true_intervals]
    if len(truth) != len(series):
        raise ValueError(
            f"true_intervals must have one entry for each of the {len(series)} series of alarms, "
            f"got {len(truth)}."
        )
    events = [_intervals(one, len(a)) for one, a in zip(truth, series, strict=True)]
    judged = [_judged(*parts) for parts in zip(found, series, events, strict=True)]
    delays = [_delays(a, of_one) for a, of_one in zip(series, events, strict=True)]
    return IncidentReport(_joined(judged, several), _joined(delays, several))


def _booleans(values: Any, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim == 1 and array.dtype.kind in "iuf" and np.isin(array, (0, 1)).all():
        array = array.astype(bool)
    if array.ndim != 1 or array.dtype != bool:
        raise ValueError(
            f"{name} must be True or False for each point, such as scores > threshold or "
            f"labels == -1, got {array.dtype} of shape {array.shape}."
        )
    return array


def _merged(alarms: np.ndarray, max_gap: int) -> pd.DataFrame:
    """Return the incidents of a series: start, stop and number of alarms."""
    points = np.flatnonzero(alarms)
    first = np.flatnonzero(np.diff(points, prepend=-max_gap - 2) > max_gap + 1)
    last = np.append(first[1:], len(points)) - 1
    if not len(points):
        first = last = points
    frame = {"start": points[first], "stop": points[last] + 1, "n_alarms": last - first + 1}
    return pd.DataFrame(frame)


def _intervals(truth: Any, n_points: int) -> np.ndarray:
    """Return true intervals as an array of starts and stops."""
    array = np.asarray(truth)
    if not array.size:
        return np.empty((0, 2), dtype=np.int64)
    if array.ndim == 1:
        mask = _booleans(array, "true_intervals")
        if len(mask) != n_points:
            raise ValueError(
                f"true_intervals must have one entry for each of the {n_points} points of alarms, "
                f"or two columns, start and stop, got {len(mask)} entries."
            )
        return _merged(mask, 0)[["start", "stop"]].to_numpy()
    whole = array.dtype.kind in "iuf" and np.array_equal(array, np.floor(array))
    if array.ndim != 2 or array.shape[1] != 2 or not whole:
        raise ValueError(
            f"true_intervals must have two columns of whole numbers, start and stop, got "
            f"{array.dtype} of shape {array.shape}."
        )
    start, stop = array.T
    bad = np.flatnonzero((start < 0) | (start >= stop) | (stop > n_points))
    if len(bad):
        raise ValueError(
            f"true_intervals must have 0 <= start < stop <= {n_points}, the number of points of "
            f"alarms, but entry {bad[0]} is ({start[bad[0]]}, {stop[bad[0]]}). The stop is the "
            f"point after the last one."
        )
    return array.astype(np.int64)


def _judged(found: pd.DataFrame, alarms: np.ndarray, events: np.ndarray) -> pd.DataFrame:
    """Return incidents with whether one of their alarms is within a true interval."""
    inside = np.zeros(len(alarms) + 1, dtype=np.int64)
    for start, stop in events:
        inside[start:stop] = 1
    hits = np.concatenate([[0], np.cumsum(inside[:-1] * alarms)])
    return found.assign(true=hits[found["stop"]] > hits[found["start"]])


def _delays(alarms: np.ndarray, events: np.ndarray) -> pd.DataFrame:
    """Return true intervals with whether and when they are found."""
    points = np.append(np.flatnonzero(alarms), len(alarms))
    first = points[np.searchsorted(points[:-1], events[:, 0])]
    found = first < events[:, 1]
    delay = np.where(found, first - events[:, 0], np.nan)
    return pd.DataFrame(
        {"start": events[:, 0], "stop": events[:, 1], "found": found, "delay": delay}
    )


_NO_EVENTS = _delays(np.zeros(0, dtype=bool), np.empty((0, 2), dtype=np.int64))


def _joined(frames: list[pd.DataFrame], several: bool) -> pd.DataFrame:
    """Return the rows of all series, with the position of their series if there are several."""
    if not several:
        return frames[0]
    numbered = [frame.assign(series=i) for i, frame in enumerate(frames)]
    joined = pd.concat(numbered, ignore_index=True)
    return joined[["series", *joined.columns.drop("series")]]
