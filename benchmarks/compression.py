"""Benchmark of rate and distortion, compared with PCA and the same entropy coder.

SKAE_DATA=folder python benchmarks/compression.py            about half an hour on one core
SKAE_DATA=folder python benchmarks/compression.py --quick    a trial with few epochs
SKAE_DATA=folder python benchmarks/compression.py --save     also into the documentation
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from machine import machine
from sklearn.decomposition import PCA
from tables import fashion_mnist

from skae import AutoencoderTransformer
from skae.architectures import Convolutional, Dense
from skae.compression import Compressor, rate_distortion_curve
from skae.kinds import Compressive
from skae.plotting import RateDistortionDisplay

DOCS = Path(__file__).parent.parent / "docs"
RESULTS = DOCS / "benchmarks" / "compression.md"
PICTURE = DOCS / "_static" / "compression.png"

RATES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
PCA_SIZES = (16, 32, 64, 128, 256, 512)
PCA_STEPS = (0.2, 0.25, 0.3, 0.36, 0.43, 0.5, 0.6, 0.72, 0.86, 1.0, 1.2, 1.45)
# Steps of an autoencoder, relative to the step of its training.
STEPS = (0.7, 0.83, 1.0, 1.2, 1.45)
# At the automatic learning rate of 0.004, the loss of these layers with weight 1 increased in one
# epoch by as much as it had fallen in six.
DENSE = {"architecture": Dense((1024, 512)), "max_epochs": 20, "learning_rate": 0.002}
CONVOLUTIONAL = {"architecture": Convolutional(input_shape=(1, 28, 28)), "max_epochs": 8}
METHODS = {
    "dense": (DENSE, (0.8, 0.35, 0.16, 0.07)),
    "convolutional": (CONVOLUTIONAL, (0.6, 0.25, 0.1)),
}
N_COMPONENTS = 128


def pca_curves(train: np.ndarray, test: np.ndarray) -> list[tuple[object, pd.DataFrame]]:
    """Return PCA of each size, and its curve."""
    fitted = [PCA(size, random_state=0).fit(train) for size in PCA_SIZES]
    return [(pca, curve_of(pca, train, test, PCA_STEPS)) for pca in fitted]


def curve_of(transformer, train, test, steps) -> pd.DataFrame:
    """Return the rate-distortion curve of the actual bytes of all test images."""
    return rate_distortion_curve(transformer, train, test, steps=steps, data_range=1.0)


def fitted(name: str, weight: float, train: np.ndarray, quick: bool):
    """Return a fitted autoencoder and the seconds of its fit."""
    parameters = {**METHODS[name][0], **({"max_epochs": 1} if quick else {})}
    kind = Compressive(weight=weight)
    start = time.perf_counter()
    ae = AutoencoderTransformer(N_COMPONENTS, kind=kind, random_state=0, **parameters).fit(train)
    return ae, time.perf_counter() - start


def best_at(pairs: list[tuple[object, pd.DataFrame]], rate: float) -> tuple[float, object, float]:
    """Return the best interpolated PSNR at a rate, with its transformer and step."""
    best = (np.nan, None, np.nan)
    for transformer, curve in pairs:
        curve = curve.sort_values("rate")
        if curve["rate"].min() <= rate <= curve["rate"].max():
            psnr, step = (float(np.interp(rate, curve["rate"], curve[c])) for c in ("psnr", "step"))
            if not psnr <= best[0]:
                best = (psnr, transformer, step)
    return best


def table(found: dict[str, list]) -> pd.DataFrame:
    """Return one line per rate."""
    lines = {"bits per pixel": RATES}
    for name, pairs in found.items():
        psnr = [best_at(pairs, rate)[0] for rate in RATES]
        lines[f"{name}, dB"] = psnr
        if name != "PCA":
            lines[f"{name} over PCA"] = np.subtract(psnr, lines["PCA, dB"])
    return pd.DataFrame(lines)


def as_markdown(results: pd.DataFrame, seconds: dict[str, list[float]]) -> str:
    """Return the table with a description, the machine and the date."""
    header = "| " + " | ".join(results.columns) + " |"
    rows = [
        "| " + " | ".join([f"{row[0]:.2f}", *(_cell(value) for value in row[1:])]) + " |"
        for row in results.to_numpy()
    ]
    spent = "; ".join(
        f"{name}, weights {', '.join(map(str, METHODS[name][1]))}: "
        f"{', '.join(f'{value:.0f}' for value in values)} s"
        for name, values in seconds.items()
    )
    return "\n".join(
        [
            f"Fashion-MNIST, 60,000 training and 10,000 test images, one run, seed 0. {machine()}",
            "",
            header,
            "|" + "---|" * len(results.columns),
            *rows,
            "",
            f"Training took ({spent}), beside other work on the same machine.",
            "",
        ]
    )


def _cell(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.2f}"


def draw(found: dict[str, list], train: np.ndarray, test: np.ndarray) -> None:
    """Draw the curves, and eight images at three rates."""
    figure = plt.figure(figsize=(11, 5.2), layout="constrained")
    ax, gallery = figure.subplots(1, 2, width_ratios=(1, 1.25))
    looks = {
        "PCA": {"color": "C1", "linestyle": "--", "marker": ""},
        "dense": {"color": "C0", "marker": ""},
        "convolutional": {"color": "C2", "marker": "", "linestyle": ":"},
    }
    for name, pairs in found.items():
        grid = np.linspace(RATES[0], RATES[-1], 61)
        psnr = [best_at(pairs, rate)[0] for rate in grid]
        known = np.isfinite(psnr)
        label = name if name == "PCA" else f"autoencoder, {name}"
        RateDistortionDisplay(grid[known], np.array(psnr)[known], estimator_name=label).plot(
            ax, **looks[name]
        )
    ax.set_xlabel("bits per pixel")
    _draw_images(gallery, found, train, test)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def _draw_images(ax, found, train, test) -> None:
    chosen = test[[0, 1, 6, 12, 18, 23, 28, 36]]
    rows = {"original": chosen}
    for rate in (0.4, 0.2, 0.1):
        for name in ("dense", "PCA"):
            _, transformer, step = best_at(found[name], rate)
            if transformer is None:
                continue
            compressor = Compressor(transformer, step=step).fit(train)
            label = f"{'autoencoder' if name == 'dense' else name}, {rate * 784:.0f} bits"
            rows[label] = compressor.decompress(compressor.compress(chosen))
    padded = [np.pad(row.reshape(-1, 28, 28), ((0, 0), (2, 2), (1, 1))) for row in rows.values()]
    ax.imshow(np.block([list(row) for row in padded]), cmap="gray_r", vmin=0, vmax=1)
    ax.set_yticks((np.arange(len(rows)) + 0.5) * 32 - 0.5, labels=rows)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    for line in range(1, len(rows), 2):
        ax.axhline(line * 32 - 0.5, color="0.7", linewidth=0.8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one epoch, 10,000 images")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    arguments = parser.parse_args()
    data = fashion_mnist()
    if data is None:
        raise SystemExit("SKAE_DATA names no folder with fashion_mnist.npz")
    train, test = data
    if arguments.quick:
        train, test = train[:10_000], test[:2000]
    found, seconds = {"PCA": pca_curves(train, test)}, {}
    for name, (_, weights) in METHODS.items():
        found[name], seconds[name] = [], []
        for weight in weights:
            ae, spent = fitted(name, weight, train, arguments.quick)
            curve = curve_of(ae, train, test, STEPS)
            print(f"\n{name}, weight {weight}, {spent:.0f} s, epoch {ae.best_epoch_}")
            print(curve.round(4).to_string(index=False), flush=True)
            found[name].append((ae, curve))
            seconds[name].append(spent)
    results = table(found)
    print(f"\n{results.round(3).to_string(index=False)}")
    if arguments.save:
        RESULTS.write_text(as_markdown(results, seconds), encoding="utf-8")
        draw(found, train, test)


if __name__ == "__main__":
    main()
