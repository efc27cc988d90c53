"""Histogram of anomaly scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from skae._data.containers import as_matrix_like
from skae._data.matrix import MatrixLike
from skae._utils.checks import check_size, is_auto
from skae._utils.naming import naming
from skae.plotting.canvas import axes_for, format_name, format_number
from skae.plotting.checks import (
    check_detector,
    check_numbers,
    n_rows,
    sorted_unique,
    threshold_of,
)
from skae.plotting.histogram import (
    bin_edges,
    clip_to_log_range,
    counts_need_log_axis,
    density_weights,
    format_log_ticks,
    leave_room_above,
)
from skae.plotting.pipelines import LastStep

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More groups than this could not be distinguished.
_MOST_GROUPS = 10


class ScoreDistributionDisplay:
    """Histograms of anomaly scores, and the threshold above which rows are outliers.

    The axis of the scores is logarithmic if all scores are positive. The axis of the counts is
    logarithmic if the lowest bar would otherwise be invisible, as with few outliers among many
    rows.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    scores : array-like of shape (n_samples,)
        Anomaly scores, minus ``score_samples``.

    threshold : float
        Anomaly score above which rows are outliers, minus ``offset_``.

    labels : array-like of shape (n_samples,), default=None
        Group of each row, with at most ten different groups. 1 and -1 stand for "normal" and
        "anomaly"; other values are shown as they are. None means a single group.

    Attributes
    ----------
    histograms_ : list of matplotlib.container.BarContainer or list of matplotlib.patches.Polygon
        The histogram of each group.

    line_ : matplotlib.lines.Line2D
        The line at the threshold.

    legend_ : matplotlib.legend.Legend
        The groups, and the percentage of each group beyond the threshold.

    ax_ : matplotlib.axes.Axes
        The axes with the histograms.

    figure_ : matplotlib.figure.Figure
        The figure that contains the axes.

    See Also
    --------
    FeatureContributionsDisplay : Contributions of features to the anomaly score of one row.

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

    def __init__(self, scores: ArrayLike, threshold: float, labels: ArrayLike | None = None):
        self.scores = scores
        self.threshold = threshold
        self.labels = labels

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        y: ArrayLike | None = None,
        *,
        ax: Axes | None = None,
        bins: int | str = "auto",
        **hist_kw: Any,
    ) -> Self:
        """Draw the anomaly scores of rows.

        Parameters
        ----------
        estimator : AutoencoderOutlierDetector
            A fitted detector; those of scikit-learn with ``offset_``, and pipelines whose last step
            is a detector, work as well.

        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,), default=None
            Group of each row, as `labels` of the class.

        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

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
            If `y` does not have one value for each row or has more than ten different values, or if
            `bins` is neither "auto" nor a positive integer.

        ImportError
            If matplotlib is not installed.
        """
        last = LastStep(estimator)
        detector = last.estimator
        check_detector(detector, "score_samples")
        _check_bins(bins)
        groups = None if y is None else _check_groups(y, "y", n_rows(X))
        scores = -np.asarray(detector.score_samples(last.rows(X)))
        return cls(scores, threshold_of(detector), groups).plot(ax, bins=bins, **hist_kw)

    def plot(self, ax: Axes | None = None, *, bins: int | str = "auto", **hist_kw: Any) -> Self:
        """Draw the histograms.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        bins : int or "auto", default="auto"
            Number of bins, all of the same width on the axis. "auto" is the rule of Freedman and
            Diaconis, at least 20 and at most 80.

        **hist_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.hist` for each group. ``density=True`` gives
            each group the same area, as drawn on the axis.

        Returns
        -------
        ScoreDistributionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `scores` are not finite numbers, if `labels` does not have one value for each score
            or has more than ten different values, or if `bins` is neither "auto" nor a positive
            integer.

        ImportError
            If matplotlib is not installed.
        """
        scores = check_numbers(self.scores, "scores")
        _check_bins(bins)
        groups = self._groups(scores)
        ax = axes_for(ax, size=(6.4, 4.0))
        logarithmic = bool((scores > 0).all())
        ax.set_xscale("log" if logarithmic else "linear")
        shown = [clip_to_log_range(group, logarithmic) for _, group in groups]
        edges = bin_edges(clip_to_log_range(scores, logarithmic), bins, logarithmic)
        density = hist_kw.pop("density", False)
        if not density:
            hist_kw.setdefault("log", counts_need_log_axis(shown, edges))
        self.histograms_ = []
        for place, ((label, _), group) in enumerate(zip(groups, shown, strict=True)):
            if density:
                hist_kw["weights"] = density_weights(group, edges, logarithmic)
            self.histograms_.append(_histogram(ax, group, edges, f"C{place}", label, **hist_kw))
        self._draw_threshold(ax, scores)
        self._format_axes(ax, density)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _groups(self, scores: np.ndarray) -> list[tuple[str | None, np.ndarray]]:
        """Return the label in the legend, if any, and the scores of each group."""
        if self.labels is None:
            return [(None, scores)]
        labels = _check_groups(self.labels, "labels", len(scores))
        groups: list[tuple[str | None, np.ndarray]] = []
        for value, name in _names(labels).items():
            group = scores[labels == value]
            rows = "1 row" if len(group) == 1 else f"{len(group):,} rows"
            # Matplotlib ignores labels that begin with an underscore.
            name = format_name(f" {name}" if str(name).startswith("_") else name)
            groups.append((f"{name}: {rows}, {self._percentage_above(group)} beyond", group))
        return groups

    def _draw_threshold(self, ax: Axes, scores: np.ndarray) -> None:
        place = float(self.threshold)
        label = f"threshold {format_number(place)}"
        if self.labels is None:
            label += f": {self._percentage_above(scores)} of {len(scores):,} rows beyond"
        # At NaN no line is drawn, but the legend still shows the threshold.
        if not np.isfinite(place) or place != clip_to_log_range(place, ax.get_xscale() == "log"):
            place = np.nan
        self.line_ = ax.axvline(place, color="0.2", linestyle="--", linewidth=1.2, label=label)

    def _percentage_above(self, scores: np.ndarray) -> str:
        """Return the percentage of the scores above the threshold."""
        return f"{format_number(100 * float(np.mean(scores > self.threshold)))}%"

    def _format_axes(self, ax: Axes, density: bool) -> None:
        """Label the axes, and add a legend above the bars and the line."""
        per = " per decade" if ax.get_xscale() == "log" else ""
        ax.set_xlabel("anomaly score")
        ax.set_ylabel(f"density{per}" if density else "rows")
        if not density and ax.get_yscale() == "log":
            ax.set_ylim(bottom=0.7)  # so that a bar of one row is visible
        format_log_ticks(ax)
        ax.spines[["top", "right"]].set_visible(False)
        handles, labels = ax.get_legend_handles_labels()
        room = 0.03 + 0.065 * len(labels)
        leave_room_above(ax, room)
        self.line_.set_ydata([0, 1 - room])
        self.legend_ = ax.legend(handles, labels, loc="upper right", frameon=False)


