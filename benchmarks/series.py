"""Benchmark of architectures on time series: heart beats, motions, speech."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from fits import fitted, n_parameters
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from tables import FOLDER

from skae.architectures import Convolutional, Dense, Recurrent, Transformer
from skae.corruptions import Gaussian
from skae.kinds import Denoising

PICTURE = Path(__file__).parent.parent / "docs" / "_static" / "speech.png"
SEEDS = (0, 1, 2)
# Steps of a window of speech, and the distance between the starts of windows.
N_STEPS, HOP = 256, 64


def series(name: str) -> dict[str, np.ndarray] | None:
    """Return the arrays of a data set of series, or None without its file."""
    path = FOLDER / "series" / f"{name}.npz"
    if not path.exists():
        print(f"skipped: no {path}")
        return None
    with np.load(path) as arrays:
        return dict(arrays)


def heartbeats() -> pd.DataFrame | None:
    """Detect abnormal heart beats by the error of an autoencoder fitted to normal ones."""
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
        ("transformer", Transformer((140,), channel_axis=None)),
    ):
        runs = [fitted(2, architecture, normal, random_state=seed) for seed in SEEDS]
        scores = [-model.score_samples(test) for model, _ in runs]
        seconds = float(np.median([s for _, s in runs]))
        add(f"{name}, code 2", n_parameters(runs[0][0]), seconds, scores)
    columns = ["method", "weights", "seconds", "mean AUROC", "lowest AUROC"]
    return pd.DataFrame(lines, columns=columns)


def windows(X: np.ndarray, n_steps: int, hop: int) -> np.ndarray:
    """Return windows of series of shape (n, n_steps of a series, n_channels)."""
    starts = range(0, X.shape[1] - n_steps + 1, hop)
    return np.concatenate([X[:, start : start + n_steps] for start in starts])


def motions() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return training and test series of six channels, complete and in windows of 20 steps."""
    found = series("BasicMotions")
    if found is None:
        return {}
    whole = [np.moveaxis(found[n], 1, 2).astype(np.float32) for n in ("X_train", "X_test")]
    return {
        "BasicMotions": tuple(whole),
        "BasicMotions, stretches": tuple(windows(X, 20, 5) for X in whole),
    }


def recordings(*, test: bool) -> list[np.ndarray]:
    """Return recordings of spoken digits as numbers in [-1, 1]."""
    found = series("spoken_digits")
    if found is None:
        return []
    bounds = zip(found["offsets"][:-1], found["offsets"][1:], found["is_test"], strict=True)
    clips = [found["audio"][a:b].astype(np.float32) for a, b, is_test in bounds if is_test == test]
    return [clip / np.abs(clip).max() for clip in clips]


def stretches(clips: list[np.ndarray], hop: int) -> np.ndarray:
    """Return windows of recordings, of shape (n, N_STEPS)."""
    return np.concatenate([windows(clip[None, :], N_STEPS, hop) for clip in clips])


def long_series() -> pd.DataFrame:
    """Compare reconstructions with PCA's, on one and on six channels."""
    sets = motions()
    if recordings(test=True):
        speech_sets = (stretches(recordings(test=t), N_STEPS) for t in (False, True))
        sets["spoken digits, stretches"] = tuple(speech_sets)
    lines = []
    for name, (train, test) in sets.items():
        for size in (2, 8) if train.ndim > 2 else (16,):
            lines += [[name, size, *line] for line in _beside_pca(train, test, size)]
    columns = ["series", "code", "architecture", "weights", "seconds", "error / PCA's"]
    return pd.DataFrame(lines, columns=columns)


def _beside_pca(train: np.ndarray, test: np.ndarray, size: int):
    flat, flat_test = train.reshape(len(train), -1), test.reshape(len(test), -1)
    pca = PCA(size, random_state=0).fit(flat)
    error = np.square(flat_test - pca.inverse_transform(pca.transform(flat_test))).mean()
    axis = -1 if train.ndim > 2 else None
    few = len(train) < 1000
    for label, architecture, epochs in (
        ("dense", Dense(), 30),
        ("convolutional", Convolutional(channel_axis=axis), 30),
        ("recurrent, LSTM", Recurrent(), 8),  # slow: its steps are sequential
        ("transformer", Transformer(channel_axis=axis), 15),
    ):
        max_epochs = "auto" if few else epochs
        model, seconds = fitted(size, architecture, train, random_state=0, max_epochs=max_epochs)
        ratio = np.square(test - model.reconstruct(test)).mean() / error
        yield label, n_parameters(model), seconds, ratio
        print(label, size, len(train), f"{seconds:.1f} s", f"{ratio:.4f}", flush=True)


