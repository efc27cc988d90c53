"""Reconstructions along a component: images side by side, or lines on top of each other."""

from __future__ import annotations

import numpy as np

from skae.plotting.canvas import written_number
from skae.plotting.samples import image_axes


def ranges(limits: np.ndarray):
    """Return the distances between limits, 1 where there is none."""
    distances = limits[1] - limits[0]
    return np.where(distances > 0, distances, 1.0)


def draw_images(ax, images: np.ndarray, limits: np.ndarray, cmap):
    """Draw images side by side, all on one scale, and return the artist."""
    colour = images.ndim == 4
    gap = _gap(images)
    blank = 1.0 if colour else np.nan  # nothing is drawn at NaN
    if colour:
        images = np.clip((images - limits[0]) / ranges(limits), 0, 1)
    padding = [(0, 0), (0, 0), (0, gap)] + [(0, 0)] * colour
    strip = np.hstack(np.pad(images, padding, constant_values=blank))[:, :-gap]
    artist = ax.imshow(strip, cmap=cmap, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    ax.set_anchor("W")  # rows begin below each other, where there is room for their names
    ax.spines[:].set_visible(False)
    ax.set_yticks([])
    return artist


def n_channels(shape) -> int:
    """Return the number of channels of a series."""
    return shape[1] if len(shape) == 2 and image_axes(shape) is None and shape[0] > 1 else 1


def channels_in_turn(rows: np.ndarray, shape) -> np.ndarray:
    """Return series whose channels follow one another, with a gap that no line crosses."""
    if n_channels(shape) == 1:
        return rows
    series = rows.reshape(-1, *shape).swapaxes(1, 2)
    padded = np.pad(series, ((0, 0), (0, 0), (0, 1)), constant_values=np.nan)
    return padded.reshape(len(rows), -1)[:, :-1]


def _gap(images: np.ndarray) -> int:
    """Return how many pixels stand between two images."""
    return max(1, images.shape[2] // 12)


def write_values(ax, steps: np.ndarray, images: np.ndarray) -> None:
    """Write the first, the middle and the last value of the component below its images."""
    width = images.shape[2]
    shown = _ends_and_middle(len(steps))
    places = np.array(shown) * (width + _gap(images)) + (width - 1) / 2
    ax.set_xticks(places, labels=[written_number(steps[i], 2) for i in shown])
    ax.tick_params(length=0, pad=1, labelsize="small")


def draw_lines(ax, rows: np.ndarray, steps: np.ndarray, cmap) -> list:
    """Draw a line for each value of the component and return the artists."""
    from matplotlib import colormaps

    # The end of many colour maps is too light to be seen on white.
    colours = colormaps.get_cmap(cmap)(np.linspace(0, 0.9, len(rows)))
    lines = [
        ax.plot(row, color=colour, linewidth=1.4, label=written_number(step, 2))[0]
        for row, colour, step in zip(rows, colours, steps, strict=True)
    ]
    handles = [lines[i] for i in reversed(_ends_and_middle(len(steps)))]
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    ax.margins(x=0.02)
    return lines


def _ends_and_middle(n_steps: int) -> list[int]:
    return [0, n_steps - 1] if n_steps % 2 == 0 else sorted({0, n_steps // 2, n_steps - 1})
