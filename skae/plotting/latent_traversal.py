"""Latent traversals: reconstructions along single components of the code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from skae._data.matrix import MatrixLike
from skae._utils.checks import check_size, is_size
from skae.plotting.canvas import figure_for, format_name
from skae.plotting.checks import as_list, check_methods, n_rows
from skae.plotting.matrices import as_matrix
from skae.plotting.pipelines import rebuilding_step
from skae.plotting.samples import as_images, checked_shape, image_axes, shape_of_samples
from skae.plotting.traversal_panels import (
    channels_in_turn,
    draw_images,
    draw_lines,
    n_channels,
    ranges,
    write_values,
)

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

# The names of more features than this would be too small to read.
_MOST_NAMES = 40


class LatentTraversalDisplay:
    """Reconstructions along single components of the latent code.

    Each row shows one component. Its value rises from left to right for images and from dark to
    light for lines, while all other components stay fixed.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    reconstructions : array-like of shape (n_components, n_steps, n_features)
        Reconstructions along each component.

    values : array-like of shape (n_components, n_steps)
        Values of the component that belong to the reconstructions.

    components : array-like of shape (n_components,)
        Index of each component, counted from 0.

    sample_shape : tuple of int, default=None
        Shape of one sample. (h, w), (1, h, w), (h, w, 1), (3, h, w) and (h, w, 3) are images; other
        shapes, and None, are drawn as lines. (n_steps, n_channels) is a time series of up to three
        channels, which are drawn one after the other.

    feature_names : array-like of shape (n_features,), default=None
        Names of the features, shown below lines.

    limits : array-like of shape (2,) or (2, n_features), default=None
        Lowest and highest value. For images they are the ends of the colour scale of all images,
        and values beyond them are clipped; None means the limits of the reconstructions. For lines,
        each feature is scaled so that its limits become "min" and "max"; None draws lines in the
        units of the features.

    Attributes
    ----------
    images_ : list of matplotlib.image.AxesImage
        One artist per component with its images side by side; empty if lines are drawn.

    lines_ : list of list of matplotlib.lines.Line2D
        The lines of each component; empty if images are drawn.

    axes_ : ndarray of matplotlib.axes.Axes of shape (n_components,)
        The axes of each component.

    figure_ : matplotlib.figure.Figure
        The figure that contains the axes.

    See Also
    --------
    ExplainedVarianceDisplay : Explained variance against the size of the latent code.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.plotting import LatentTraversalDisplay
    >>> X = load_digits().data
    >>> ae = AutoencoderTransformer(8, max_epochs=5, random_state=0).fit(X)
    >>> display = LatentTraversalDisplay.from_estimator(ae, X, n_components=3)
    >>> display.sample_shape
    (8, 8)
    >>> len(display.images_)
    3
    """

    def __init__(
        self,
        reconstructions: ArrayLike,
        values: ArrayLike,
        components: Sequence[int] | np.ndarray,
        *,
        sample_shape: Sequence[int] | None = None,
        feature_names: Sequence[str] | None = None,
        limits: ArrayLike | None = None,
    ):
        self.reconstructions = reconstructions
        self.values = values
        self.components = components
        self.sample_shape = sample_shape
        self.feature_names = feature_names
        self.limits = limits

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        *,
        components: Sequence[int] | None = None,
        n_components: int = 5,
        n_steps: int = 9,
        percentiles: tuple[float, float] = (0.05, 0.95),
        start: int | str = "mean",
        sample_shape: Sequence[int] | None = None,
        fig: FigureBase | None = None,
        cmap: Any = None,
    ) -> Self:
        """Draw reconstructions along components of the latent code.

        Parameters
        ----------
        estimator : AutoencoderTransformer
            A fitted estimator; others with ``transform`` and ``inverse_transform``, such as PCA,
            work as well.

        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features) or \
                (n_samples, ...)
            Rows whose codes determine the range of each component. A data frame with named columns
            is treated as a table: each feature is scaled by its lowest and its highest value.

        components : sequence of int, default=None
            Indices of the components, counted from 0. None means those with the largest effect,
            which is the distance between the reconstructions at both ends of the range of the
            component (for tables, in units of the ranges of the features).

        n_components : int, default=5
            Largest number of components if `components` is None.

        n_steps : int, default=9
            Number of reconstructions of each component, both ends included.

        percentiles : tuple of float, default=(0.05, 0.95)
            The lower and upper percentile, in [0, 1], of the component over the rows of `X`: its
            values are equally spaced between them. Components that are zero in most rows need
            (0, 1).

        start : "mean" or int, default="mean"
            The code that fixes the other components: the mean of all codes, or the code of the row
            at this position in `X`; negative positions count from the end.

        sample_shape : tuple of int, default=None
            Shape of one sample, as in the class. None means the first of these shapes that has more
            than one axis: that of the samples in `X`, in the training rows of `estimator`, or the
            ``input_shape`` of its architecture. Otherwise rows with a square number of features, at
            least 64, are square images. ``(n_features,)`` draws lines.

        fig : matplotlib.figure.Figure or matplotlib.figure.SubFigure, default=None
            An empty figure to draw on; None creates one.

        cmap : str or matplotlib.colors.Colormap, default=None
            As in :meth:`plot`.

        Returns
        -------
        LatentTraversalDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `estimator` has no ``transform`` or no ``inverse_transform``, or if `fig` is not a
            figure.

        NotFittedError
            If `estimator` is not fitted.

        ValueError
            If a parameter is invalid.

        ImportError
            If matplotlib is not installed.
        """
        step = rebuilding_step(estimator)
        estimator, X = step.estimator, step.rows(X)
        check_methods(estimator, ("transform", "inverse_transform"))
        check_size(n_components, "n_components")
        _check_steps(n_steps)
        percentiles, place = _check_percentiles(percentiles), _check_start(start, n_rows(X))
        codes = as_matrix(estimator.transform(X))
        origin = codes.mean(axis=0) if place is None else codes[place]
        ends = np.quantile(codes, percentiles, axis=0)
        chosen = None if components is None else _check_components(components, codes.shape[1])
        sample_shape = shape_of_samples(sample_shape, estimator, X)
        names = _feature_names(X) if image_axes(sample_shape) is None else None
        limits = _limits(X, sample_shape, names)
        if chosen is None:
            unit = 1.0 if limits is None or names is None else ranges(limits)
            chosen = _most_effective(estimator, origin, ends, unit)[:n_components]
        low, high = ends[:, chosen]
        values = np.linspace(low, high, n_steps, axis=1)
        reconstructions = _decoded(estimator, origin, chosen, values)
        display = cls(
            reconstructions,
            values,
            chosen,
            sample_shape=sample_shape,
            feature_names=names,
            limits=limits,
        )
        return display.plot(fig, cmap=cmap)

    def plot(self, fig: FigureBase | None = None, *, cmap: Any = None) -> Self:
        """Draw images or lines for each component.

        Parameters
        ----------
        fig : matplotlib.figure.Figure or matplotlib.figure.SubFigure, default=None
            An empty figure to draw on; None creates one.

        cmap : str or matplotlib.colors.Colormap, default=None
            Colour map of grey images, or of lines from the lowest to the highest
            value of the component. None means "gray" for images and "viridis" for lines.

        Returns
        -------
        LatentTraversalDisplay
            The display itself.

        Raises
        ------
        TypeError
            If `fig` is not a figure.

        ValueError
            If `reconstructions`, `values` and `components` do not have the same length, or if
            `sample_shape`, `limits` or `feature_names` does not match the number of features.

        ImportError
            If matplotlib is not installed.
        """
        rows, values = self._content()
        shape = (rows.shape[2],) if self.sample_shape is None else tuple(self.sample_shape)
        checked_shape(shape, rows.shape[2])
        is_image = image_axes(shape) is not None
        limits = self._checked_limits(rows, is_image)
        figure = figure_for(fig, _size(rows, shape, self._labels()))
        self.axes_ = figure.subplots(len(rows), 1, squeeze=False, sharex=not is_image)[:, 0]
        self.images_, self.lines_ = [], []
        for ax, row, steps, component in zip(
            self.axes_, rows, values, self.components, strict=True
        ):
            if is_image:
                assert limits is not None  # images always have some
                images = as_images(row, shape)
                self.images_.append(draw_images(ax, images, limits, cmap or "gray"))
                write_values(ax, steps, images)
                ax.set_ylabel(f"component {component}", rotation=0, ha="right", va="center")
            else:
                row = row if limits is None else (row - limits[0]) / ranges(limits)
                row = channels_in_turn(row, shape)
                self.lines_.append(draw_lines(ax, row, steps, cmap or "viridis"))
                ax.set_ylabel(f"component {component}")
        if not is_image:
            self._format_axes(limits, shape)
        self.figure_ = figure
        return self

    def _content(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the validated reconstructions and values."""
        rows = np.asarray(self.reconstructions, dtype=np.float64)
        values = np.asarray(self.values, dtype=np.float64)
        if rows.ndim != 3 or not rows.size:
            raise ValueError(
                f"reconstructions must be of shape (n_components, n_steps, n_features), got "
                f"{rows.shape}."
            )
        if values.shape != rows.shape[:2]:
            raise ValueError(
                f"values must be of shape {rows.shape[:2]}, one for each reconstruction, got "
                f"{values.shape}."
            )
        if len(self.components) != len(rows):
            raise ValueError(
                f"components must have one index for each of {len(rows)} reconstructions, got "
                f"{len(self.components)}."
            )
        names = self.feature_names
        if names is not None and len(names) != rows.shape[2]:
            raise ValueError(
                f"feature_names must have one name for each of {rows.shape[2]} features, got "
                f"{len(names)}."
            )
        return rows, values

    def _checked_limits(self, rows: np.ndarray, is_image: bool) -> np.ndarray | None:
        """Return the limits of images, of shape (2,), or of lines, (2, n_features) or None."""
        if self.limits is None:
            return np.array([rows.min(), rows.max()]) if is_image else None
        limits = np.asarray(self.limits, dtype=np.float64)
        expected = (2,) if is_image else (2, rows.shape[2])
        if limits.shape != expected:
            kind = "images" if is_image else "lines"
            raise ValueError(f"limits of {kind} must be of shape {expected}, got {limits.shape}.")
        return limits

    def _labels(self) -> list[str]:
        """Return the names of the features, or none if there are too many to be read."""
        names = [] if self.feature_names is None else list(self.feature_names)
        return [format_name(name) for name in names] if len(names) <= _MOST_NAMES else []

    def _format_axes(self, limits: np.ndarray | None, shape: Sequence[int]) -> None:
        """Label the axes of lines."""
        labels, last = self._labels(), self.axes_[-1]
        if labels:
            slope = {"rotation": 45 if len(labels) <= 15 else 90, "ha": "right"}
            slope.update(rotation_mode="anchor", va="center" if len(labels) > 15 else "top")
            last.set_xticks(
                range(len(labels)), labels, **(slope if _labels_overlap(labels) else {})
            )
        elif n_channels(shape) > 1:
            places = (np.arange(shape[1]) + 0.5) * (shape[0] + 1) - 1
            last.set_xticks(places, [f"channel {channel}" for channel in range(shape[1])])
        else:
            last.set_xlabel("feature")
        for ax in self.axes_:
            ax.spines[["top", "right"]].set_visible(False)
            if n_channels(shape) > 1:
                ax.tick_params(axis="x", length=0)
            if limits is not None:
                ax.set_yticks([0, 1], labels=["min", "max"])
                ax.grid(color="0.9")