def speech() -> pd.DataFrame | None:
    """Remove white noise, 5 dB below the speech, from spoken digits; code of 128 values."""
    clips = recordings(test=True)
    if not clips:
        return None
    train, test = stretches(recordings(test=False), HOP), stretches(clips, N_STEPS)
    level = math.sqrt(np.square(test).mean() / 10**0.5)
    noise = np.random.default_rng(0).normal(0, level, test.shape)
    noisy = (test + noise).astype(np.float32)

    def snr(estimate):
        return 10 * math.log10(np.square(test).sum() / np.square(estimate - test).sum())

    lines = [["noisy", 0, 0.0, snr(noisy)]]
    cleaners = {}
    for size in (32, 64, 128):
        pca = PCA(size, random_state=0).fit(train)
        name = f"PCA, {size} components"
        cleaners[name] = lambda X, pca=pca: pca.inverse_transform(pca.transform(X))
        lines.append([name, pca.components_.size, 0.0, snr(cleaners[name](noisy))])
    shown = train + np.random.default_rng(1).normal(0, level, train.shape)
    ridge = Ridge(1.0).fit(shown, train)
    lines.append(["ridge regression", ridge.coef_.size, 0.0, snr(ridge.predict(noisy))])
    kind = Denoising(Gaussian(level, relative=False))
    for name, architecture in (
        ("dense 512-256", Dense((512, 256))),
        ("convolutional", Convolutional()),
        (
            "convolutional 32-64-64, no hidden layer",
            Convolutional("auto", (32, 64, 64), hidden_layer_sizes=()),
        ),
    ):
        model, seconds = fitted(128, architecture, train, kind=kind, random_state=0, max_epochs=20)
        cleaners[name] = model.reconstruct
        lines.append([name, n_parameters(model), seconds, snr(model.reconstruct(noisy))])
        print(*lines[-1], flush=True)
    best = max(lines, key=lambda line: line[-1])[0]
    draw_speech(clips[0], level, {n: cleaners[n] for n in ("PCA, 64 components", best)})
    columns = ["method", "weights", "seconds", "signal-to-noise in dB"]
    return pd.DataFrame(lines, columns=columns)


def draw_speech(clip: np.ndarray, level: float, cleaners: dict) -> None:
    """Draw a recording with noise, and the noise that remains after denoising."""
    noisy = clip + np.random.default_rng(2).normal(0, level, clip.shape).astype(np.float32)
    rows = {"recorded": clip, "with noise": noisy}
    rows |= {name: overlapping(cleaner, noisy) for name, cleaner in cleaners.items()}
    figure, axes = plt.subplots(len(rows), 2, figsize=(9, 6), sharey=True, width_ratios=(2, 1))
    seconds, part = np.arange(len(clip)) / 8000, slice(len(clip) // 3, len(clip) // 3 + 240)
    for (left, right), (name, wave) in zip(axes, rows.items(), strict=True):
        left.plot(seconds, wave, linewidth=0.4, color="C0")
        right.plot(seconds[part], clip[part], linewidth=2.5, color="0.8")
        right.plot(seconds[part], wave[part], linewidth=0.8, color="C0")
        left.set_title(name, loc="left", fontsize=9)
        for ax in (left, right):
            ax.spines[["top", "right"]].set_visible(False)
            ax.margins(x=0)
    axes[0, 1].set_title("30 ms of it, over the recorded wave", loc="left", fontsize=9)
    axes[-1, 0].set_xlabel("seconds")
    axes[-1, 1].set_xlabel("seconds")
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=120)


def overlapping(cleaner, wave: np.ndarray) -> np.ndarray:
    """Return a wave denoised in overlapping windows, whose results are averaged."""
    total, counts = np.zeros(len(wave)), np.zeros(len(wave))
    starts = [*range(0, len(wave) - N_STEPS, HOP), len(wave) - N_STEPS]
    cleaned = cleaner(np.stack([wave[start : start + N_STEPS] for start in starts]))
    for start, stretch in zip(starts, cleaned, strict=True):
        total[start : start + N_STEPS] += stretch
        counts[start : start + N_STEPS] += 1
    return total / counts
