"""Figures of samples and interpolations by a variational autoencoder fitted to Fashion-MNIST.

Run ``SKAE_DATA=folder python benchmarks/fashion_samples.py``; it writes
``docs/_static/fashion_samples.png`` and ``docs/_static/fashion_interpolation.png``.
"""

from __future__ import annotations

import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from tables import fashion_mnist, fashion_mnist_labels

from skae import AutoencoderTransformer

FOLDER = Path(__file__).parent.parent / "docs" / "_static"
ROWS, COLUMNS = 5, 10
# T-shirt to dress, trouser to coat, sandal to ankle boot, sneaker to bag.
PAIRS = ((0, 3), (1, 4), (5, 9), (7, 8))


def tiled(images: np.ndarray, n_columns: int = COLUMNS) -> np.ndarray:
    """Return images of 28 x 28 pixels side by side."""
    images = images.reshape(-1, n_columns, 28, 28)
    return images.transpose(0, 2, 1, 3).reshape(-1, n_columns * 28)


def draw_ways(ae: AutoencoderTransformer, images: np.ndarray, labels: np.ndarray) -> None:
    """Draw interpolations between garments, in the latent space and in the pixel space."""
    start, end = (
        np.stack([images[labels == pair[place]][0] for pair in PAIRS]) for place in (0, 1)
    )
    steps = np.linspace(0, 1, COLUMNS)[:, None]
    ways = {
        "in the latent space": ae.interpolate(start, end, n_steps=COLUMNS),
        "in the pixel space": (1 - steps) * start[:, None] + steps * end[:, None],
    }
    figure, axes = plt.subplots(1, 2, figsize=(12, 2.7), layout="constrained")
    for ax, (title, way) in zip(axes, ways.items(), strict=True):
        ax.imshow(tiled(way), cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(title)
        ax.set_axis_off()
    figure.savefig(FOLDER / "fashion_interpolation.png", dpi=110)


def main() -> None:
    found = fashion_mnist()
    if found is None:
        raise SystemExit("SKAE_DATA names no folder with fashion_mnist.npz")
    train, test = found
    start = time.perf_counter()
    ae = AutoencoderTransformer(16, kind="variational", loss="bce", random_state=0).fit(train)
    print(f"{time.perf_counter() - start:.0f} s, ELBO {ae.elbo(test[:2000]).mean():.1f} nats")
    n_samples = ROWS * COLUMNS
    pictures = {
        "held-out images": test[:n_samples],
        "drawn from the prior": ae.sample(n_samples, random_state=0),
        "drawn from a mixture of Gaussians": ae.sample(
            n_samples, random_state=0, density="gaussian_mixture"
        ),
    }
    figure, axes = plt.subplots(1, 3, figsize=(12, 2.4), layout="constrained")
    for ax, (title, images) in zip(axes, pictures.items(), strict=True):
        ax.imshow(tiled(images), cmap="gray_r", vmin=0, vmax=1)
        ax.set_title(title)
        ax.set_axis_off()
    figure.savefig(FOLDER / "fashion_samples.png", dpi=110)
    draw_ways(ae, test, fashion_mnist_labels()[1])


if __name__ == "__main__":
    main()
