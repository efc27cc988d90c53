"""Tables with removed values, and imputers."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.preprocessing import StandardScaler
from tables import FOLDER

from skae import AutoencoderImputer

# Subsets of California: the first rows, which are neighbours on the map, and a random sample.
N_ROWS = 5000


def complete_tables(
    quick: bool = False, *, random_rows: bool = False
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names and standardised numbers of tables without missing values."""
    found = {
        load.__name__.removeprefix("load_").replace("_", " "): load().data
        for load in (load_breast_cancer, load_wine, load_diabetes)
    }
    path = FOLDER / "california_housing.npz"
    if path.exists():
        X = np.load(path)["X"].astype(float)
        found["California, first rows"] = X[:N_ROWS]
        if random_rows:
            drawn = np.random.RandomState(0).permutation(len(X))[:N_ROWS]
            found["California, random rows"] = X[drawn]
    for name, X in found.items():
        yield name, StandardScaler().fit_transform(X[:200] if quick else X)


def at_random(fraction: float) -> Callable:
    """Return a mechanism that removes each value with the same probability."""

    def mechanism(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return rng.random(X.shape) < fraction

    return mechanism


def depending_on_others(X: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a mask of removed values that depends on other columns, which stay complete.

    A random third of the columns stays complete. Each value of another column is removed with the
    probability sigmoid(2 * s + b), where s is a random weighted sum of the complete columns with
    mean 0 and standard deviation 1, and b makes the mean probability one half.
    """
    order = rng.permutation(X.shape[1])
    known, others = np.split(order, [max(1, X.shape[1] // 3)])
    sums = X[:, known] @ rng.normal(size=(len(known), len(others)))
    sums = StandardScaler().fit_transform(sums)
    missing = np.zeros(X.shape, dtype=bool)
    missing[:, others] = rng.random(sums.shape) < _sigmoid(2 * sums + _offsets(sums))
    return missing


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(values, -50, 50)))


def _offsets(sums: np.ndarray, n_steps: int = 50) -> np.ndarray:
    """Return the offsets that make the mean probability of each column one half, by bisection."""
    low, high = np.full(sums.shape[1], -50.0), np.full(sums.shape[1], 50.0)
    for _ in range(n_steps):
        middle = (low + high) / 2
        above = _sigmoid(2 * sums + middle).mean(axis=0) > 0.5
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return (low + high) / 2


def trees(seed: int) -> IterativeImputer:
    """Return an imputer similar to MissForest; leaves of five rows are better here, and faster."""
    forest = ExtraTreesRegressor(50, min_samples_leaf=5, max_features=0.5, random_state=seed)
    return IterativeImputer(forest, max_iter=5, random_state=seed)


IMPUTERS: dict[str, Callable] = {
    "mean": lambda seed: SimpleImputer(),
    "5 neighbours": lambda seed: KNNImputer(),
    "iterative": lambda seed: IterativeImputer(random_state=seed),
    "iterative, trees": trees,
    "skae": lambda seed: AutoencoderImputer(random_state=seed),
}


def filled(imputer, X: np.ndarray) -> tuple[np.ndarray, float]:
    """Return imputed rows and the seconds of processor time.

    On one thread, this is the elapsed time on a machine without other load.
    """
    start = time.process_time()
    with quietly():
        rows = imputer.fit_transform(X)
    return rows, time.process_time() - start


def quietly():
    """Return a context that ignores warnings, such as those of missing convergence."""
    return warnings.catch_warnings(action="ignore")
