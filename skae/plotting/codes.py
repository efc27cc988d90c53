"""Scatter plot of latent codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skae._data.containers import as_matrix_like
from skae._data.matrix import MatrixLike
from skae._utils.checks import is_size
from skae._utils.naming import naming
from skae.plotting.canvas import axes_for, format_name
from skae.plotting.checks import sorted_unique

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.legend import Legend

# Ten colours that people with any kind of colour vision can distinguish, by M. A. Petroff,
# "Accessible color sequences for data visualization", 2021, arXiv:2107.02270.
_COLOURS = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
# The first ten categories have the first marker, the next ten have the second.
_MARKERS = ("o", "^")
_MOST_CATEGORIES = len(_COLOURS) * len(_MARKERS)
# Area and opacity of up to _FEW_POINTS points; with more points both decrease.
_FEW_POINTS, _LARGEST, _MOST_OPAQUE = 300, 30.0, 0.9
_SMALLEST, _LEAST_OPAQUE = 2.0, 0.2


class CodesDisplay:
    """Scatter plot of two latent values of each sample, coloured by labels.

    Up to twenty different labels are categories, each with its own colour, and a second marker from
    the eleventh on. Numeric labels with more values are shown on a continuous colour scale. The
    more points there are, the smaller and the more transparent they become.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    codes : array-like of shape (n_samples, 2)
        Two latent values of each sample.

    labels : Series or array-like of shape (n_samples,), default=None
        Label of each sample. The name of a Series is the title of the legend or the label of the
        colour bar. None draws all points in one colour.

    names : sequence of str, default=None
        Names of the two values, for the labels of the axes. None leaves the axes without labels.

    Attributes
    ----------
    points_ : list of matplotlib.collections.PathCollection
        The points of each category, or all points.

    legend_ : matplotlib.legend.Legend or None
        The legend of the categories, beside the axes.

    colorbar_ : matplotlib.colorbar.Colorbar or None
        The colour bar of numeric labels.

    ax_ : matplotlib.axes.Axes
        The axes with the points.

    figure_ : matplotlib.figure.Figure
        The figure that contains the axes.

    See Also
    --------
    ReconstructionsDisplay : Reconstructions of samples.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> from skae.plotting import CodesDisplay
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> ae = AutoencoderTransformer(n_components=2, max_epochs=5, random_state=0).fit(X)
    >>> display = CodesDisplay.from_estimator(ae, X, y)
    >>> display.ax_.get_xlabel()
    'autoencodertransformer0'
    >>> len(display.points_)
    3
    """

    def __init__(
        self, codes: ArrayLike, labels: ArrayLike | None = None, names: Sequence[str] | None = None
    ):
        self.codes = codes
        self.labels = labels
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        y: ArrayLike | None = None,
        *,
        ax: Axes | None = None,
        components: Sequence[int] = (0, 1),
        **scatter_kw: Any,
    ) -> Self:
        """Draw two latent values of each sample.

        Parameters
        ----------
        estimator : AutoencoderTransformer
            A fitted transformer; transformers of scikit-learn, such as
            :class:`sklearn.decomposition.PCA`, work as well.

        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features) or \
                (n_samples, ...)
            Samples, in any form that `estimator` accepts.

        y : Series or array-like of shape (n_samples,), default=None
            Label of each sample, as `labels` of the class.

        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        components : tuple of two int, default=(0, 1)
            Positions of the horizontal and the vertical value in the latent code; negative
            positions count from the end.

        **scatter_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.scatter`.

        Returns
        -------
        CodesDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `estimator` has no method ``transform``.

        NotFittedError
            If `estimator` is not fitted.

        ValueError
            If `components` are not two positions in the code, if `y` does not have one value for
            each sample, or if it has more than twenty different values that are not numbers.

        ImportError
            If matplotlib is not installed.
        """
        if not hasattr(estimator, "transform"):
            raise TypeError(
                f"estimator must be a transformer, such as skae.AutoencoderTransformer, got "
                f"{type(estimator).__name__} without transform."
            )
        check_is_fitted(estimator)
        codes = estimator.transform(X)
        if y is not None:
            _check_labels(y, "y", codes.shape[0])
        chosen = _check_components(components, codes.shape[1])
        names = _names(estimator, codes)
        names = None if names is None else [names[j] for j in chosen]
        return cls(_columns(codes, chosen), y, names).plot(ax, **scatter_kw)

    def plot(self, ax: Axes | None = None, **scatter_kw: Any) -> Self:
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        **scatter_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.scatter` for each category.

        Returns
        -------
        CodesDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `codes` are not finite numbers of shape (n_samples, 2), if `labels` does not have one
            value for each sample, or if it has more than twenty different values that are not
            numbers.

        ImportError
            If matplotlib is not installed.
        """
        codes = _check_codes(self.codes)
        labels = None if self.labels is None else _check_labels(self.labels, "labels", len(codes))
        ax = axes_for(ax, size=(6.4, 4.8))
        style = _point_style(len(codes), scatter_kw)
        title = getattr(self.labels, "name", None)
        title = "" if title is None else format_name(title)
        self.legend_ = self.colorbar_ = None
        if labels is None:
            self.points_ = [ax.scatter(*codes.T, **{"color": "C0", **style})]
        elif len(pd.unique(labels)) <= _MOST_CATEGORIES:
            self.points_ = _draw_categories(ax, codes, labels, style)
            self.legend_ = _add_legend(ax, self.points_, title)
        else:
            x, y = codes.T
            self.points_ = [ax.scatter(x, y, c=labels.astype(np.float64), **style)]
            self.colorbar_ = _add_colorbar(ax, self.points_[0], title)
        writers: tuple[Callable[[str], Any], ...] = (ax.set_xlabel, ax.set_ylabel)
        for name, write in zip(self.names or (), writers, strict=False):
            write(format_name(name))
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _draw_categories(ax: Axes, codes: np.ndarray, labels: np.ndarray, style: dict) -> list:
    """Draw the points of each category and return them."""
    points = []
    for place, value in enumerate(sorted_unique(labels)):
        marker, colour = divmod(place, len(_COLOURS))
        # Matplotlib ignores labels that begin with an underscore.
        name = format_name(f" {value}" if str(value).startswith("_") else value)
        own = {"color": _COLOURS[colour], "marker": _MARKERS[marker], "label": name}
        points.append(ax.scatter(*codes[labels == value].T, **{**own, **style}))
    return points


def _add_legend(ax: Axes, points: list, title: str) -> Legend:
    """Add a legend beside the axes, with large opaque markers."""
    legend: Any = ax.legend(
        handles=points,
        title=title,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0,
        frameon=False,
        fontsize="medium" if len(points) <= 15 else "small",
    )
    for handle in legend.legend_handles:
        handle.set_alpha(1)
        handle.set_sizes([_LARGEST])
    return legend


def _add_colorbar(ax: Axes, points: Any, title: str) -> Colorbar:
    """Add a colour bar for numeric labels."""
    colorbar: Any = ax.figure.colorbar(points, ax=ax, label=title)
    colorbar.solids.set_alpha(1)
    colorbar.outline.set_visible(False)
    return colorbar


def _point_style(n: int, scatter_kw: dict) -> dict:
    """Return the style of `n` points; the keywords of the user take precedence."""
    crowd = max(1.0, n / _FEW_POINTS)
    style = {
        "s": max(_SMALLEST, _LARGEST / crowd**0.5),
        "alpha": max(_LEAST_OPAQUE, _MOST_OPAQUE / crowd**0.25),
    }
    if "marker" not in scatter_kw:
        style["linewidths"] = 0  # only for filled markers: one of lines, as a cross, would vanish
    if "c" in scatter_kw:
        scatter_kw = {**scatter_kw, "color": scatter_kw["c"]}
        del scatter_kw["c"]
    return {**style, **scatter_kw}


def _check_components(components: Any, n: int) -> list[int]:
    """Return two positions in the code."""
    is_pair = isinstance(components, tuple | list | np.ndarray) and np.shape(components) == (2,)
    if not is_pair or not all(is_size(j, -n, n - 1) for j in components):
        raise ValueError(
            f"components must be two positions in the code, integers from {-n} to {n - 1} for "
            f"codes of {n} value{'' if n == 1 else 's'}, got {components!r}."
        )
    return [int(j) for j in components]


def _columns(codes: Any, chosen: list[int]) -> np.ndarray:
    """Return two columns of codes of any container, of shape (n_samples, 2)."""
    if sp.issparse(codes):
        return codes.tocsc()[:, chosen].toarray()
    return np.asarray(codes)[:, chosen]


def _names(estimator: Any, codes: Any) -> list[str] | None:
    """Return the names of the latent values, or None if they have no names."""
    if hasattr(codes, "columns"):
        return list(codes.columns)
    try:
        return list(estimator.get_feature_names_out())
    except AttributeError:  # also raised by a pipeline if one of its steps has no names
        return None


def _check_codes(codes: Any) -> np.ndarray:
    codes = np.asarray(codes, dtype=np.float64)
    if codes.ndim != 2 or codes.shape[1] != 2 or not len(codes):
        raise ValueError(f"codes must be of shape (n_samples, 2), got {codes.shape}.")
    if not np.isfinite(codes).all():
        row, column = np.argwhere(~np.isfinite(codes))[0]
        raise ValueError(f"codes must be finite numbers, got {codes[row, column]} in row {row}.")
    return codes


def _check_labels(values: Any, name: str, n: int) -> np.ndarray:
    """Return labels of shape (n,), which must be numeric if they have too many different values."""
    with naming(name):
        labels = np.asarray(as_matrix_like(values))
    if labels.shape != (n,):
        raise ValueError(
            f"{name} must have one value for each of {n} samples, got an array of shape "
            f"{labels.shape}."
        )
    if pd.isna(labels).any():
        which = int(np.flatnonzero(pd.isna(labels))[0])
        raise ValueError(f"{name} must have no missing values, got one at position {which}.")
    labels = pd.Series(labels).infer_objects().to_numpy()
    n_values = len(pd.unique(labels))
    if n_values > _MOST_CATEGORIES and labels.dtype.kind not in "iuf":
        raise ValueError(
            f"{name} must be numbers or have at most {_MOST_CATEGORIES} different values, one "
            f"for each colour, got {n_values} of dtype {labels.dtype}."
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        which = int(np.flatnonzero(~np.isfinite(labels))[0])
        raise ValueError(f"{name} must be finite, got {labels[which]} at position {which}.")
    return labels
