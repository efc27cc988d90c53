"""Bar chart of the contributions of features to the anomaly score of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from numpy.typing import ArrayLike

from skae._data.matrix import MatrixLike
from skae._utils.checks import check_size, is_size
from skae._utils.feature_groups import FeatureGroups, GroupsLike, column_names
from skae.plotting.canvas import axes_for, format_name, format_number
from skae.plotting.checks import (
    check_detector,
    check_numbers,
    n_rows,
    threshold_of,
)
from skae.plotting.pipelines import LastStep

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RAISES, _LOWERS, _OTHERS = "C1", "C0", "0.7"


class FeatureContributionsDisplay:
    """Contributions of the features of one row to its anomaly score.

    Bars to the right raise the score, bars to the left lower it, and all bars sum to the score.
    The longest bars come first; the last bar sums up the remaining features.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    contributions : Series or array-like of shape (n_features,)
        Contribution of each feature. The index of a Series gives the names of the features, which
        are otherwise ``x0``, ``x1`` and so on; the name of the Series, if any, is the name of the
        row.

    values : array-like of shape (n_features,)
        The values of the row: numbers, NaN for a missing one, or texts.

    score : float
        Anomaly score of the row, minus ``score_samples``.

    threshold : float
        Anomaly score above which rows are outliers, minus ``offset_``.

    Attributes
    ----------
    bars_ : matplotlib.container.BarContainer
        The bars, from top to bottom.

    ax_ : matplotlib.axes.Axes
        The axes with the bars.

    figure_ : matplotlib.figure.Figure
        The figure that contains the axes.

    See Also
    --------
    ScoreDistributionDisplay : Distribution of the anomaly scores of many rows.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skae import AutoencoderOutlierDetector
    >>> from skae.plotting import FeatureContributionsDisplay
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> detector = AutoencoderOutlierDetector(max_epochs=20, random_state=0).fit(X[y == 1])
    >>> display = FeatureContributionsDisplay.from_estimator(detector, X, row=0, max_features=5)
    >>> len(display.bars_)
    6
    >>> display.ax_.get_yticklabels()[-1].get_text()
    '25 other features'
    """

    def __init__(self, contributions: ArrayLike, values: ArrayLike, score: float, threshold: float):
        self.contributions = contributions
        self.values = values
        self.score = score
        self.threshold = threshold

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        row: int = 0,
        *,
        ax: Axes | None = None,
        max_features: int = 10,
        groups: GroupsLike = None,
        **bar_kw: Any,
    ) -> Self:
        """Draw the contributions to the anomaly score of one row.

        Parameters
        ----------
        estimator : AutoencoderOutlierDetector
            A fitted detector, or a pipeline whose last step is one. Features and values are then
            those that the detector receives.

        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
            Rows.

        row : int, default=0
            Position of the row in `X`; negative positions count from the end.

        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        max_features : int, default=10
            As in :meth:`plot`.

        groups : dict, callable or sequence, default=None
            Features with one bar together, such as the dummies of a categorical column, as in
            :meth:`AutoencoderOutlierDetector.feature_contributions`. The value of a group is the
            name of its only feature that is not zero, if there is one.

        **bar_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.barh`.

        Returns
        -------
        FeatureContributionsDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `estimator` has no method ``feature_contributions``.

        NotFittedError
            If `estimator` is not fitted.

        ValueError
            If `row` is not a position in `X`, `max_features` not a positive integer, or `groups`
            invalid.

        ImportError
            If matplotlib is not installed.
        """
        last = LastStep(estimator)
        detector = last.estimator
        check_detector(detector, "score_samples", "feature_contributions")
        check_size(max_features, "max_features")
        one, name = _one_row(X, row)
        one = last.rows(one)
        values: Any = _values_of(one)
        if groups is None:
            contributions = last.named(detector.feature_contributions(one).iloc[0])
        else:
            columns = column_names(getattr(one, "columns", None), tuple(one.shape[1:]))
            columns = last.named(pd.Series(values, index=columns)).index
            grouped = FeatureGroups.of(groups, columns)
            values = _values_of_groups(values, columns, grouped)
            of_columns = [grouped.names[number] for number in grouped.group_of]
            contributions = detector.feature_contributions(one, groups=of_columns).iloc[0]
        score = -float(detector.score_samples(one)[0])
        display = cls(contributions.rename(name), values, score, threshold_of(detector))
        return display.plot(ax, max_features=max_features, **bar_kw)

    def plot(self, ax: Axes | None = None, *, max_features: int = 10, **bar_kw: Any) -> Self:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        max_features : int, default=10
            Number of features with their own bar. One more bar sums up the others; if there is only
            one other feature, the bar shows that feature.

        **bar_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.barh`.

        Returns
        -------
        FeatureContributionsDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `contributions` are not finite numbers, if there are not as many `values`, if one is
            infinite, or if `max_features` is not a positive integer.

        ImportError
            If matplotlib is not installed.
        """
        labels, lengths, colours = self._content(max_features)
        ax = axes_for(ax, size=(6.4, 1.3 + 0.34 * len(lengths)))
        places = np.arange(len(lengths))
        self.bars_ = ax.barh(places, lengths, **{"color": colours, "height": 0.72, **bar_kw})
        ax.bar_label(self.bars_, [format_number(length) for length in lengths], padding=3)
        _format_axes(ax, labels, lengths)
        ax.set_xlabel("contribution to the anomaly score")
        ax.set_title(self._title(), loc="left")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _content(self, max_features: int) -> tuple[list[str], np.ndarray, list[str]]:
        """Return the label, the length and the colour of each bar."""
        max_features = check_size(max_features, "max_features")
        contributions = check_numbers(self.contributions, "contributions")
        values = _texts_of(self.values)
        if len(values) != len(contributions):
            raise ValueError(
                f"values must have one number for each of contributions, got {len(values)} values "
                f"and {len(contributions)} contributions."
            )
        names = _names(self.contributions)
        order = np.argsort(-np.abs(contributions), kind="stable")
        own = order if len(order) <= max_features + 1 else order[:max_features]
        labels = [format_name(names[j]) + values[j] for j in own]
        lengths = contributions[own]
        colours = [_RAISES if length >= 0 else _LOWERS for length in lengths]
        if len(own) < len(order):
            labels.append(f"{len(order) - len(own)} other features")
            lengths = np.append(lengths, contributions[order[len(own) :]].sum())
            colours.append(_OTHERS)
        return labels, lengths, colours

    def _title(self) -> str:
        name = getattr(self.contributions, "name", None)
        verdict = "an outlier" if self.score > self.threshold else "not an outlier"
        if name is not None:
            verdict = f"row {format_name(name)} is {verdict}"
        return (
            f"{verdict[0].upper()}{verdict[1:]}\n"
            f"anomaly score {format_number(self.score)}, "
            f"threshold {format_number(self.threshold)}"
        )


def _one_row(X: Any, row: Any) -> tuple[Any, Any]:
    """Return a row in the container of X, of shape (1, n_features), and its name."""
    n = n_rows(X)
    if not is_size(row, -n, n - 1):
        raise ValueError(
            f"row must be the position of a row in X, an integer from {-n} to {n - 1}, got {row!r}."
        )
    row = int(row) % n
    if hasattr(X, "iloc"):
        return X.iloc[row : row + 1], X.index[row]
    return (X.tocsr() if sp.issparse(X) else X)[row : row + 1], row


def _values_of(one: Any) -> np.ndarray:
    """Return the values of one row of any container, of shape (n_features,); text stays text."""
    if sp.issparse(one):
        one = one.toarray()
    elif isinstance(one, torch.Tensor):
        one = one.detach().cpu().double()
    try:
        return np.asarray(one, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        values = np.asarray(one, dtype=object).ravel()
        return np.array([_number_or_text(value) for value in values], dtype=object)


def _number_or_text(value: Any) -> float | str:
    if pd.isna(value):
        return np.nan
    return str(value) if isinstance(value, str | bool | np.bool_) else float(value)


def _values_of_groups(
    values: np.ndarray, columns: pd.Index, grouped: FeatureGroups
) -> list[float | str]:
    """Return the value of each group: that of its feature, or the name of the only one not zero."""
    found: list[float | str] = []
    for number in range(len(grouped.names)):
        members = np.flatnonzero(grouped.group_of == number)
        active = members[values[members] != 0]
        if len(members) == 1:
            found.append(values[members[0]])
        else:
            found.append(str(columns[active[0]]) if len(active) == 1 else "")
    return found


def _texts_of(values: Any) -> list[str]:
    """Return how each value stands behind the name of its feature."""
    array = np.asarray(values, dtype=object)
    if array.ndim != 1:
        raise ValueError(f"values must be one-dimensional, got an array of shape {array.shape}.")
    infinite = [i for i, value in enumerate(array) if value in (np.inf, -np.inf)]
    if infinite:
        at = infinite[0]
        raise ValueError(f"values must not be infinite, got {array[at]} at position {at}.")
    return [_text_of(value) for value in array]


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        return f" = {format_name(value)}" if value else ""
    number = float(value)
    return " is missing" if np.isnan(number) else f" = {format_number(number, 4)}"


def _names(contributions: Any) -> list:
    if not isinstance(contributions, pd.Series):
        return [f"x{j}" for j in range(len(contributions))]
    index = contributions.index
    if not isinstance(index, pd.MultiIndex):
        return list(index)
    levels = [f"{name} " if name is not None else "" for name in index.names]
    return [
        ", ".join(f"{level}{place}" for level, place in zip(levels, places, strict=True))
        for places in index
    ]


def _format_axes(ax: Axes, labels: list[str], lengths: np.ndarray) -> None:
    """Label the bars from top to bottom, and remove unneeded spines and ticks."""
    ax.set_yticks(np.arange(len(labels)), labels=labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.axvline(0, color="0.3", linewidth=0.8)
    ax.spines[["top", "right", "left"]].set_visible(False)
    # Leave room for the numbers at the ends of the bars.
    ax.margins(x=0.2 if (lengths < 0).any() else 0.13)
    if not np.any(lengths):
        ax.set_xlim(0, 1)
