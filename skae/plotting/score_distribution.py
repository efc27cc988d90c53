"""How the anomaly scores of rows are distributed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skae._data.containers import as_matrix_like
from skae._utils.checks import check_size, is_auto
from skae._utils.naming import naming
from skae.plotting.canvas import axes_for, written_name, written_number
from skae.plotting.checks import (
    check_detector,
    check_numbers,
    in_order,
    n_rows,
    threshold_of,
)
from skae.plotting.histogram import (
    bin_edges,
    density_weights,
    leave_room_above,
    unlike_counts,
    within_reach,
    write_ticks,
)

# More groups than these cannot be told apart.
_MOST_GROUPS = 10


class ScoreDistributionDisplay:
    """Histograms of anomaly scores, and the threshold above which rows are outliers.

    The axis of the scores is logarithmic where all scores are positive. So is that of the counts
    where the lowest bar would not be seen beside the highest: few outliers beside many rows.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    scores : array-like of shape (n_samples,)
        Anomaly scores: minus what ``score_samples`` returned.

    threshold : float
        The anomaly score above which rows are outliers: minus ``offset_``.

    labels : array-like of shape (n_samples,), default=None
        The group of each row, at most ten of them. 1 and -1 stand for "normal" and "anomaly";
        other values are shown as they are. None makes all rows one group.

    Attributes
    ----------
    histograms_ : list of matplotlib.container.BarContainer or list of matplotlib.patches.Polygon
        The histogram of each group.

    line_ : matplotlib.lines.Line2D
        The line at the threshold.

    legend_ : matplotlib.legend.Legend
        The groups, and what share of them lies beyond the threshold.

    ax_ : matplotlib.axes.Axes
        The axes with the histograms.

    figure_ : matplotlib.figure.Figure
        The figure around them.

    See Also
    --------
    FeatureContributionsDisplay : What the features of one row add to its score.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skae import AutoencoderOutlierDetector
    >>> from skae.plotting import ScoreDistributionDisplay
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> detector = AutoencoderOutlierDetector(max_epochs=20, random_state=0).fit(X[y == 1])
    >>> tumours = y.map({0: "malignant", 1: "benign"})
    >>> display = ScoreDistributionDisplay.from_estimator(detector, X, tumours)
    >>> len(display.histograms_)
    2
    """

    def __init__(self, scores, threshold, labels=None):
        self.scores = scores
        self.threshold = threshold
        self.labels = labels

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, ax=None, bins="auto", **hist_kw):
        """Draw the anomaly scores of rows.

        Parameters
        ----------
        estimator : AutoencoderOutlierDetector
            A fitted detector; those of scikit-learn with ``offset_`` will do as well.

        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,), default=None
            The group of each row, as `labels` of the class.

        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes a figure.

        bins : int or "auto", default="auto"
            As in :meth:`plot`.

        **hist_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.hist`.

        Returns
        -------
        ScoreDistributionDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `estimator` has no method ``score_samples`` or no ``offset_``.

        NotFittedError
            If `estimator` is not fitted.

        ValueError
            If `y` has not one value for each row, or more than ten different ones, or if `bins`
            is neither "auto" nor a positive integer.

        ImportError
            If matplotlib is not installed.
        """
        check_detector(estimator, "score_samples")
        _check_bins(bins)
        groups = None if y is None else _check_groups(y, "y", n_rows(X))
        scores = -np.asarray(estimator.score_samples(X))
        return cls(scores, threshold_of(estimator), groups).plot(ax, bins=bins, **hist_kw)

    def plot(self, ax=None, *, bins="auto", **hist_kw):
        """Draw the histograms.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes a figure.

        bins : int or "auto", default="auto"
            Number of bins, all of the same width on the axis. "auto" is the rule of Freedman and
            Diaconis, at least 20 and at most 80.

        **hist_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.hist` for each group. ``density=True`` gives
            each group the same area, as it is seen on the axis.

        Returns
        -------
        ScoreDistributionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `scores` are not finite numbers, if `labels` has not one value for each, or more
            than ten different ones, or if `bins` is neither "auto" nor a positive integer.

        ImportError
            If matplotlib is not installed.
        """
        scores = check_numbers(self.scores, "scores")
        _check_bins(bins)
        groups = self._groups(scores)
        ax = axes_for(ax, size=(6.4, 4.0))
        logarithmic = bool((scores > 0).all())
        ax.set_xscale("log" if logarithmic else "linear")
        shown = [within_reach(group, logarithmic) for _, group in groups]
        edges = bin_edges(within_reach(scores, logarithmic), bins, logarithmic)
        density = hist_kw.pop("density", False)
        if not density:
            hist_kw.setdefault("log", unlike_counts(shown, edges))
        self.histograms_ = []
        for place, ((label, _), group) in enumerate(zip(groups, shown, strict=True)):
            if density:
                hist_kw["weights"] = density_weights(group, edges, logarithmic)
            self.histograms_.append(_histogram(ax, group, edges, f"C{place}", label, **hist_kw))
        self._draw_threshold(ax, scores)
        self._furnish(ax, density)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _groups(self, scores: np.ndarray) -> list[tuple[str | None, np.ndarray]]:
        """Return what the legend says of each group, None if nothing, and its scores."""
        if self.labels is None:
            return [(None, scores)]
        labels = _check_groups(self.labels, "labels", len(scores))
        groups = []
        for value, name in _names(labels).items():
            group = scores[labels == value]
            rows = "1 row" if len(group) == 1 else f"{len(group):,} rows"
            # Matplotlib leaves labels out that begin with an underscore.
            name = written_name(f" {name}" if str(name).startswith("_") else name)
            groups.append((f"{name}: {rows}, {self._share(group)} beyond", group))
        return groups

    def _draw_threshold(self, ax, scores: np.ndarray) -> None:
        place = float(self.threshold)
        label = f"threshold {written_number(place)}"
        if self.labels is None:
            label += f": {self._share(scores)} of {len(scores):,} rows beyond"
        # Nothing is drawn at NaN, but the legend says what the threshold is all the same.
        if not np.isfinite(place) or place != within_reach(place, ax.get_xscale() == "log"):
            place = np.nan
        self.line_ = ax.axvline(place, color="0.2", linestyle="--", linewidth=1.2, label=label)

    def _share(self, scores: np.ndarray) -> str:
        """Return the share of scores above the threshold."""
        return f"{written_number(100 * np.mean(scores > self.threshold))}%"

    def _furnish(self, ax, density: bool) -> None:
        """Name the axes, and put the legend where neither bars nor the line are."""
        per = " per decade" if ax.get_xscale() == "log" else ""
        ax.set_xlabel("anomaly score")
        ax.set_ylabel(f"density{per}" if density else "rows")
        if not density and ax.get_yscale() == "log":
            ax.set_ylim(bottom=0.7)  # a bar of one row is seen
        write_ticks(ax)
        ax.spines[["top", "right"]].set_visible(False)
        handles, labels = ax.get_legend_handles_labels()
        room = 0.03 + 0.065 * len(labels)
        leave_room_above(ax, room)
        self.line_.set_ydata([0, 1 - room])
        self.legend_ = ax.legend(handles, labels, loc="upper right", frameon=False)


def _histogram(ax, scores: np.ndarray, edges, colour: str, label: str | None, **hist_kw):
    """Draw one histogram and return its artists."""
    from matplotlib.colors import to_rgba

    colour = hist_kw.pop("color", colour)
    look = {"histtype": "stepfilled", "edgecolor": colour, "linewidth": 1.3}
    if "alpha" not in hist_kw:
        look["facecolor"] = to_rgba(colour, 0.35)  # groups are seen through each other
    return ax.hist(scores, edges, color=colour, label=label, **{**look, **hist_kw})[2]


def _names(labels: np.ndarray) -> dict:
    """Return the names of the values in their order."""
    found = list(pd.unique(labels))
    if -1 in found and set(found) <= {1, -1}:
        return {value: name for value, name in ((1, "normal"), (-1, "anomaly")) if value in found}
    return {value: value for value in in_order(labels)}


def _check_groups(values, name: str, n: int) -> np.ndarray:
    """Return the groups of rows as an array of shape (n,)."""
    with naming(name):
        groups = np.asarray(as_matrix_like(values))
    if groups.shape != (n,):
        raise ValueError(
            f"{name} must hold one value for each of {n} rows, got an array of shape "
            f"{groups.shape}."
        )
    if pd.isna(groups).any():
        which = int(np.flatnonzero(pd.isna(groups))[0])
        raise ValueError(
            f"{name} must say of each row to which group it belongs, got {groups[which]} at "
            f"position {which}."
        )
    n_groups = len(pd.unique(groups))
    if n_groups > _MOST_GROUPS:
        raise ValueError(
            f"{name} must have at most {_MOST_GROUPS} different values, a group for each, got "
            f"{n_groups}."
        )
    return groups


def _check_bins(bins) -> None:
    if not is_auto(bins):
        check_size(bins, "bins", instead="'auto' or ")
