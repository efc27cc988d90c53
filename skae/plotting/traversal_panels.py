"""Panels of latent traversals: images side by side, or lines in one plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skae.plotting.canvas import format_number
from skae.plotting.samples import image_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def ranges(limits: np.ndarray) -> np.ndarray:
    """Return the distances between the limits, 1 where they are equal."""
    distances = limits[1] - limits[0]
    return np.where(distances > 0, distances, 1.0)


def draw_images(ax: Axes, images: np.ndarray, limits: np.ndarray, cmap: Any) -> Any:
    """Draw images side by side with the same colour scale, and return the artist."""
    colour = images.ndim == 4
    gap = _gap(images)
    blank = 1.0 if colour else np.nan  # NaN is transparent
    if colour:
        images = np.clip((images - limits[0]) / ranges(limits), 0, 1)
    padding = [(0, 0), (0, 0), (0, gap)] + [(0, 0)] * colour
    strip = np.hstack(list(np.pad(images, padding, constant_values=blank)))[:, :-gap]
    artist = ax.imshow(strip, cmap=cmap, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    ax.set_anchor("W")  # align the rows at the left, beside their names
    ax.spines[:].set_visible(False)
    ax.set_yticks([])
    return artist


def n_channels(shape: Sequence[int]) -> int:
    """Return the number of channels of a series."""
    return shape[1] if len(shape) == 2 and image_axes(shape) is None and shape[0] > 1 else 1


def channels_in_turn(rows: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Return series with their channels one after the other, separated by NaN."""
    if n_channels(shape) == 1:
        return rows
    series = rows.reshape(-1, *shape).swapaxes(1, 2)
    padded = np.pad(series, ((0, 0), (0, 0), (0, 1)), constant_values=np.nan)
    return padded.reshape(len(rows), -1)[:, :-1]


def _gap(images: np.ndarray) -> int:
    """Return the number of pixels between two images."""
    return max(1, images.shape[2] // 12)


def write_values(ax: Axes, steps: np.ndarray, images: np.ndarray) -> None:
    """Label the first, the middle and the last image with the value of the component."""
    width = images.shape[2]
    shown = _ends_and_middle(len(steps))
    places = np.array(shown) * (width + _gap(images)) + (width - 1) / 2
    ax.set_xticks(places, labels=[format_number(steps[i], 2) for i in shown])
    ax.tick_params(length=0, pad=1, labelsize="small")


def draw_lines(ax: Axes, rows: np.ndarray, steps: np.ndarray, cmap: Any) -> list:
    """Draw one line per value of the component, and return the artists."""
    from matplotlib import colormaps

    # The light end of many colour maps is hard to see on a white background.
    colours = colormaps.get_cmap(cmap)(np.linspace(0, 0.9, len(rows)))
    lines = [
        ax.plot(row, color=colour, linewidth=1.4, label=format_number(step, 2))[0]
        for row, colour, step in zip(rows, colours, steps, strict=True)
    ]
    handles = [lines[i] for i in reversed(_ends_and_middle(len(steps)))]
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    ax.margins(x=0.02)
    return lines


def _ends_and_middle(n_steps: int) -> list[int]:
    return [0, n_steps - 1] if n_steps % 2 == 0 else sorted({0, n_steps // 2, n_steps - 1})