def _decoded(
    estimator: Any, origin: np.ndarray, components: Iterable[int], values: np.ndarray
) -> np.ndarray:
    """Return reconstructions along components, of shape (n_components, n_steps, n_features)."""
    codes = np.tile(origin, (*values.shape, 1))
    for way, component, steps in zip(codes, components, values, strict=True):
        way[:, component] = steps
    rows = as_matrix(estimator.inverse_transform(codes.reshape(-1, len(origin))))
    return rows.reshape(*values.shape, -1)


def _most_effective(
    estimator: Any, origin: np.ndarray, ends: np.ndarray, unit: float | np.ndarray
) -> np.ndarray:
    """Return all components in descending order of their effect on the reconstruction."""
    low, high = _decoded(estimator, origin, range(len(origin)), ends.T).swapaxes(0, 1)
    return np.argsort(-np.square((high - low) / unit).sum(axis=1), kind="stable")


def _feature_names(X: Any) -> list[str] | None:
    """Return the names of the columns of a table, or None if it has none."""
    columns = getattr(X, "columns", None)
    if columns is None or not all(isinstance(name, str) for name in columns):
        return None
    return list(columns)


def _limits(X: Any, shape: Sequence[int], names: list[str] | None) -> np.ndarray | None:
    """Return the lowest and highest value of images or of each column of a table, else None.

    The limits of colour images are 0 and 1, or 0 and 255, if the rows lie within them.
    """
    if names is not None:
        rows = as_matrix(X)
        return np.stack([rows.min(axis=0), rows.max(axis=0)])
    if image_axes(shape) is None:
        return None
    rows = as_matrix(X)
    low, high = rows.min(), rows.max()
    if len(shape) == 3 and 3 in (shape[0], shape[2]) and low >= 0 and high <= 255:
        is_float = np.issubdtype(getattr(X, "dtype", float), np.floating)
        low, high = 0.0, 1.0 if high <= 1 and is_float else 255.0
    return np.array([low, high])


