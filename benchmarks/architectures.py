"""Measure what each architecture is for, beside dense layers and PCA.

    SKAE_DATA=folder python benchmarks/architectures.py                   all, long
    SKAE_DATA=folder python benchmarks/architectures.py heartbeats steps  some
    SKAE_DATA=folder python benchmarks/architectures.py --save            into the docs as well

The folder holds Fashion-MNIST (``fashion_mnist.npz``) and ``series/*.npz``; what is not there is
skipped, with a line that says so.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from machine import machine
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from tables import FOLDER, fashion_mnist

from skae import AutoencoderTransformer
from skae.architectures import Convolutional, Dense, Recurrent, Transformer
from skae.corruptions import Gaussian
from skae.kinds import Denoising, Undercomplete
from skae.losses import MSE
from skae.training.batches import Batches
from skae.training.net import AutoencoderNet
from skae.training.network import AutoencoderNetwork
from skae.training.optimizer import make_optimizer
from skae.training.rows import Rows
from skae.training.scaling import Scaling
from skae.training.threads import threads_for

RESULTS = Path(__file__).parent.parent / "docs" / "benchmarks" / "architectures.md"
SEEDS = (0, 1, 2)


def series(name: str) -> dict[str, np.ndarray] | None:
    """Return the arrays of a set of series, or None without its file."""
    path = FOLDER / "series" / f"{name}.npz"
    if not path.exists():
        print(f"skipped: no {path}")
        return None
    with np.load(path) as arrays:
        return dict(arrays)


def fitted(size: int, architecture, X: np.ndarray, **parameters):
    """Return a fitted autoencoder and the seconds that it took."""
    estimator = AutoencoderTransformer(size, architecture=architecture, **parameters)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(X)
    return estimator, time.perf_counter() - start


def n_parameters(estimator) -> int:
    """Return the number of weights of a fitted network."""
    return sum(weights.size for weights in estimator._fitted.weights.values())


def psnr(error: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in decibels, for pixels in [0, 1]."""
    return float(-10 * np.log10(np.mean(np.square(error))))


def images(seconds: float = 60.0) -> pd.DataFrame | None:
    """Compare dense layers and convolutions on images, both with about the same time."""
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
        (
            "convolutional 32-64, no hidden layer",
            Convolutional((1, 28, 28), (32, 64), 3, hidden_layer_sizes=()),
        ),
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
    """Take Gaussian noise away from images: code 128, signal-to-noise on 2,000 test images."""
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
        ("dense 1024-512", Dense((1024, 512)), 10),
        (
            "convolutional 32-64, 512",
            Convolutional((1, 28, 28), (32, 64), hidden_layer_sizes=(512,)),
            10,
        ),
    ):
        model, spent = fitted(
            128, architecture, train, kind=kind, max_epochs=epochs, random_state=0
        )
        error = np.clip(model.reconstruct(noisy), 0, 1) - test
        lines.append([name, n_parameters(model), epochs, spent, psnr(error)])
        print(*lines[-1], flush=True)
    return pd.DataFrame(lines, columns=["method", "weights", "epochs", "seconds", "PSNR in dB"])


def heartbeats() -> pd.DataFrame | None:
    """Tell abnormal heart beats from normal ones by the error of an autoencoder of normal ones."""
    beats = series("ECG5000")
    if beats is None:
        return None
    normal = beats["X_train"][beats["y_train"].astype(int) == 1][:, 0]
    test, abnormal = beats["X_test"][:, 0], beats["y_test"].astype(int) != 1
    lines = []

    def add(name, n_weights, seconds, scores):
        found = [roc_auc_score(abnormal, s) for s in scores]
        lines.append([name, n_weights, seconds, np.mean(found), min(found)])
        print(*lines[-1], flush=True)

    for size in (2, 8):
        pca = PCA(size, random_state=0).fit(normal)
        residual = test - pca.inverse_transform(pca.transform(test))
        add(f"PCA, {size} components", pca.components_.size, 0.0, [np.square(residual).sum(1)])
    distances, _ = NearestNeighbors(n_neighbors=5).fit(normal).kneighbors(test)
    add("distance of the 5th neighbour", 0, 0.0, [distances[:, -1]])
    for name, architecture in (
        ("dense", Dense()),
        ("convolutional", Convolutional()),
        ("recurrent, LSTM", Recurrent()),
        ("recurrent, GRU", Recurrent("gru")),
        ("transformer", Transformer((140,), channel_axis=None)),
    ):
        runs = [fitted(2, architecture, normal, random_state=seed) for seed in SEEDS]
        scores = [-model.score_samples(test) for model, _ in runs]
        seconds = float(np.median([s for _, s in runs]))
        add(f"{name}, code 2", n_parameters(runs[0][0]), seconds, scores)
    columns = ["method", "weights", "seconds", "mean AUROC", "lowest AUROC"]
    return pd.DataFrame(lines, columns=columns)


