"""Benchmark of each architecture on suitable data, compared with dense layers and PCA.

    SKAE_DATA=folder python benchmarks/architectures.py                    all, long
    SKAE_DATA=folder python benchmarks/architectures.py heartbeats images  some
    SKAE_DATA=folder python benchmarks/architectures.py --save             into the docs as well

The folder contains Fashion-MNIST (``fashion_mnist.npz``) and ``series/*.npz``. Parts without their
file are skipped with a message.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from fits import fitted, n_parameters, psnr
from machine import machine
from sections import save, section
from series import heartbeats, long_series, speech
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from tables import fashion_mnist

from skae.architectures import Convolutional, Dense, Transformer
from skae.corruptions import Gaussian
from skae.kinds import Denoising

RESULTS = Path(__file__).parent.parent / "docs" / "benchmarks" / "architectures.md"


def images(seconds: float = 60.0) -> pd.DataFrame | None:
    """Compare dense layers and convolutions on images, with about the same training time."""
    found = fashion_mnist()
    if found is None:
        print("skipped: no fashion_mnist.npz")
        return None
    train, test = found
    pca = PCA(32, random_state=0).fit(train)
    pca_error = np.square(test - pca.inverse_transform(pca.transform(test))).mean()
    lines = []
    for name, architecture in (
        ("dense 512-256", Dense((512, 256))),
        ("convolutional 16-32, 256", Convolutional((1, 28, 28))),
        ("transformer, patches of 4", Transformer((1, 28, 28))),
    ):
        first, _ = fitted(32, architecture, train, max_epochs=2, random_state=0)
        epoch = float(first.history_["seconds"].iloc[-1])
        epochs = max(1, int(seconds / epoch))
        model, spent = fitted(32, architecture, train, max_epochs=epochs, random_state=0)
        ratio = np.square(test - model.reconstruct(test)).mean() / pca_error
        lines.append([name, n_parameters(model), epochs, spent, ratio])
        print(*lines[-1], flush=True)
    return pd.DataFrame(
        lines, columns=["architecture", "weights", "epochs", "seconds", "error / PCA's"]
    )


def denoising() -> pd.DataFrame | None:
    """Remove Gaussian noise from images: code of 128 values, PSNR on 2,000 test images."""
    found = fashion_mnist()
    if found is None:
        print("skipped: no fashion_mnist.npz")
        return None
    train, test = found[0], found[1][:2000]
    rng = np.random.default_rng(0)
    noisy = np.clip(test + rng.normal(0, 0.5, test.shape), 0, 1).astype(np.float32)
    shown = np.clip(train + rng.normal(0, 0.5, train.shape), 0, 1).astype(np.float32)
    lines = [["noisy", 0, 0, 0.0, psnr(noisy - test)]]
    ridge = Ridge(100.0).fit(shown[:20_000], train[:20_000])
    lines.append(["ridge regression", 0, 0, 0.0, psnr(ridge.predict(noisy) - test)])
    kind = Denoising(Gaussian(0.5, relative=False, clip=(0, 1)))
    for name, architecture, epochs in (
        ("dense 1024-512", Dense((1024, 512)), 12),
        (
            "convolutional 32-64, 512",
            Convolutional((1, 28, 28), (32, 64), hidden_layer_sizes=(512,)),
            12,
        ),
    ):
        model, spent = fitted(
            128, architecture, train, kind=kind, max_epochs=epochs, random_state=0
        )
        error = np.clip(model.reconstruct(noisy), 0, 1) - test
        lines.append([name, n_parameters(model), epochs, spent, psnr(error)])
        print(*lines[-1], flush=True)
    return pd.DataFrame(lines, columns=["method", "weights", "epochs", "seconds", "PSNR in dB"])


PARTS = {
    "images": images,
    "heartbeats": heartbeats,
    "long_series": long_series,
    "denoising": denoising,
    "speech": speech,
}


def main() -> None:
    """Run the requested parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    arguments = parser.parse_args()
    for name in arguments.parts or PARTS:
        table = PARTS[name]()
        if table is None or table.empty:
            continue
        print(f"\n{name}\n{table.to_string(index=False)}", flush=True)
        if arguments.save:
            caption = f"{PARTS[name].__doc__} {machine()}"
            save(RESULTS, PARTS, {name: section(caption, table)})


if __name__ == "__main__":
    main()
