"""Random rectangles of an occlusion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, TypeGuard

import torch


@dataclass(frozen=True)
class Grid:
    """The axes of a sample: ``n_before x height x width x n_after`` entries.

    Channels come first or last; a series has a height of 1.
    """

    n_before: int
    height: int
    width: int
    n_after: int

    is_series: bool

    @classmethod
    def of(cls, shape: tuple[int, ...], channel_axis: int | None) -> Grid:
        """Return the grid of an image or a series with this axis of channels."""
        n_channels, space = 1, shape
        if channel_axis is not None:
            n_channels = shape[channel_axis]
            space = shape[1:] if channel_axis == 0 else shape[:-1]
        height, width = (1, *space)[-2:]
        before, after = (1, n_channels) if channel_axis == -1 else (n_channels, 1)
        return cls(before, height, width, after, is_series=len(space) == 1)

    def __str__(self) -> str:
        """Return the size of the grid for error messages."""
        return f"{self.width} steps" if self.is_series else f"{self.height} x {self.width} pixels"

    def draw(
        self, n_samples: int, sides: tuple[int, int], generator: torch.Generator
    ) -> torch.Tensor:
        """Draw a rectangle for each sample.

        Parameters
        ----------
        n_samples : int
            Number of samples.

        sides : tuple of int
            Height and width of the rectangles.

        generator : torch.Generator
            Source of randomness.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features), dtype bool
            True inside of the rectangles.
        """
        rows = _spans(n_samples, sides[0], self.height, generator)
        columns = _spans(n_samples, sides[1], self.width, generator)
        inside = rows[:, None, :, None, None] & columns[:, None, None, :, None]
        inside = inside.expand(-1, self.n_before, -1, -1, self.n_after)
        return inside.reshape(n_samples, -1)


def check_shape(given: Any, shown: tuple[int, ...], layout: str | None) -> None:
    """Refuse a shape that is not that of images, or of series with a `layout`.

    Parameters
    ----------
    given : None or tuple of int
        Shape given by the user; None means `shown`.

    shown : tuple of int
        Shape of one sample as the architecture receives it, or as `X` holds it if it is flattened.

    layout : None or "span"
        Layout given by the user; "span" for series.

    Raises
    ------
    ValueError
        If the shapes or the layout are incompatible.
    """
    if given is None and layout is None and len(shown) == 1:
        raise ValueError(
            f"sample_shape of Occlusion must be given where the architecture receives flat rows, "
            f"here of {shown[0]} values, got None: give sample_shape=(height, width) for images "
            f"or layout='span' for series."
        )
    shape, n_axes = shown if given is None else given, 3 if layout is None else 2
    if not _is_shape(shape) or len(shape) > n_axes:
        raise ValueError(
            f"Occlusion with layout={layout!r} takes a sample_shape of 1 to {n_axes} integers, "
            f"got {shape!r}: images take sample_shape=(height, width), series layout='span'."
        )
    if math.prod(shape) != math.prod(shown):
        raise ValueError(
            f"sample_shape={shape!r} of Occlusion has {math.prod(shape)} values, but X has "
            f"{math.prod(shown)} features: give a shape whose product is {math.prod(shown)}."
        )


def _is_shape(shape: object) -> TypeGuard[Sequence[int]]:
    return (
        isinstance(shape, tuple | list)
        and len(shape) > 0
        and all(isinstance(side, Integral) and int(side) >= 1 for side in shape)
    )


def _spans(n_samples: int, size: int, side: int, generator: torch.Generator) -> torch.Tensor:
    """Draw a uniformly placed interval for each sample; a mask of shape (n_samples, side)."""
    device = generator.device
    start = torch.randint(side - size + 1, (n_samples, 1), generator=generator, device=device)
    place = torch.arange(side, device=device)
    return (place >= start) & (place < start + size)
