"""Benchmark of each kind on its purpose, compared with the usual alternative method.

    SKAE_DATA=folder python benchmarks/kinds.py                     all, minutes
    SKAE_DATA=folder python benchmarks/kinds.py denoising sparse    some
    SKAE_DATA=folder python benchmarks/kinds.py --save              also into the documentation

Without Fashion-MNIST in the folder, the digits of scikit-learn are used instead.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from machine import machine
from plain_vae import PlainVAE
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, MiniBatchDictionaryLearning, MiniBatchSparsePCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables import fashion_mnist, fashion_mnist_labels

from skae import AutoencoderTransformer
from skae.architectures import Dense
from skae.corruptions import Gaussian, Occlusion
from skae.kinds import Contractive, Denoising, Sparse

RESULTS = Path(__file__).parent.parent / "docs" / "benchmarks" / "kinds.md"


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return training and test rows of the digits in [0, 1], and their labels."""
    X, y = load_digits(return_X_y=True)
    return train_test_split((X / 16).astype(np.float32), y, test_size=0.25, random_state=0)


def images() -> tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """Return a name, training and test rows, their labels, and the side of an image."""
    found = fashion_mnist()
    if found is None:
        train, test, y_train, y_test = digits()
        return "digits", train, test, y_train, y_test, 8
    return "Fashion-MNIST", *found, *fashion_mnist_labels(), 28


def timed(estimator, X: np.ndarray):
    """Return a fitted estimator and the seconds of its fit."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(X)
    return estimator, time.perf_counter() - start


def psnr(error: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in decibels, for pixels in [0, 1]."""
    return float(-10 * np.log10(np.mean(np.square(error))))


def variational() -> pd.DataFrame:
    """Compare the evidence lower bound with that of a plain torch loop for a textbook network."""
    name, train, test, *_ = images()
    small_train, small_test, *_ = digits()
    lines = []
    for label, X, T, epochs, layers in (
        (name, train, test[:2000], 10, (512, 256)),
        ("digits", small_train, small_test, 100, (128, 128)),
    ):
        X, T = (np.greater(part, 0.5).astype(np.float32) for part in (X, T))
        batch_size = 256 if len(X) > 5000 else 64
        plain, seconds = timed(PlainVAE(16, layers, epochs, batch_size), X)
        lines.append([label, "plain torch", plain.elbo(T).mean(), np.nan, epochs, seconds])
        for init in ("pca", "random"):
            ae, seconds = timed(
                AutoencoderTransformer(
                    16,
                    kind="variational",
                    loss="bce",
                    architecture=Dense(layers),
                    init=init,
                    max_epochs=epochs,
                    batch_size=batch_size,
                    random_state=0,
                ),
                X,
            )
            bound, likelihood = ae.elbo(T).mean(), ae.log_likelihood(T[:500]).mean()
            lines.append([label, f"skae, init={init!r}", bound, likelihood, epochs, seconds])
    columns = ["data", "method", "ELBO, nats", "100 importance samples", "epochs", "seconds"]
    return pd.DataFrame(lines, columns=columns)