def motions() -> tuple[np.ndarray, np.ndarray] | None:
    """Return training and test series of six channels, standardised, (n, 100, 6)."""
    found = series("BasicMotions")
    if found is None:
        return None
    train, test = (np.moveaxis(found[name], 1, 2) for name in ("X_train", "X_test"))
    mean, deviation = train.mean((0, 1)), train.std((0, 1))
    return tuple(((part - mean) / deviation).astype(np.float32) for part in (train, test))


def spoken_windows(n_steps: int = 256) -> tuple[np.ndarray, np.ndarray] | None:
    """Return stretches of spoken digits, of recordings for training and for the test."""
    found = series("spoken_digits")
    if found is None:
        return None
    parts = {False: [], True: []}
    bounds = zip(found["offsets"][:-1], found["offsets"][1:], found["is_test"], strict=True)
    for begin, end, is_test in bounds:
        clip = found["audio"][begin:end].astype(np.float32) / 2**15
        clip = clip / np.abs(clip).max()
        n_windows = len(clip) // n_steps
        parts[bool(is_test)].append(clip[: n_windows * n_steps].reshape(n_windows, n_steps))
    return np.concatenate(parts[False]), np.concatenate(parts[True])


def long_series() -> pd.DataFrame:
    """Compare reconstructions with PCA's on series of one and of several channels."""
    lines = []
    for name, found, sizes in (
        ("BasicMotions", motions(), (2, 8)),
        ("spoken digits", spoken_windows(), (16, 32)),
    ):
        if found is None:
            continue
        train, test = found
        flat, flat_test = train.reshape(len(train), -1), test.reshape(len(test), -1)
        for size in sizes:
            pca = PCA(size, random_state=0).fit(flat)
            error = np.square(flat_test - pca.inverse_transform(pca.transform(flat_test))).mean()
            for label, architecture in (
                ("dense", Dense()),
                ("convolutional", Convolutional(channel_axis=-1 if train.ndim > 2 else 0)),
                ("recurrent, LSTM", Recurrent()),
                ("transformer", _series_transformer(train)),
            ):
                model, seconds = fitted(size, architecture, train, random_state=0)
                ratio = np.square(test - model.reconstruct(test)).mean() / error
                lines.append([name, size, label, n_parameters(model), seconds, ratio])
                print(*lines[-1], flush=True)
    columns = ["series", "code", "architecture", "weights", "seconds", "error / PCA's"]
    return pd.DataFrame(lines, columns=columns)


def _series_transformer(train: np.ndarray) -> Transformer:
    if train.ndim > 2:
        return Transformer(channel_axis=-1)
    return Transformer(train.shape[1:], channel_axis=None)


def speech() -> pd.DataFrame | None:
    """Take white noise, 5 dB below the speech, away from spoken digits."""
    found = spoken_windows()
    if found is None:
        return None
    train, test = found
    rng = np.random.default_rng(0)
    level = math.sqrt(np.square(train).mean() / 10**0.5)
    noisy = (test + rng.normal(0, level, test.shape)).astype(np.float32)

    def snr(estimate):
        return 10 * math.log10(np.square(test).sum() / np.square(estimate - test).sum())

    lines = [["noisy", 0, 0.0, snr(noisy)]]
    for size in (16, 32, 64, 128):
        pca = PCA(size, random_state=0).fit(train)
        clean = pca.inverse_transform(pca.transform(noisy))
        lines.append([f"PCA, {size} components", pca.components_.size, 0.0, snr(clean)])
    kind = Denoising(Gaussian(level, relative=False))
    for name, architecture in (
        ("dense 512-256", Dense((512, 256))),
        ("convolutional", Convolutional(channels=(32, 64))),
    ):
        model, seconds = fitted(64, architecture, train, kind=kind, random_state=0, max_epochs=40)
        lines.append(
            [f"{name}, code 64", n_parameters(model), seconds, snr(model.reconstruct(noisy))]
        )
        print(*lines[-1], flush=True)
    columns = ["method", "weights", "seconds", "signal-to-noise in dB"]
    return pd.DataFrame(lines, columns=columns)


