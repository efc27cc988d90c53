"""Bins and axes of histograms of scores that span orders of magnitude."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skae.plotting.canvas import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Limits of the number of bins with "auto": a few far outliers would otherwise give thousands.
_FEWEST_BINS, _MOST_BINS = 20, 80
# From this ratio of the highest to the lowest count on, low bars would be invisible on a linear
# axis, so the axis of the counts is logarithmic.
_LOG_COUNTS_FROM_RATIO = 50
# Logarithmic axes of matplotlib fail near the limits of the range of a float.
_LEAST, _GREATEST = 1e-100, 1e100


def clip_to_log_range(scores: Any, logarithmic: bool) -> Any:
    """Return the scores, clipped to the range that a logarithmic axis can show."""
    return np.clip(scores, _LEAST, _GREATEST) if logarithmic else scores


def bin_edges(scores: np.ndarray, bins: int | str, logarithmic: bool) -> np.ndarray:
    """Return the edges of bins that are equally wide on the axis.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        All scores; positive if the axis is logarithmic.

    bins : int or "auto"
        Number of bins. "auto" is the rule of Freedman and Diaconis, within limits.

    logarithmic : bool
        Whether the axis is logarithmic.

    Returns
    -------
    ndarray of shape (n_bins + 1,)
    """
    places = np.log10(scores) if logarithmic else scores
    low, high = places.min(), places.max()
    n_bins = _n_bins(places) if isinstance(bins, str) else bins
    # If the scores differ in their last digits only, neighbouring edges would coincide.
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):
        margin = 0.1 if logarithmic else 0.1 * max(abs(low), 1e-9)
        low, high = low - margin, high + margin
    edges = np.linspace(low, high, n_bins + 1)
    if not logarithmic:
        return edges
    # The first and the last score lie on edges; rounding must not exclude them.
    edges = 10.0**edges
    edges[0], edges[-1] = min(edges[0], scores.min()), max(edges[-1], scores.max())
    return edges


def _n_bins(places: np.ndarray) -> int:
    lower, upper = np.quantile(places, [0.25, 0.75])
    width = 2 * (upper - lower) / len(places) ** (1 / 3)
    spread = places.max() - places.min()
    if width <= spread / _MOST_BINS:
        return _FEWEST_BINS if width == 0 else _MOST_BINS
    return max(_FEWEST_BINS, int(np.ceil(spread / width)))


def counts_need_log_axis(groups: list[np.ndarray], edges: np.ndarray) -> bool:
    """Return whether some bars would be invisible on a linear axis."""
    counts = np.concatenate([np.histogram(group, edges)[0] for group in groups])
    return counts.max() >= _LOG_COUNTS_FROM_RATIO * counts[counts > 0].min()


def format_log_ticks(ax: Axes) -> None:
    """Label logarithmic axes with plain numbers instead of powers of ten, as many as fit."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, ScalarFormatter

    for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        if axis.get_scale() != "log":
            continue
        decades = np.log10(high / low)
        if decades < 1:
            axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
            axis.set_major_formatter(ScalarFormatter())
        else:
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 3 else (1,)))
            axis.set_major_formatter(FuncFormatter(_tick))
        axis.set_minor_formatter("")


def _tick(value: float, position: int) -> str:
    # A module-level function, so that figures can be pickled.
    return format_number(value)


def density_weights(scores: np.ndarray, edges: np.ndarray, logarithmic: bool) -> np.ndarray:
    """Return weights with which the bars of a group have an area of one, as drawn on the axis."""
    ends = np.log10(edges[[0, -1]]) if logarithmic else edges[[0, -1]]
    width = (ends[1] - ends[0]) / (len(edges) - 1)
    return np.full(len(scores), 1 / (len(scores) * width))


def leave_room_above(ax: Axes, fraction: float) -> None:
    """Leave this fraction of the height free above the bars."""
    bottom, top = ax.get_ylim()
    if ax.get_yscale() == "log":
        ax.set_ylim(bottom, bottom * (top / bottom) ** (1 / (1 - fraction)))
    else:
        ax.set_ylim(bottom, bottom + (top - bottom) / (1 - fraction))
