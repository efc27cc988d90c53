"""Draw clothes: samples of a variational autoencoder fitted to Fashion-MNIST, as a picture.

Run ``SKAE_DATA=folder python benchmarks/fashion_samples.py``; it writes
``docs/_static/fashion_samples.png``.
"""

from __future__ import annotations

import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from tables import fashion_mnist

from skae import AutoencoderTransformer

PICTURE = Path(__file__).parent.parent / "docs" / "_static" / "fashion_samples.png"
ROWS, COLUMNS = 5, 10


def tiled(images: np.ndarray) -> np.ndarray:
    """Return images of 28 x 28 pixels side by side."""
    images = images.reshape(ROWS, COLUMNS, 28, 28)
    return images.transpose(0, 2, 1, 3).reshape(ROWS * 28, COLUMNS * 28)


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
        "images held out": test[:n_samples],
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
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
