"""Occlusion of a part of each image or time series."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import torch

from skae._utils.channel_axis import UnclearChannelsError, channel_axis_of, is_rather_last
from skae._utils.checks import is_auto, is_integer, is_number
from skae.corruptions.corruption import Corruption
from skae.corruptions.entries import check_fill, fill_values
from skae.corruptions.features import Features
from skae.corruptions.rectangles import Grid, check_shape


class Occlusion(Corruption):
    r"""Hide one rectangle of each image, or one interval of each time series.

    Described in [1]_.

    .. math:: \tilde{x}_j = f_j \text{ if } j \in R, \text{ else } x_j,

    with the `fill` :math:`f` and a rectangle `R` that is drawn for each row, uniformly from all
    positions inside the image. The same rectangle is hidden in all channels.

    Parameters
    ----------
    size : float, int or pair of them, default=0.35
        Sides of the rectangle: a float is a fraction of the side of the image, in (0, 1]; an int
        is a number of pixels or time steps. So 1.0 is the whole side and 1 is one pixel. A pair
        gives height and width.

    fill : "auto", "mean" or float, default="auto"
        Value of hidden entries: the mean of the feature over the training rows, or a number in
        units of `X`. "auto" is "mean", unless all features have the same bounds, as pixels from 0
        to 255: then each rectangle is filled with the lower bound, the means or the upper bound,
        at random.

    sample_shape : None or tuple of int, default=None
        Shape of one sample, if `X` holds flat rows and the architecture has no `input_shape`:
        (height, width), (n_channels, height, width) or (height, width, n_channels) for images,
        (n_steps,) for series. None means the shape of the samples of an `X` with more than two
        axes, or the `input_shape` of the architecture; `channel_axis` of the architecture, or else
        the rule of its "auto", distinguishes images from series.

    layout : None or "span", default=None
        "span" means that samples of `sample_shape` are series, (n_steps,) or
        (n_steps, n_channels). With None, a `sample_shape` with two axes is that of an image.

    References
    ----------
    .. [1] D. Pathak, P. Krähenbühl, J. Donahue, T. Darrell and A. A. Efros, "Context encoders:
       feature learning by inpainting", CVPR 2016.
    """

    def __init__(
        self,
        size: float | tuple[float, float] = 0.35,
        fill: float | str = "auto",
        sample_shape: tuple[int, ...] | None = None,
        layout: str | None = None,
    ):
        self.size = size
        self.fill = fill
        self.sample_shape = sample_shape
        self.layout = layout

    def check(self, sample_shape: tuple[int, ...], channel_axis: int | str | None = None) -> None:
        """Refuse parameters out of range, and samples that are neither images nor series."""
        check_fill(self.fill, "Occlusion")
        if not (self.layout is None or (isinstance(self.layout, str) and self.layout == "span")):
            raise ValueError(f"layout of Occlusion must be None or 'span', got {self.layout!r}.")
        check_shape(self.sample_shape, sample_shape, self.layout)
        self._check_size(self._grid(sample_shape, channel_axis))

    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return rows with a hidden rectangle."""
        grid = self._grid(features.sample_shape, features.channel_axis)
        hidden = grid.draw(len(X), self._sides(grid), generator)
        return torch.where(hidden, fill_values(self.fill, features, X, generator), X)

    def _grid(self, shown: tuple[int, ...], channel_axis: int | str | None) -> Grid:
        if self.sample_shape is not None:
            shape: tuple[int, ...] = tuple(self.sample_shape)
            channel_axis = -1 if is_rather_last(shape) else None
        elif is_auto(channel_axis) and self.layout is None:
            shape, channel_axis = shown, _found_axis(shown)
        else:
            shape = shown
        if isinstance(channel_axis, int):
            return Grid.of(shape, channel_axis)
        if self.layout == "span":
            return Grid.of(shape, -1 if len(shape) == 2 else None)
        return Grid.of(shape, 0 if len(shape) == 3 else None)

    def _sides(self, grid: Grid) -> tuple[int, int]:
        """Return height and width of the rectangle; the height is 1 for series."""
        if grid.is_series:
            return 1, _n_pixels(self.size, grid.width)
        height, width = self.size if isinstance(self.size, tuple | list) else [self.size] * 2
        return _n_pixels(height, grid.height), _n_pixels(width, grid.width)

    def _check_size(self, grid: Grid) -> None:
        is_pair = isinstance(self.size, tuple | list) and len(self.size) == 2
        sizes: Any = self.size if is_pair and not grid.is_series else [self.size]
        if not all(_is_size(size) for size in sizes):
            raise ValueError(
                f"size of Occlusion must be a fraction > 0 and <= 1.0, an integer >= 1, or a pair "
                f"of them for images, got {self.size!r} for samples of {grid}."
            )
        height, width = self._sides(grid)
        if height > grid.height or width > grid.width:
            raise ValueError(
                f"size={self.size!r} of Occlusion is larger than a side of samples of {grid}: "
                f"give a smaller size, or layout='span' for series."
            )


def _found_axis(shape: tuple[int, ...]) -> int | None:
    """Return the axis of the channels of samples with several axes in `X`."""
    try:
        return channel_axis_of(shape)
    except UnclearChannelsError as readings:
        raise ValueError(
            f"Occlusion cannot tell which axis of samples of shape {shape} holds the channels. A "
            f"sample may be {readings}: give Occlusion(sample_shape={shape}) for images, with the "
            f"channels first if there are any, or layout='span' for series, (n_steps, n_channels)."
        ) from None


def _is_size(size: Any) -> bool:
    if isinstance(size, Integral):
        return is_integer(size) and size >= 1
    return is_number(size) and 0 < size <= 1


def _n_pixels(size: Any, side: int) -> int:
    """Return a size in pixels, at least 1."""
    return int(size) if isinstance(size, Integral) else max(1, round(size * side))
