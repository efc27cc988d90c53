"""Benchmark of classification of images of which few, or all, have a label.

Fashion-MNIST: 60,000 training images, of which 100, 1,000 or all have a label, the same number of
each class; accuracy on the 10,000 test images, and seconds of fit and prediction. Methods that
cannot use images without a label are fitted to the labelled ones only. Options were selected on the
last 10,000 training images (``--choose`` evaluates on them instead of the test images).

    SKAE_DATA=folder python benchmarks/classification.py           all of it, about an hour
    python benchmarks/classification.py 100 --draws 1 --only skae  a part of it
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from machine import machine
from sections import markdown
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from tables import fashion_mnist, fashion_mnist_labels

from skae import AutoencoderClassifier
from skae.architectures import Convolutional
from skae.kinds import Denoising

RESULTS = Path(__file__).parent.parent / "docs" / "benchmarks" / "classification.md"
DRAWS = {100: 4, 1000: 3, 60_000: 1}


def skae(n_labels: int, seed: int):
    """Return skae's classifier with default settings."""
    return AutoencoderClassifier(unlabelled=-1, random_state=seed)


def skae_convolutional(n_labels: int, seed: int):
    """Return skae's classifier with convolutions and data augmentation."""
    convolutions = Convolutional(input_shape=(1, 28, 28), channels=(24, 48), downsampling="pool")
    return AutoencoderClassifier(
        unlabelled=-1,
        kind=Denoising(varied),
        architecture=convolutions,
        init="random",
        classification_weight=0.9,
        learning_rate=0.002,
        weight_decay=0.05,
        max_epochs=12,
        random_state=seed,
    )


