"""Names of faults: the channel that contributes most to each incident, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skae.series.incidents import IncidentReport
from skae.series.window_columns import channel_names


def leading_channels(
    incidents: IncidentReport | pd.DataFrame,
    contributions: Any,
    channels: Sequence[Any] | None = None,
) -> pd.DataFrame:
    """Return incidents with the channel that contributes most to each of them.

    Parameters
    ----------
    incidents : IncidentReport or pandas.DataFrame
        Return value of :func:`~skae.series.incidents`, or some rows of its ``incidents``.

    contributions : array-like of shape (n_points, n_channels), or list of such arrays
        Contributions of each channel at each point to the anomaly score: those of windows, passed
        through :func:`point_scores`. A list with one array for each series if there are several.

    channels : sequence or None, default=None
        Names of the channels. None means the names of the columns if `contributions` is a data
        frame, and their positions otherwise.

    Returns
    -------
    named : pandas.DataFrame
        The incidents with three more columns: ``channel``, whose contributions between start and
        stop have the largest sum; ``fraction``, its part of the sum of the positive contributions
        of all channels; and ``peak``, the point of its largest contribution.

    Examples
    --------
    >>> from skae.series import incidents, leading_channels
    >>> report = incidents([False, True, True, False])
    >>> contributions = [[0.1, 0.1], [0.5, 1.5], [0.5, 2.5], [0.1, 0.1]]
    >>> leading_channels(report, contributions, ["load", "heat"])
       start  stop  n_alarms channel  fraction  peak
    0      1     3         2    heat       0.8     2
    """
    frame = incidents.incidents if isinstance(incidents, IncidentReport) else incidents
    several = "series" in frame
    parts = list(contributions) if several else [contributions]
    if several and len(parts) <= max(frame["series"], default=-1):
        raise ValueError(
            f"contributions must have one entry for each series, but an incident is of series "
            f"{max(frame['series'])} (counted from 0), and the number of entries is {len(parts)}."
        )
    if channels is None:
        channels = getattr(parts[0], "columns", None)
    arrays = [_contributions(part) for part in parts]
    names = channel_names(arrays[0].shape[1] if channels is None else channels)
    if len(names) != arrays[0].shape[1]:
        raise ValueError(
            f"channels must have one name for each of the {arrays[0].shape[1]} columns of "
            f"contributions, got {len(names)}."
        )
    places = frame["series"] if several else np.zeros(len(frame), dtype=np.int64)
    named = [
        _leading(arrays[i], start, stop, names)
        for i, start, stop in zip(places, frame["start"], frame["stop"], strict=True)
    ]
    found = pd.DataFrame(named, columns=["channel", "fraction", "peak"], index=frame.index)
    return frame.assign(**{name: found[name] for name in found})


def _contributions(values: Any) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise ValueError(
            f"contributions must have the shape (n_points, n_channels), got {array.shape}: pass "
            f"those of windows through point_scores."
        )
    return array


def _leading(values: np.ndarray, start: int, stop: int, names: list[Any]) -> tuple[Any, float, int]:
    """Return the name of the channel that leads from start to stop, its fraction, and its peak."""
    if stop > len(values):
        raise ValueError(
            f"contributions has {len(values)} points, but an incident stops at {stop}: give one "
            f"row for each point of the series."
        )
    part = values[start:stop]
    sums = np.nansum(part, axis=0)
    leading = int(np.argmax(sums))
    total = np.maximum(sums, 0).sum()
    fraction = float(max(sums[leading], 0) / total) if total > 0 else np.nan
    peak = int(np.argmax(np.nan_to_num(part[:, leading], nan=-np.inf)))
    return names[leading], fraction, start + peak
