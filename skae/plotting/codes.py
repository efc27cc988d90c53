"""Codes of samples as points of a plane."""

from __future__ import annotations

from numbers import Integral

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from skae._data.containers import as_matrix_like
from skae._utils.naming import naming
from skae.plotting.canvas import axes_for, written_name
from skae.plotting.checks import in_order

# Ten colours that are told apart in all kinds of colour vision, by M. A. Petroff, "Accessible
# color sequences for data visualization", 2021, arXiv:2107.02270.
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
# The first ten categories have the first marker, the next ten the second.
_MARKERS = ("o", "^")
_MOST_CATEGORIES = len(_COLOURS) * len(_MARKERS)
# Area and opacity of points up to so many of them; both fall with more.
_FEW_POINTS, _LARGEST, _MOST_OPAQUE = 300, 30.0, 0.9
_SMALLEST, _LEAST_OPAQUE = 2.0, 0.2


class CodesDisplay:
    """Two values of the codes of samples as points, coloured by what is known of the samples.

    Up to twenty different labels are categories, each with a colour, and a marker beyond ten.
    Numbers with more values are a continuous colour. The more points, the smaller and the more
    transparent they are.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    codes : array-like of shape (n_samples, 2)
        The two values of each sample.

    labels : Series or array-like of shape (n_samples,), default=None
        What is known of each sample. The name of a Series stands above the legend or beside the
        colour bar. None draws all points in one colour.

    names : sequence of str, default=None
        Names of the two values. None names neither.

    Attributes
    ----------
    points_ : list of matplotlib.collections.PathCollection
        The points of each category, or all points.

    legend_ : matplotlib.legend.Legend or None
        The categories, beside the axes.

    colorbar_ : matplotlib.colorbar.Colorbar or None
        The colours of numbers.

    ax_ : matplotlib.axes.Axes
        The axes with the points.

    figure_ : matplotlib.figure.Figure
        The figure around them.

    See Also
    --------
    ReconstructionsDisplay : What the decoder makes of codes.

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

    def __init__(self, codes, labels=None, names=None):
        self.codes = codes
        self.labels = labels
        self.names = names

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, ax=None, components=(0, 1), **scatter_kw):
        """Draw two values of the codes of samples.

        Parameters
        ----------
        estimator : AutoencoderTransformer
            A fitted transformer; those of scikit-learn, such as
            :class:`sklearn.decomposition.PCA`, will do as well.

        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features) or \
                (n_samples, ...)
            Samples, as `estimator` takes them.

        y : Series or array-like of shape (n_samples,), default=None
            What is known of each sample, as `labels` of the class.

        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes a figure.

        components : tuple of two int, default=(0, 1)
            Positions of the values in the code, first the horizontal one; negative positions
            count from the end.

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
            If `components` are not two positions in the code, or if `y` has not one value for
            each sample, or more than twenty different ones that are not numbers.

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

    def plot(self, ax=None, **scatter_kw):
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes a figure.

        **scatter_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.scatter` for each category.

        Returns
        -------
        CodesDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `codes` are not finite numbers of shape (n_samples, 2), or if `labels` has not one
            value for each, or more than twenty different ones that are not numbers.

        ImportError
            If matplotlib is not installed.
        """
        codes = _check_codes(self.codes)
        labels = None if self.labels is None else _check_labels(self.labels, "labels", len(codes))
        ax = axes_for(ax, size=(6.4, 4.8))
        look = _look(len(codes), scatter_kw)
        title = getattr(self.labels, "name", None)
        title = "" if title is None else written_name(title)
        self.legend_ = self.colorbar_ = None
        if labels is None:
            self.points_ = [ax.scatter(*codes.T, **{"color": "C0", **look})]
        elif len(pd.unique(labels)) <= _MOST_CATEGORIES:
            self.points_ = _draw_categories(ax, codes, labels, look)
            self.legend_ = _add_legend(ax, self.points_, title)
        else:
            self.points_ = [ax.scatter(*codes.T, c=labels.astype(np.float64), **look)]
            self.colorbar_ = _add_colorbar(ax, self.points_[0], title)
        for name, write in zip(self.names or (), (ax.set_xlabel, ax.set_ylabel), strict=False):
            write(written_name(name))
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _draw_categories(ax, codes: np.ndarray, labels: np.ndarray, look: dict) -> list:
    """Draw the points of each category and return them."""
    points = []
    for place, value in enumerate(in_order(labels)):
        marker, colour = divmod(place, len(_COLOURS))
        # Matplotlib leaves labels out that begin with an underscore.
        name = written_name(f" {value}" if str(value).startswith("_") else value)
        own = {"color": _COLOURS[colour], "marker": _MARKERS[marker], "label": name}
        points.append(ax.scatter(*codes[labels == value].T, **{**own, **look}))
    return points


def _add_legend(ax, points: list, title):
    """Name the categories beside the axes, with markers that are seen however small points are."""
    legend = ax.legend(
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


def _add_colorbar(ax, points, title):
    """Say what the colours of numbers are."""
    colorbar = ax.figure.colorbar(points, ax=ax, label=title)
    colorbar.solids.set_alpha(1)
    colorbar.outline.set_visible(False)
    return colorbar


def _look(n: int, scatter_kw: dict) -> dict:
    """Return how points look of which there are so many, and as the user wants them."""
    crowd = max(1.0, n / _FEW_POINTS)
    look = {
        "s": max(_SMALLEST, _LARGEST / crowd**0.5),
        "alpha": max(_LEAST_OPAQUE, _MOST_OPAQUE / crowd**0.25),
    }
    if "marker" not in scatter_kw:
        look["linewidths"] = 0  # crosses consist of lines, but these markers do not
    if "c" in scatter_kw:
        scatter_kw = {**scatter_kw, "color": scatter_kw["c"]}
        del scatter_kw["c"]
    return {**look, **scatter_kw}


def _check_components(components, n: int) -> list[int]:
    """Return two positions in the code."""
    is_pair = isinstance(components, tuple | list | np.ndarray) and np.shape(components) == (2,)
    if not is_pair or not all(
        isinstance(j, Integral) and not isinstance(j, bool) and -n <= j < n for j in components
    ):
        raise ValueError(
            f"components must be two positions in the code, integers from {-n} to {n - 1} for "
            f"codes of {n} value{'' if n == 1 else 's'}, got {components!r}."
        )
    return [int(j) for j in components]


def _columns(codes, chosen: list[int]) -> np.ndarray:
    """Return two columns of codes, whatever they are kept in, of shape (n_samples, 2)."""
    if sp.issparse(codes):
        return codes.tocsc()[:, chosen].toarray()
    return np.asarray(codes)[:, chosen]


def _names(estimator, codes) -> list[str] | None:
    """Return the names of the values of the code, None where they have none."""
    if hasattr(codes, "columns"):
        return list(codes.columns)
    try:
        return list(estimator.get_feature_names_out())
    except AttributeError:  # also that of a pipeline of which a step has no names
        return None


def _check_codes(codes) -> np.ndarray:
    codes = np.asarray(codes, dtype=np.float64)
    if codes.ndim != 2 or codes.shape[1] != 2 or not len(codes):
        raise ValueError(f"codes must be of shape (n_samples, 2), got {codes.shape}.")
    if not np.isfinite(codes).all():
        row, column = np.argwhere(~np.isfinite(codes))[0]
        raise ValueError(f"codes must be finite numbers, got {codes[row, column]} in row {row}.")
    return codes


def _check_labels(values, name: str, n: int) -> np.ndarray:
    """Return labels of shape (n,), numbers if they have more values than there are categories."""
    with naming(name):
        labels = np.asarray(as_matrix_like(values))
    if labels.shape != (n,):
        raise ValueError(
            f"{name} must hold one value for each of {n} samples, got an array of shape "
            f"{labels.shape}."
        )
    if pd.isna(labels).any():
        which = int(np.flatnonzero(pd.isna(labels))[0])
        raise ValueError(f"{name} must have no missing values, got one at position {which}.")
    labels = pd.Series(labels).infer_objects().to_numpy()
    n_values = len(pd.unique(labels))
    if n_values > _MOST_CATEGORIES and labels.dtype.kind not in "iuf":
        raise ValueError(
            f"{name} must be numbers or have at most {_MOST_CATEGORIES} different values, a "
            f"colour for each, got {n_values} of dtype {labels.dtype}."
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        which = int(np.flatnonzero(~np.isfinite(labels))[0])
        raise ValueError(f"{name} must be finite, got {labels[which]} at position {which}.")
    return labels