def varied(X: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return augmented images: half of them mirrored, and a square of 8 x 8 pixels hidden."""

    def draws(*shape):
        return torch.rand(*shape, generator=generator, device=X.device)

    images = X.reshape(-1, 28, 28)
    images = torch.where(draws(len(X), 1, 1) < 0.5, images.flip(2), images)
    places = torch.arange(28, device=X.device)
    starts = (21 * draws(2, len(X), 1)).floor()
    rows, columns = (places >= starts) & (places < starts + 8)
    return images.masked_fill(rows[:, :, None] & columns[:, None, :], 0.0).reshape(X.shape)


def logistic_regression(n_labels: int, seed: int):
    """Return a logistic regression on the pixels."""
    return LogisticRegression(C={100: 1.0, 1000: 0.1}.get(n_labels, 0.1), max_iter=300)


def pca_and_logistic_regression(n_labels: int, seed: int):
    """Return a logistic regression on principal components, which are fitted to all images."""
    size, strength = {100: (50, 1.0), 1000: (100, 0.1)}.get(n_labels, (200, 0.1))
    model = LogisticRegression(C=strength, max_iter=300)
    return OnAllRows(PCA(size, random_state=seed), model)


def nearest_neighbours(n_labels: int, seed: int):
    """Return a nearest-neighbour classifier."""
    return KNeighborsClassifier(1 if n_labels <= 1000 else 5)


def label_spreading(n_labels: int, seed: int):
    """Return label spreading on the first 50 principal components."""
    spreading = LabelSpreading(kernel="knn", n_neighbors=20, alpha=0.8, max_iter=100)
    return make_pipeline(PCA(50, random_state=seed), spreading)


def self_training(n_labels: int, seed: int):
    """Return self-training of a logistic regression on 100 principal components."""
    model = LogisticRegression(max_iter=300)
    training = SelfTrainingClassifier(model, threshold=0.9 if n_labels < 1000 else 0.75)
    return make_pipeline(PCA(100, random_state=seed), training)


class OnAllRows:
    """Transformer fitted to all rows, followed by a classifier fitted to the labelled ones."""

    def __init__(self, transformer, classifier):
        self.transformer, self.classifier = transformer, classifier

    def fit(self, X, y):
        """Fit both."""
        codes = self.transformer.fit_transform(X)
        self.classifier.fit(codes[y != -1], y[y != -1])
        return self

    def predict(self, X):
        """Return the classes of rows."""
        return self.classifier.predict(self.transformer.transform(X))


METHODS: dict[str, Callable] = {
    "skae": skae,
    "skae, convolutional": skae_convolutional,
    "LogisticRegression": logistic_regression,
    "PCA + LogisticRegression": pca_and_logistic_regression,
    "KNeighborsClassifier": nearest_neighbours,
    "PCA + LabelSpreading": label_spreading,
    "PCA + SelfTrainingClassifier": self_training,
}
# Methods that are fitted to all rows, with and without labels.
SEMI_SUPERVISED = ("skae", "skae, convolutional", "PCA + LogisticRegression")
FEW_LABELS_ONLY = ("PCA + LabelSpreading", "PCA + SelfTrainingClassifier")
ALL_LABELS_ONLY = ("skae, convolutional",)  # too slow for repeated fits


def images(choose: bool) -> tuple[np.ndarray, ...]:
    """Return training and test images with their classes."""
    found = fashion_mnist()
    if found is None:
        raise SystemExit("SKAE_DATA names no folder with fashion_mnist.npz")
    (train, test), (y_train, y_test) = found, fashion_mnist_labels()
    if choose:
        train, test = train[:-10_000], train[-10_000:]
        y_train, y_test = y_train[:-10_000], y_train[-10_000:]
    return train, y_train.astype(int), test, y_test.astype(int)


def labels(y: np.ndarray, n_labels: int, seed: int) -> np.ndarray:
    """Return the labels of a number of images, and -1 for the others."""
    if n_labels >= len(y):
        return y
    chosen, _ = train_test_split(
        np.arange(len(y)), train_size=n_labels, stratify=y, random_state=seed
    )
    few = np.full(len(y), -1)
    few[chosen] = y[chosen]
    return few


def run(sizes, draws: int | None, names, choose: bool) -> pd.DataFrame:
    """Fit and evaluate the methods, printing line by line."""
    X, y, X_test, y_test = images(choose)
    rows = []
    for n_labels in sizes:
        for seed in range(draws or DRAWS[n_labels]):
            few = labels(y, n_labels, seed)
            for name in names:
                known = few != -1
                if name in (FEW_LABELS_ONLY if known.all() else ALL_LABELS_ONLY):
                    continue
                given = slice(None) if name in (*SEMI_SUPERVISED, *FEW_LABELS_ONLY) else known
                start = time.perf_counter()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    model = METHODS[name](n_labels, seed).fit(X[given], few[given])
                    accuracy = float((model.predict(X_test) == y_test).mean())
                seconds = time.perf_counter() - start
                rows.append((n_labels, seed, name, accuracy, seconds))
                print(f"{n_labels:6d} {seed} {name:30s} {accuracy:.4f} {seconds:.1f} s", flush=True)
    return pd.DataFrame(rows, columns=["labels", "draw", "method", "accuracy", "seconds"])


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """Return mean accuracies with their range over the draws, and mean seconds."""
    columns = {}
    for n_labels, part in results.groupby("labels", sort=False):
        groups = part.groupby("method", sort=False)
        name = "all labels" if n_labels == max(DRAWS) else f"{n_labels:,} labels"
        columns[name] = groups["accuracy"].apply(in_percent)
        columns[f"s, {name}"] = groups["seconds"].mean().round(1).astype(str)
    order = [name for name in METHODS if name in set(results["method"])]
    return pd.DataFrame(columns).reindex(order).fillna("").rename_axis("").reset_index()


def in_percent(accuracies: pd.Series) -> str:
    """Return the mean and the range of some accuracies."""
    low, mean, high = (f"{100 * value:.1f}" for value in accuracies.agg(["min", "mean", "max"]))
    return mean if len(accuracies) == 1 else f"{mean} ({low} to {high})"


def page(results: pd.DataFrame) -> str:
    """Return the results as the page that the docs show."""
    n_draws = results.groupby("labels", sort=False)["draw"].nunique().astype(str)
    caption = (
        f"Accuracy in percent on the 10,000 test images of Fashion-MNIST, means over "
        f"{', '.join(n_draws)} draws of the labels with the range in brackets, and mean seconds of "
        f"fit and prediction, beside other work. {machine()}"
    )
    return caption + "\n\n" + markdown(summary(results)) + "\n"


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("sizes", nargs="*", type=int, default=list(DRAWS))
    arguments.add_argument("--only", nargs="*", default=list(METHODS), help="methods")
    arguments.add_argument("--draws", type=int)
    arguments.add_argument("--choose", action="store_true", help="judge by training images")
    arguments.add_argument("--save", action="store_true", help="write the page that the docs show")
    chosen = arguments.parse_args()
    results = run(chosen.sizes, chosen.draws, chosen.only, chosen.choose)
    print(summary(results).to_string(index=False), machine(), sep="\n")
    if chosen.save:
        RESULTS.write_text(page(results), encoding="utf-8")