def denoising() -> pd.DataFrame:
    """Remove Gaussian noise of 0.5, clipped to [0, 1]."""
    name, train, test, *_ = images()
    test = test[:2000]
    rng = np.random.default_rng(0)

    def noisy(X):
        return np.clip(X + rng.normal(scale=0.5, size=X.shape), 0, 1).astype(np.float32)

    shown, shown_train = noisy(test), noisy(train)
    lines = [[name, "nothing", psnr(shown - test), 0.0]]
    pca, seconds = timed(PCA(min(32, train.shape[1] // 2), random_state=0), train)
    cleaned = pca.inverse_transform(pca.transform(shown))
    lines.append([name, "PCA, 32 components", psnr(cleaned - test), seconds])
    start = time.perf_counter()
    linear = Ridge(1.0).fit(shown_train, train)
    seconds = time.perf_counter() - start
    lines.append([name, "best linear map (ridge)", psnr(linear.predict(shown) - test), seconds])
    kind = Denoising(Gaussian(level=0.5, relative=False, clip=(0, 1)))
    for epochs in ("auto", 20):
        ae = AutoencoderTransformer(
            DENOISING_CODE,
            kind=kind,
            architecture=Dense(DENOISING_LAYERS),
            max_epochs=epochs,
            random_state=0,
        )
        ae, seconds = timed(ae, train)
        method = f"denoising, code {DENOISING_CODE}, {ae.n_epochs_} epochs"
        lines.append([name, method, psnr(ae.reconstruct(shown) - test), seconds])
    return pd.DataFrame(lines, columns=["data", "method", "PSNR, dB", "seconds"])


DENOISING_CODE, DENOISING_LAYERS = 128, (1024, 512)


def occlusion() -> pd.DataFrame:
    """Fill a black square, and return the error inside the square."""
    name, train, test, _, _, side = images()
    test, size = test[:2000], round(side * 10 / 28)
    rng = np.random.default_rng(0)
    hidden = np.zeros((len(test), side, side), dtype=bool)
    corners = rng.integers(side - size + 1, size=(len(test), 2))
    for image, (top, left) in zip(hidden, corners, strict=True):
        image[top : top + size, left : left + size] = True
    hidden = hidden.reshape(len(test), -1)
    shown = np.where(hidden, 0, test).astype(np.float32)
    lines = [[name, "nothing", psnr((shown - test)[hidden]), 0.0]]
    pca, seconds = timed(PCA(min(64, train.shape[1] // 2), random_state=0), train)
    filled = pca.inverse_transform(pca.transform(shown))
    lines.append([name, "PCA, 64 components", psnr((filled - test)[hidden]), seconds])
    for emphasis in (0.0, 0.9):
        kind = Denoising(Occlusion(size, fill=0, sample_shape=(side, side)), emphasis=emphasis)
        ae = AutoencoderTransformer(
            DENOISING_CODE, kind=kind, architecture=Dense(DENOISING_LAYERS), random_state=0
        )
        ae, seconds = timed(ae, train)
        inside = psnr((ae.reconstruct(shown) - test)[hidden])
        lines.append([name, f"denoising, emphasis {emphasis}", inside, seconds])
    return pd.DataFrame(lines, columns=["data", "method", "PSNR inside, dB", "seconds"])


def sparse() -> pd.DataFrame:
    """Compare with scikit-learn at the same number of active values."""
    name, train, test, *_ = images()
    small_train, small_test, *_ = digits()
    lines = []
    for label, X, T, size, k in (
        (name, train[:5000], test[:2000], 1000 if name != "digits" else 128, 25),
        ("digits", small_train, small_test, 128, 8),
    ):
        variance = np.square(T - X.mean(axis=0)).sum()

        def explained(reconstructed, T=T, variance=variance):
            return float(1 - np.square(T - reconstructed).sum() / variance)

        pca, seconds = timed(PCA(k, random_state=0), X)
        reconstructed = pca.inverse_transform(pca.transform(T))
        lines.append([label, f"PCA, {k} components", k, explained(reconstructed), np.nan, seconds])
        linear, encoder_only = (
            Sparse("topk", k=k, linear_decoder=True, pursuit_steps=steps) for steps in (2, 0)
        )
        for method, kind, layers in (
            ("top-k, linear", linear, ()),
            ("top-k, linear, no pursuit", encoder_only, ()),
            ("top-k, deep", Sparse("topk", k=k), "auto"),
        ):
            ae = AutoencoderTransformer(
                size, kind=kind, architecture=Dense(layers), max_epochs=20, random_state=0
            )
            ae, seconds = timed(ae, X)
            fraction = explained(ae.reconstruct(T))
            active = np.count_nonzero(ae.transform(T)) / len(T)
            lines.append([label, method, active, fraction, len(ae.dead_units_), seconds])
        lines += dictionary_learning(label, X, T, size, k, explained)
    columns = ["data", "method", "active", "explained variance", "dead units", "seconds"]
    return pd.DataFrame(lines, columns=columns)


def dictionary_learning(label, X, T, size, k, explained) -> list[list]:
    """Return the lines of scikit-learn's two methods: sparse codes, and sparse components."""
    learner = MiniBatchDictionaryLearning(
        size,
        alpha=0.1,
        batch_size=256,
        max_iter=1 if len(X) >= 5000 else 20,
        fit_algorithm="cd",
        transform_algorithm="omp",
        transform_n_nonzero_coefs=k,
        random_state=0,
    )
    mean = X.mean(axis=0)
    learner, seconds = timed(learner, X - mean)
    codes = learner.transform(T - mean)
    dead = np.count_nonzero(~codes.any(axis=0))
    active = np.count_nonzero(codes) / len(T)
    fraction = explained(codes @ learner.components_ + mean)
    lines = [[label, "MiniBatchDictionaryLearning", active, fraction, dead, seconds]]
    if len(X) < 5000:
        learner, seconds = timed(MiniBatchSparsePCA(k, alpha=0.1, random_state=0), X)
        fraction = explained(learner.inverse_transform(learner.transform(T)))
        lines.append([label, f"MiniBatchSparsePCA, {k} components", k, fraction, np.nan, seconds])
    return lines


def contractive() -> pd.DataFrame:
    """Measure the movement of codes under small noise, in units of their standard deviations."""
    train, test, *_ = digits()
    noise = np.random.default_rng(0).normal(scale=0.05, size=test.shape).astype(np.float32)
    lines = []
    for weight in (0.0, 0.01, 0.1, 1.0):
        ae = AutoencoderTransformer(8, kind=Contractive(weight=weight), random_state=0)
        ae, seconds = timed(ae, train)
        codes = ae.transform(test)
        moved = np.abs(ae.transform(test + noise) - codes) / codes.std(axis=0)
        lines.append(["digits", weight, float(moved.mean()), ae.score(test), seconds])
    columns = ["data", "weight", "movement", "explained variance", "seconds"]
    return pd.DataFrame(lines, columns=columns)


def classification() -> pd.DataFrame:
    """Fit a linear classifier to codes of 16 values."""
    name, train, test, y_train, y_test, _ = images()
    train, y_train, test, y_test = train[:20_000], y_train[:20_000], test[:5000], y_test[:5000]
    kinds = {
        "PCA": PCA(16, random_state=0),
        "undercomplete": "undercomplete",
        "denoising": "denoising",
        "contractive": "contractive",
        "variational": "variational",
        "sparse, l1": "sparse",
    }
    lines = []
    for label, kind in kinds.items():
        if label != "PCA":
            kind = AutoencoderTransformer(16, kind=kind, random_state=0)
        reducer, seconds = timed(kind, train)
        linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
        linear.fit(reducer.transform(train), y_train)
        accuracy = linear.score(reducer.transform(test), y_test)
        lines.append([name, label, accuracy, seconds])
    return pd.DataFrame(lines, columns=["data", "codes of 16 values", "accuracy", "seconds"])


PARTS = {
    "variational": variational,
    "denoising": denoising,
    "occlusion": occlusion,
    "sparse": sparse,
    "contractive": contractive,
    "classification": classification,
}


def as_markdown(results: dict[str, pd.DataFrame]) -> str:
    """Return the tables with the machine and the date."""
    parts = [f"One run each, seed 0. {machine()}\n"]
    for name, table in results.items():
        parts.append(f"**{name.capitalize()}.** {PARTS[name].__doc__}\n")
        header = "| " + " | ".join(table.columns) + " |"
        rule = "|" + "---|" * len(table.columns)
        rows = ["| " + " | ".join(map(_cell, row)) + " |" for row in table.to_numpy()]
        parts.append("\n".join([header, rule, *rows]) + "\n")
    return "\n".join(parts)


def _cell(value) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4g}"
    return str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[])
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    arguments = parser.parse_args()
    results = {}
    for name in arguments.parts or PARTS:
        results[name] = PARTS[name]()
        print(f"\n{name}\n{results[name].to_string(index=False)}", flush=True)
        if arguments.save:
            RESULTS.write_text(as_markdown(results), encoding="utf-8")


if __name__ == "__main__":
    main()
