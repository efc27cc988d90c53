"""Bins and axes of histograms of scores, which spread over orders of magnitude."""

from __future__ import annotations

import numpy as np

from skae._utils.checks import is_auto
from skae.plotting.canvas import written_number

# Bins of "auto", at least and at most: a few far outliers would ask for thousands.
_FEWEST_BINS, _MOST_BINS = 20, 80
# From this ratio of the highest count to the lowest on, low bars would not be seen beside high
# ones, and the counts are drawn on a logarithmic axis.
_UNLIKE = 50
# Logarithmic axes of matplotlib fail near the ends of what a float can hold.
_LEAST, _GREATEST = 1e-100, 1e100


def within_reach(scores, logarithmic: bool):
    """Return the scores, those that no logarithmic axis can show moved to its ends."""
    return np.clip(scores, _LEAST, _GREATEST) if logarithmic else scores


def bin_edges(scores: np.ndarray, bins, logarithmic: bool) -> np.ndarray:
    """Return the edges of bins that look equally wide on the axis.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        All scores; above zero where the axis is logarithmic.

    bins : int or "auto"
        Their number. "auto" is the rule of Freedman and Diaconis, within limits.

    logarithmic : bool
        Whether the axis is logarithmic.

    Returns
    -------
    ndarray of shape (n_bins + 1,)
    """
    places = np.log10(scores) if logarithmic else scores
    low, high = places.min(), places.max()
    if is_auto(bins):
        bins = _n_bins(places)
    # Scores that differ in their last digits only would leave no room between the edges.
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):
        margin = 0.1 if logarithmic else 0.1 * max(abs(low), 1e-9)
        low, high = low - margin, high + margin
    edges = np.linspace(low, high, bins + 1)
    if not logarithmic:
        return edges
    # The first and the last score lie on edges, and must not be lost to rounding.
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


def unlike_counts(groups: list[np.ndarray], edges: np.ndarray) -> bool:
    """Return whether some bars would not be seen beside others on a linear axis."""
    counts = np.concatenate([np.histogram(group, edges)[0] for group in groups])
    return counts.max() >= _UNLIKE * counts[counts > 0].min()


def write_ticks(ax) -> None:
    """Write numbers instead of powers of ten at logarithmic axes, as many as there is room for."""
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
    # A function of a module, so that figures can be pickled.
    return written_number(value)


def density_weights(scores: np.ndarray, edges: np.ndarray, logarithmic: bool) -> np.ndarray:
    """Return weights under which the bars of a group have an area of one, as it is seen."""
    ends = np.log10(edges[[0, -1]]) if logarithmic else edges[[0, -1]]
    width = (ends[1] - ends[0]) / (len(edges) - 1)
    return np.full(len(scores), 1 / (len(scores) * width))


def leave_room_above(ax, share: float) -> None:
    """Leave a share of the height free above the bars."""
    bottom, top = ax.get_ylim()
    if ax.get_yscale() == "log":
        ax.set_ylim(bottom, bottom * (top / bottom) ** (1 / (1 - share)))
    else:
        ax.set_ylim(bottom, bottom + (top - bottom) / (1 - share))
