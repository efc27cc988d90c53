"""Noise that the fit was not told: mean squared errors of the clean rows, beside PCA and ridge.

    SKAE_DATA=folder python benchmarks/denoising.py            all tables of the folder
    python benchmarks/denoising.py digits breast_cancer        some

Noise of four strengths is added to held-out rows: Gaussian, salt-and-pepper and masking. All
methods are fitted without knowing it: ``kind="denoising"`` with default settings, PCA of the same
size, and a ridge regression from rows with the default noise to clean rows. Each number is the
geometric mean over the strengths .1, .3, .5 and .7.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch
from machine import machine
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from tables import split_and_standardise, tables

from skae import AutoencoderTransformer
from skae.corruptions import Features, Mixed
from skae.kinds import Denoising

STRENGTHS = (0.1, 0.3, 0.5, 0.7)
# Gaussian noise of the earlier default: weak, in deviations of each feature.
MILD = {"level": 0.3, "relative": True, "clip": None}
Denoiser = Callable[[np.ndarray], np.ndarray]


def rows_of(name: str, X: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return training and test rows, and whether they are pixels from 0 to 1."""
    if name == "digits":
        order = np.random.default_rng(0).permutation(len(X))
        return X[order[:1400]] / 16, X[order[1400:]] / 16, True
    train, test = split_and_standardise(X)
    return train[:3000], test[:1000], False


def noisy(X: np.ndarray, train: np.ndarray, pixels: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names of noise, and rows with it, for each strength."""
    rng = np.random.default_rng(1)
    low, high = (0.0, 1.0) if pixels else (train.min(axis=0), train.max(axis=0))
    for strength in STRENGTHS:
        gaussian = X + strength * rng.normal(size=X.shape)
        yield "gaussian", np.clip(gaussian, 0, 1) if pixels else gaussian
        draw = rng.random(X.shape)
        pepper = np.where(draw < strength / 2, low, np.where(draw < strength, high, X))
        yield "salt_and_pepper", pepper
        yield "masking", np.where(rng.random(X.shape) < strength, 0, X)


def ridge(X: np.ndarray) -> Denoiser:
    """Return the predictions of a ridge regression from rows with mixed noise to clean rows."""
    features = Features((X.shape[1],))
    features.set(
        mean=X.mean(axis=0),
        deviation=X.std(axis=0),
        low=X.min(axis=0),
        high=X.max(axis=0),
        centre=0.0,
        scale=1.0,
    )
    clean = torch.tensor(np.tile(X, (5, 1)), dtype=torch.float32)
    shown = Mixed().corrupt(clean, features, torch.Generator().manual_seed(0))
    return Ridge().fit(shown.numpy(), clean.numpy()).predict


def denoisers(X: np.ndarray) -> dict[str, Denoiser]:
    """Return all methods, fitted to clean rows."""
    size = max(2, X.shape[1] // 2)
    pca = PCA(size).fit(X)
    found: dict[str, Denoiser] = {
        "pca": lambda rows: pca.inverse_transform(pca.transform(rows)),
        "ridge": ridge(X),
    }
    mild = Denoising("gaussian").set_params(**{f"corruption__{key}": MILD[key] for key in MILD})
    for name, kind in {"mild gaussian": mild, "skae": "denoising"}.items():
        found[name] = AutoencoderTransformer(size, kind=kind, random_state=0).fit(X).reconstruct
    return found


def main() -> None:
    """Print one row for each table and sort of noise."""
    torch.set_num_threads(1)
    print(machine())
    chosen, results = sys.argv[1:], []
    for name, X in tables():
        if chosen and name not in chosen:
            continue
        start = time.perf_counter()
        train, test, pixels = rows_of(name, X[:, X.std(axis=0) > 0])
        methods = denoisers(train)
        for sort, rows in noisy(test, train, pixels):
            errors = {key: np.square(methods[key](rows) - test).mean() for key in methods}
            results.append({"table": name, "noise": sort} | errors)
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    logs = pd.DataFrame(results).set_index(["table", "noise"]).map(np.log)
    print(np.exp(logs.groupby(level=[0, 1], sort=False).mean()).round(4).to_string())
    print(np.exp(logs.groupby(level=1).mean()).round(4).to_string())


if __name__ == "__main__":
    main()