def _histogram(
    ax: Axes, scores: np.ndarray, edges: Any, colour: str, label: str | None, **hist_kw: Any
) -> Any:
    """Draw one histogram and return its artists."""
    from matplotlib.colors import to_rgba

    colour = hist_kw.pop("color", colour)
    style: dict[str, Any] = {"histtype": "stepfilled", "edgecolor": colour, "linewidth": 1.3}
    if "alpha" not in hist_kw:
        style["facecolor"] = to_rgba(colour, 0.35)  # overlapping groups stay visible
    return ax.hist(scores, edges, color=colour, label=label, **{**style, **hist_kw})[2]


def _names(labels: np.ndarray) -> dict:
    """Return the names of the groups in ascending order of their values."""
    found = list(pd.unique(labels))
    if -1 in found and set(found) <= {1, -1}:
        return {value: name for value, name in ((1, "normal"), (-1, "anomaly")) if value in found}
    return {value: value for value in sorted_unique(labels)}


def _check_groups(values: Any, name: str, n: int) -> np.ndarray:
    """Return the groups of rows as an array of shape (n,)."""
    with naming(name):
        groups = np.asarray(as_matrix_like(values))
    if groups.shape != (n,):
        raise ValueError(
            f"{name} must have one value for each of {n} rows, got an array of shape "
            f"{groups.shape}."
        )
    if pd.isna(groups).any():
        which = int(np.flatnonzero(pd.isna(groups))[0])
        raise ValueError(
            f"{name} must have no missing values, got {groups[which]} at position {which}."
        )
    n_groups = len(pd.unique(groups))
    if n_groups > _MOST_GROUPS:
        raise ValueError(
            f"{name} must have at most {_MOST_GROUPS} different values, one for each group, got "
            f"{n_groups}."
        )
    return groups


def _check_bins(bins: int | str) -> None:
    if not is_auto(bins):
        check_size(bins, "bins", instead="'auto' or ")