def steps() -> pd.DataFrame:
    """Compare a training step of skae with one of a plain loop around the same module."""
    lines = []
    for name, architecture, n_features, batch_size in (
        ("dense", Dense((512, 256)), 784, 256),
        ("convolutional", Convolutional((1, 28, 28)), 784, 256),
        ("recurrent, LSTM", Recurrent(), 140, 64),
        ("recurrent, GRU", Recurrent("gru"), 140, 64),
        ("transformer", Transformer((1, 28, 28)), 784, 64),
    ):
        X = np.random.default_rng(0).normal(size=(batch_size * 20, n_features)).astype(np.float32)
        architecture = architecture.resolved(architecture.sample_shape((n_features,)), len(X))
        network = AutoencoderNetwork(
            n_features,
            16,
            kind=Undercomplete(),
            architecture=architecture,
            loss=MSE(),
            linear_path=True,
            generator=torch.Generator().manual_seed(0),
        )
        with threads_for(batch_size, network.n_multiplications):
            ours, plain = zip(
                *(
                    (_skae_epoch(network, X, batch_size), _plain_epoch(network, X, batch_size))
                    for _ in range(5)
                ),
                strict=True,
            )
        ours, plain = np.median(ours) / 20 * 1e3, np.median(plain) / 20 * 1e3
        lines.append([name, network.n_parameters, batch_size, plain, ours, ours / plain])
        print(*lines[-1], flush=True)
    columns = ["architecture", "weights", "batch", "plain loop, ms", "skae, ms", "skae / plain"]
    return pd.DataFrame(lines, columns=columns)


def _skae_epoch(network: AutoencoderNetwork, X: np.ndarray, batch_size: int) -> float:
    """Return the seconds of the second epoch of skae's training; the first warms up."""
    rows = Rows(X, Scaling(np.zeros(X.shape[1]), 1.0), torch.device("cpu"), torch.float32)
    generator = torch.Generator().manual_seed(0)
    batches = Batches(rows, torch.arange(len(X)), torch.ones(len(X)), batch_size, generator)
    net = AutoencoderNet(
        network, generator=generator, optimizer=torch.optim.AdamW, lr=1e-4, device=None
    ).initialize()
    net.fit_loop((batches, None), epochs=2)
    return net.history[-1, "train_seconds"]


def _plain_epoch(network: AutoencoderNetwork, X: np.ndarray, batch_size: int) -> float:
    """Return the seconds of an epoch of a plain loop around encoder and decoder."""
    optimizer = make_optimizer(network, torch.optim.AdamW, 1e-4, 0.01)
    rows = torch.from_numpy(X)
    network.train()
    for _ in range(2):
        start = time.perf_counter()
        for index in torch.randperm(len(rows)).split(batch_size):
            batch = rows[index]
            shaped = batch.reshape(-1, *network.sample_shape)
            code = network.linear_encoder(batch) + network.encoder(shaped)
            residual = network.decoder(code).reshape(batch.shape)
            loss = (network.linear_decoder(code) + residual - batch).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        seconds = time.perf_counter() - start
    return seconds


PARTS = {
    "images": images,
    "heartbeats": heartbeats,
    "long_series": long_series,
    "denoising": denoising,
    "speech": speech,
    "steps": steps,
}


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all")
    parser.add_argument("--save", action="store_true", help="write the tables into docs")
    arguments = parser.parse_args()
    text = []
    for name in arguments.parts or PARTS:
        table = PARTS[name]()
        if table is not None:
            sentence = PARTS[name].__doc__.splitlines()[0]
            text.append(
                f"## {name}\n\n{sentence}\n\n{table.to_markdown(index=False, floatfmt='.4g')}"
            )
            print(text[-1], machine(), sep="\n\n", flush=True)
    if arguments.save:
        RESULTS.write_text(f"# Architectures\n\n{machine()}\n\n" + "\n\n".join(text) + "\n")


if __name__ == "__main__":
    main()
