"""Data of the benchmarks: tables of scikit-learn, and a folder of tables.

The environment variable ``SKAE_DATA`` names the folder, which may contain
``california_housing.npz``, ``khan_srbct.npz``, ``fashion_mnist.npz`` and ``adbench/*.npz``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

FOLDER = Path(os.environ.get("SKAE_DATA", "data"))
MOST_ROWS = 10_000


def tables() -> Iterator[tuple[str, np.ndarray]]:
    """Yield the names and the rows of all available tables, at most 10,000 rows of each."""
    for load in (load_digits, load_breast_cancer, load_wine, load_diabetes):
        yield load.__name__.removeprefix("load_"), load().data
    california = FOLDER / "california_housing.npz"
    if california.exists():
        yield "california_housing", np.load(california)["X"][:MOST_ROWS]
    khan = FOLDER / "khan_srbct.npz"
    if khan.exists():
        with np.load(khan) as arrays:
            yield "khan_srbct", np.concatenate([arrays[n] for n in arrays if arrays[n].ndim == 2])
    for path in sorted((FOLDER / "adbench").glob("*.npz"), key=os.path.getsize):
        X = np.load(path, allow_pickle=True)["X"].astype(float)
        yield path.stem, X[np.random.RandomState(0).permutation(len(X))[:MOST_ROWS]]


def split_and_standardise(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return training rows (three quarters) and test rows, standardised, in float32."""
    train, test = train_test_split(X, test_size=0.25, random_state=0)
    scaler = StandardScaler().fit(train)
    return scaler.transform(train).astype(np.float32), scaler.transform(test).astype(np.float32)


def fashion_mnist() -> tuple[np.ndarray, np.ndarray] | None:
    """Return training and test images as rows with pixels in [0, 1], or None without the file."""
    path = FOLDER / "fashion_mnist.npz"
    if not path.exists():
        return None
    with np.load(path) as arrays:
        return tuple(
            arrays[name].reshape(-1, 784).astype(np.float32) / 255 for name in ("X_train", "X_test")
        )


def fashion_mnist_labels() -> tuple[np.ndarray, np.ndarray]:
    """Return the classes of the training and the test images."""
    with np.load(FOLDER / "fashion_mnist.npz") as arrays:
        return arrays["y_train"], arrays["y_test"]