def _size(rows: np.ndarray, shape: Sequence[int], labels: list[str]) -> tuple[float, float]:
    """Return the width and the height of a figure, in inches."""
    n_components, n_steps, n_features = rows.shape
    axes = image_axes(shape)
    if axes is None:
        below = 0.3 + 0.055 * max(map(len, labels)) if _labels_overlap(labels) else 0.5
        return (6.4 if n_features <= 15 else 8.0), below + 1.4 * n_components
    proportion = shape[axes[0]] / shape[axes[1]]
    width = min(0.8, 9 / n_steps, 1.2 / proportion)
    height = width * proportion
    return 1.2 + n_steps * width, 0.1 + (height + 0.22) * n_components


def _labels_overlap(labels: list[str]) -> bool:
    """Return whether labels side by side would overlap."""
    return len(labels) * max(map(len, labels), default=0) > 50


def _check_steps(n_steps: Any) -> None:
    check_size(n_steps, "n_steps", low=2)


def _check_percentiles(percentiles: Any) -> tuple[float, float]:
    limits = tuple(as_list(percentiles))
    numbers = len(limits) == 2 and all(isinstance(limit, Real) for limit in limits)
    if not numbers or not 0 <= limits[0] < limits[1] <= 1:
        raise ValueError(
            f"percentiles must be two numbers, 0 <= low < high <= 1, got {percentiles!r}."
        )
    return limits


def _check_start(start: Any, n: int) -> int | None:
    """Return the position of the row that fixes the other components, None for the mean."""
    if isinstance(start, str) and start == "mean":
        return None
    if not is_size(start, -n, n - 1):
        raise ValueError(
            f"start must be 'mean' or the position of a row in X, an integer from {-n} to "
            f"{n - 1}, got {start!r}."
        )
    return int(start)


def _check_components(components: Any, size: int) -> np.ndarray:
    """Return the components as an array of shape (n_components,)."""
    chosen = as_list(components)
    whole = all(isinstance(one, Integral) and not isinstance(one, bool) for one in chosen)
    if not chosen or not whole or min(chosen) < 0 or max(chosen) >= size:
        raise ValueError(
            f"components must be a sequence of integers from 0 to {size - 1}, the components of "
            f"the code, got {components!r}."
        )
    return np.array(chosen, dtype=int)
