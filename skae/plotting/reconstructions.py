"""Samples and their reconstructions, drawn as images or as time series."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skae._data.matrix import MatrixLike
from skae._utils.checks import check_size
from skae._utils.random_state import RandomStateLike, own_random_state
from skae.plotting.canvas import figure_for
from skae.plotting.checks import (
    check_methods,
    check_numbers,
    n_rows,
)
from skae.plotting.matrices import as_array
from skae.plotting.pipelines import rebuilding_step
from skae.plotting.samples import MOST_CHANNELS, as_images, image_axes, shape_of_samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

# Largest number of panels of series in a row.
_MOST_COLUMNS = 4


class ReconstructionsDisplay:
    """Samples and their reconstructions, as a grid of images or as lines.

    Images are drawn in a grid: originals in the first row, reconstructions in the last. All grey
    images have the same scale, from the lowest to the highest value of the originals. Colour images
    are clipped to [0, 1] or [0, 255] if the originals lie within these limits, and otherwise to the
    range of the originals.

    Time series have one panel per sample: a broad pale line for the original and a thin line for
    the reconstruction, with one colour per channel. A dotted line shows the corrupted input.

    It is recommended to use :meth:`from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    originals : array-like of shape (n_samples, ...)
        Images of shape (height, width), (1, height, width), (3, height, width),
        (height, width, 1) or (height, width, 3), or time series of shape (n_steps,) or
        (n_steps, n_channels).

    reconstructions : array-like of shape (n_samples, ...)
        Reconstructions of the samples.

    corrupted : array-like of shape (n_samples, ...), default=None
        Input of the estimator, if it is not the originals.

    series : bool, default=False
        Whether samples with two axes are time series. Samples with one axis always are.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes
        Axes of shape (2, n_samples) for images, (3, n_samples) for images with `corrupted`, and (1,
        n_samples) for time series.

    figure_ : matplotlib.figure.Figure
        The figure that contains the axes.

    See Also
    --------
    TrainingCurveDisplay : Losses during training.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.plotting import ReconstructionsDisplay
    >>> X = load_digits().data
    >>> ae = AutoencoderTransformer(n_components=8, max_epochs=5, random_state=0).fit(X[:1200])
    >>> display = ReconstructionsDisplay.from_estimator(ae, X[1200:], random_state=0)
    >>> display.axes_.shape
    (2, 8)
    """

    def __init__(
        self,
        originals: ArrayLike,
        reconstructions: ArrayLike,
        corrupted: ArrayLike | None = None,
        series: bool = False,
    ):
        self.originals = originals
        self.reconstructions = reconstructions
        self.corrupted = corrupted
        self.series = series

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        *,
        n_samples: int = 8,
        corrupted: MatrixLike | None = None,
        random_state: RandomStateLike = None,
        sample_shape: Sequence[int] | None = None,
        series: bool | None = None,
        fig: FigureBase | None = None,
        **artist_kw: Any,
    ) -> Self:
        """Draw samples and their reconstructions.

        Parameters
        ----------
        estimator : AutoencoderTransformer or AutoencoderOutlierDetector
            A fitted estimator with ``reconstruct``, or with ``transform`` and
            ``inverse_transform``, such as :class:`sklearn.decomposition.PCA`; or a pipeline. If its
            steps cannot all be inverted, samples are drawn as its last step receives them.

        X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features) or \
                (n_samples, ...)
            Samples, in any form that `estimator` accepts.

        n_samples : int, default=8
            Number of samples to draw, chosen at random and shown in the order of `X`. If `X` has
            fewer, all are shown.

        corrupted : array-like, sparse matrix or data frame of as many samples, default=None
            Input of the estimator in place of `X`.

        random_state : int, RandomState instance or None, default=None
            Determines which samples are drawn.

        sample_shape : tuple of int, default=None
            Shape of one sample, ``(n_features,)`` for a time series. None means the first of these
            shapes that has more than one axis: that of the samples in `X`, in the training rows of
            `estimator`, or the ``input_shape`` of its architecture. Otherwise rows with a square
            number of features, at least 64, are square images, and other rows are time series.

        series : bool, default=None
            Whether samples with two axes are time series. With None, the ``channel_axis`` of the
            architecture of `estimator` decides if its ``input_shape`` has two axes; otherwise,
            samples with at most three columns are time series.

        fig : matplotlib.figure.Figure, default=None
            Empty figure to draw on; None creates a figure.

        **artist_kw : dict
            As in :meth:`plot`.

        Returns
        -------
        ReconstructionsDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If `estimator` has neither ``reconstruct`` nor both ``transform`` and
            ``inverse_transform``.

        NotFittedError
            If `estimator` is not fitted.

        ValueError
            If `n_samples` is not a positive integer, if `corrupted` does not have as many samples
            as `X`, or if the samples do not have the shape of images or time series.

        ImportError
            If matplotlib is not installed.
        """
        step = rebuilding_step(estimator)
        estimator = step.estimator
        reconstruct = _reconstruct_of(estimator)
        rows = _sampled_positions(X, check_size(n_samples, "n_samples"), random_state)
        originals = shown = step.rows(_rows(X, rows))
        if corrupted is not None:
            _check_as_many(corrupted, X)
            shown = step.rows(_rows(corrupted, rows))
        shape = shape_of_samples(sample_shape, estimator, originals)
        is_series, channel_axis = _layout(estimator, shape, series)
        samples = {
            "originals": _samples(originals, shape, "X"),
            "reconstructions": _samples(reconstruct(shown), shape, "reconstructions"),
        }
        if corrupted is not None:
            samples["corrupted"] = _samples(shown, shape, "corrupted")
        if is_series and channel_axis == 0:
            samples = {name: np.moveaxis(values, 1, 2) for name, values in samples.items()}
        return cls(**samples, series=is_series).plot(fig, **artist_kw)

    def plot(self, fig: FigureBase | None = None, **artist_kw: Any) -> Self:
        """Draw the samples.

        Parameters
        ----------
        fig : matplotlib.figure.Figure, default=None
            Empty figure to draw on; None creates a figure.

        **artist_kw : dict
            Passed to :meth:`matplotlib.axes.Axes.imshow` for each image, or to
            :meth:`matplotlib.axes.Axes.plot` for the lines of each time series.

        Returns
        -------
        ReconstructionsDisplay
            The display itself.

        Raises
        ------
        TypeError
            If `fig` is neither None nor a figure.

        ValueError
            If the samples are not finite numbers, do not all have the same shape, or do not have
            the shape of images or time series.

        ImportError
            If matplotlib is not installed.
        """
        samples = self._checked_samples()
        originals = samples["original"]
        if originals.ndim == 2 or (originals.ndim == 3 and self.series):
            self.figure_, self.axes_ = _draw_series(fig, samples, artist_kw)
        else:
            self.figure_, self.axes_ = _draw_images(fig, samples, artist_kw)
        return self

    def _checked_samples(self) -> dict[str, np.ndarray]:
        """Return the samples by their labels, from top to bottom."""
        named = {"originals": self.originals}
        if self.corrupted is not None:
            named["corrupted"] = self.corrupted
        named["reconstructions"] = self.reconstructions
        samples = {name: np.asarray(values) for name, values in named.items()}
        for name, values in samples.items():
            check_numbers(values.ravel(), name)
            if values.shape != samples["originals"].shape or values.ndim < 2:
                raise ValueError(
                    f"{name} must be of shape (n_samples, ...), the same as originals, got "
                    f"{values.shape} and originals of shape {samples['originals'].shape}."
                )
        labels = {
            "originals": "original",
            "corrupted": "corrupted input",
            "reconstructions": "reconstruction",
        }
        return {labels[name]: values for name, values in samples.items()}


def _reconstruct_of(estimator: Any) -> Callable[[Any], Any]:
    """Return the function of a fitted estimator that reconstructs rows."""
    if hasattr(estimator, "reconstruct"):
        check_is_fitted(estimator)
        return estimator.reconstruct
    check_methods(
        estimator,
        ("transform", "inverse_transform"),
        "reconstruct, or transform and inverse_transform",
    )
    return lambda X: estimator.inverse_transform(estimator.transform(X))


def _sampled_positions(X: Any, n_samples: int, random_state: RandomStateLike) -> np.ndarray:
    """Return the positions of randomly chosen samples, in ascending order."""
    n = n_rows(X)
    if n <= n_samples:
        return np.arange(n)
    return np.sort(own_random_state(random_state).choice(n, n_samples, replace=False))


def _rows(X: Any, rows: np.ndarray) -> Any:
    """Return some rows of any container."""
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    if sp.issparse(X):
        return X.tocsr()[rows]
    if hasattr(X, "to_batches"):  # a table of pyarrow
        return X.take(rows)
    return X[rows] if hasattr(X, "shape") else [X[row] for row in rows]


def _check_as_many(corrupted: Any, X: Any) -> None:
    if n_rows(corrupted, "corrupted") != n_rows(X):
        raise ValueError(
            f"corrupted must have as many samples as X, got {n_rows(corrupted)} and {n_rows(X)}."
        )


def _samples(rows: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Return rows of any container as an array of shape (n_samples, *shape)."""
    values = as_array(rows)
    if values.dtype.kind == "c":
        raise ValueError(f"{name} must contain real numbers to be drawn, got {values.dtype}.")
    if values.dtype.kind not in "biuf":
        try:
            values = values.astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{name} must contain numbers to be drawn, but {error}.") from error
    if math.prod(values.shape[1:]) != math.prod(shape):
        raise ValueError(
            f"{name} must contain samples of {math.prod(shape)} values, for the shape {shape}, got "
            f"an array of shape {values.shape}."
        )
    return values.reshape(len(values), *shape)


def _layout(estimator: Any, shape: tuple[int, ...], series: Any) -> tuple[bool, int | None]:
    """Return whether samples are time series, and the axis of their channels."""
    if series is not None and not isinstance(series, bool):
        raise ValueError(f"series must be True, False or None, got {series!r}.")
    if len(shape) != 2:
        return len(shape) == 1, None
    channel_axis, automatic = -1, shape[1] <= MOST_CHANNELS
    architecture: Any = getattr(estimator, "architecture_", None)
    knows = getattr(architecture, "input_shape", None) == shape
    if knows and architecture.channel_axis != "auto":
        channel_axis = architecture.channel_axis
        automatic = channel_axis is not None
    return automatic if series is None else series, channel_axis


def _draw_images(
    fig: FigureBase | None, samples: dict[str, np.ndarray], imshow_kw: dict
) -> tuple[FigureBase, np.ndarray]:
    """Draw originals, corrupted inputs and reconstructions as rows of images."""
    images = {label: _images(values) for label, values in samples.items()}
    low, high = _range(images["original"])
    n, height, width = images["original"].shape[:3]
    panel = np.clip(0.95 * height / width, 0.3, 3.0)
    fig = figure_for(fig, (max(2.0, 0.95 * n), len(images) * (panel + 0.3)))
    axes = fig.subplots(len(images), n, squeeze=False)
    for row, (label, values) in zip(axes, images.items(), strict=True):
        row[0].set_title(label, loc="left", fontsize="medium")
        for ax, image in zip(row, values, strict=True):
            if image.ndim == 3:
                image = np.clip((image - low) / (high - low or 1), 0, 1)
            ax.imshow(image, **{"cmap": "gray", "vmin": low, "vmax": high, **imshow_kw})
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set(color="0.7", linewidth=0.6)
    return fig, axes


def _images(samples: np.ndarray) -> np.ndarray:
    """Return images of shape (n, height, width), or (n, height, width, 3) with colours."""
    shape = samples.shape[1:]
    if len(shape) == 2:
        return samples
    if image_axes(shape) is None:
        raise ValueError(
            f"samples must be images of shape (height, width), with 1 or 3 channels before or "
            f"after, or time series of shape (n_steps,) or (n_steps, n_channels), got shape "
            f"{shape}: give another sample_shape."
        )
    return as_images(samples, shape)


def _range(originals: np.ndarray) -> tuple[float, float]:
    """Return the values of the darkest and the brightest colour."""
    low, high = float(originals.min()), float(originals.max())
    if originals.ndim == 3 or low < 0 or high > 255:
        return low, high
    return 0.0, 1.0 if high <= 1 and originals.dtype.kind not in "iu" else 255.0


def _draw_series(
    fig: FigureBase | None, samples: dict[str, np.ndarray], line_kw: dict
) -> tuple[FigureBase, np.ndarray]:
    """Draw each sample in a panel; return the figure and the panels."""
    n = len(samples["original"])
    n_columns = min(n, _MOST_COLUMNS)
    n_lines = math.ceil(n / n_columns)
    fig = figure_for(fig, (0.8 + 2.3 * n_columns, 0.8 + 1.5 * n_lines))
    grid = fig.subplots(n_lines, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    axes, unused = grid[:n], grid[n:]
    for ax in unused:
        ax.remove()
    for ax in axes[-n_columns:]:
        ax.tick_params(labelbottom=True)
    for place, ax in enumerate(axes):
        _draw_sample(ax, {label: values[place] for label, values in samples.items()}, line_kw)
        ax.spines[["top", "right"]].set_visible(False)
    _add_legend(fig, axes[0])
    return fig, axes[None, :]


def _draw_sample(ax: Axes, lines: dict[str, np.ndarray], line_kw: dict) -> None:
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    styles: dict[str, dict[str, Any]] = {
        "original": {"linewidth": 3.5, "alpha": 0.35},
        "corrupted input": {"linewidth": 1.2, "linestyle": ":", "color": "0.4"},
        "reconstruction": {"linewidth": 1.2},
    }
    for label, values in lines.items():
        for channel, line in enumerate(values.reshape(len(values), -1).T):
            name = label if channel == 0 else None
            style = {"color": f"C{channel}", "label": name, **styles[label]}
            ax.plot(line, **{**style, **normalize_kwargs(line_kw, Line2D)})


def _add_legend(fig: Any, ax: Axes) -> None:
    """Add a legend of the lines above all panels."""
    handles, labels = ax.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
