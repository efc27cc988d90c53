"""Figure of the image search: precision of the codes, and retrieved images."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

PICTURE = Path(__file__).parent.parent / "docs" / "_static" / "image_search.png"
N_QUERIES = 8
BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#999999"


def draw(search, found: np.ndarray, precision: pd.Series) -> None:
    """Draw the precision of each method, and the first queries with the retrieved images.

    Parameters
    ----------
    search : Search
        Images and labels.

    found : ndarray of shape (n_queries, n_found)
        Rows of the gallery.

    precision : Series
        Precision by the name of the method.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(12, 5), layout="constrained", width_ratios=(1, 1.25)
    )
    _bars(left, precision[~precision.index.str.endswith("averaged")])
    _tiles(right, search, found)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def _bars(ax, precision: pd.Series) -> None:
    """Draw a point for each method, since a bar from zero would hide the small differences."""
    for place, (method, value) in enumerate(precision.items()):
        colour = BLUE if "skae" in method else ORANGE if "PCA" in method else GREY
        ax.hlines(place, 0.78, value, color=colour, linewidth=2)
        ax.plot(value, place, "o", color=colour, markersize=7)
        ax.text(value + 0.002, place, f"{value:.3f}", va="center")
    ax.set_yticks(range(len(precision)), precision.index)
    ax.invert_yaxis()
    ax.set_xlim(0.78, precision.max() + 0.012)
    ax.set_title("precision at 10, cosine")
    ax.spines[["top", "right"]].set_visible(False)


def _tiles(ax, search, found: np.ndarray) -> None:
    """Draw the first queries with their retrieved images; images of another class are framed."""
    rows = []
    for query in range(N_QUERIES):
        wrong = search.gallery_labels[found[query]] != search.query_labels[query]
        tiles = [_tile(search.queries[query])]
        tiles.append(np.ones((32, 12, 3)))
        images = search.gallery[found[query]]
        tiles += [_tile(image, is_wrong) for image, is_wrong in zip(images, wrong, strict=True)]
        rows.append(np.hstack(tiles))
    ax.imshow(np.vstack(rows), interpolation="nearest")
    ax.set_xticks([16, 44 + 160], ["query", "the ten nearest, those of another class framed"])
    ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def _tile(image: np.ndarray, framed: bool = False) -> np.ndarray:
    """Return an image in colour, with a border of two pixels."""
    inside = np.repeat(1 - image.reshape(28, 28, 1), 3, axis=2)
    tile = np.ones((32, 32, 3))
    if framed:
        tile[:] = (0.84, 0.37, 0.0)
    tile[2:-2, 2:-2] = inside
    return tile
