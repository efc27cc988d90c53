"""Figure of the speed of training."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

PICTURE = Path(__file__).parent.parent / "docs" / "_static" / "speed.png"
# Colours of Okabe and Ito, which are distinguishable with any kind of colour vision.
COLOURS = {
    "skae, auto": "#0072B2",
    "skae, auto, epochs": "#56B4E9",
    "plain torch loop": "#E69F00",
    "PyOD AutoEncoder": "#009E73",
    "pythae AE": "#CC79A7",
    "MLPRegressor": "#999999",
}
LABELS = {"skae, auto": "skae, whole fit", "skae, auto, epochs": "skae, its epochs"}


def draw(training: pd.DataFrame, scaling: pd.DataFrame) -> None:
    """Draw the rows per second of each network, and the time per row against the size."""
    figure = plt.figure(figsize=(10, 8), layout="constrained")
    figure.get_layout_engine().set(hspace=0.06, wspace=0.04)
    grid = figure.add_gridspec(2, 2, height_ratios=(1.15, 1))
    _bars(figure.add_subplot(grid[0, :]), training)
    left = figure.add_subplot(grid[1, 0])
    _lines(left, scaling, "rows", "columns")
    _lines(figure.add_subplot(grid[1, 1], sharey=left), scaling, "columns", "rows")
    left.set_ylabel("µs per row and epoch", fontsize=11)
    left.legend(frameon=False, fontsize=11)
    figure.savefig(PICTURE, dpi=120)
    plt.close(figure)


def _bars(ax, training: pd.DataFrame) -> None:
    """Draw a group of bars for each network, with whiskers from the slowest to the fastest run."""
    networks = list(training["network"].unique())
    width = 0.8 / len(COLOURS)
    for place, network in enumerate(networks):
        lines = training[training["network"] == network].set_index("method")["rows/s"]
        methods = [method for method in COLOURS if method in lines]
        for i, method in enumerate(methods):
            speeds = lines[method]
            where = place + (i - (len(methods) - 1) / 2) * width
            label = LABELS.get(method, method) if place == 0 else None
            ax.bar(where, speeds.median, 0.92 * width, color=COLOURS[method], label=label)
            ax.vlines(where, speeds.values.min(), speeds.values.max(), color="0.2", linewidth=1)
    slowest = min(speeds.median for speeds in training["rows/s"])
    ax.set_yscale("log")
    ax.set_ylim(bottom=slowest / 3)
    names = [name.replace(" ", "\n", 1) for name in networks]
    ax.set_xticks(range(len(networks)), names)
    ax.set_ylabel("rows per second", fontsize=11)
    ax.legend(frameon=False, ncols=2, fontsize=11)
    _tidy(ax, "Training of five networks (more is better)")


def _lines(ax, scaling: pd.DataFrame, varied: str, fixed: str) -> None:
    """Draw the time per row and epoch against the number of rows or columns."""
    rows = scaling[scaling["varied"] == varied]
    for method, colour, marker in (("skae", "#0072B2", "o"), ("plain loop", "#E69F00", "s")):
        times = [spread.median for spread in rows[f"{method}, us per row and epoch"]]
        name = LABELS["skae, auto"] if method == "skae" else "plain torch loop"
        ax.plot(rows[varied], times, color=colour, marker=marker, linewidth=2, label=name)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(f"number of {varied}", fontsize=11)
    _tidy(ax, f"{rows[fixed].iloc[0]:,} {fixed}, 2 epochs (less is better)")


def _tidy(ax, title: str) -> None:
    ax.set_title(title, loc="left", fontsize=12)
    ax.tick_params(labelsize=11)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
