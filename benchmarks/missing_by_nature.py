"""Benchmark of classifiers after imputers, on tables with naturally missing values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from incomplete import IMPUTERS, quietly
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables import FOLDER

# Largest number of rows, and repetitions of five folds.
N_ROWS, N_REPEATS = 2000, 1

CLASSIFIERS = {
    "logistic": lambda: LogisticRegression(max_iter=1000),
    "boosted trees": lambda: HistGradientBoostingClassifier(random_state=0),
}


def incomplete_tables(quick: bool) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield names, rows and classes of the available tables.

    Categories are encoded as columns of zeros and ones, which are NaN if the category is missing.
    """
    for name in ("titanic", "horse_colic", "adult"):
        path = FOLDER / f"{name}.npz"
        if not path.exists():
            print(f"skipped: no {path}")
            continue
        with np.load(path) as arrays:
            levels = [len(arrays[f"cats_{j}"]) for j in range(arrays["X_cat"].shape[1])]
            columns = [_levels(*each) for each in zip(arrays["X_cat"].T, levels, strict=True)]
            X, y = np.hstack([arrays["X_num"].astype(float), *columns]), arrays["y"]
        chosen = np.random.RandomState(0).permutation(len(X))[: 200 if quick else N_ROWS]
        X, y = X[chosen], y[chosen]
        varying = np.nanstd(X, axis=0) > 0  # some countries are in none of these rows
        yield name.replace("_", " "), X[:, varying], y


def _levels(codes: np.ndarray, n_levels: int) -> np.ndarray:
    columns = np.eye(n_levels)[codes]
    columns[codes < 0] = np.nan
    return columns


def downstream(quick: bool, imputers: list[str]) -> pd.DataFrame:
    """Return accuracies of classifiers on all tables, after each imputer."""
    cells = {}
    for name, X, y in incomplete_tables(quick):
        found = _accuracies(X, y, imputers, 1 if quick else N_REPEATS)
        for classifier in CLASSIFIERS:
            column = f"{name}, {classifier}"
            by_imputer = {i: np.array(f[classifier]) for i, f in found.items() if classifier in f}
            cells[column] = {
                i: _cell(values, by_imputer.get("skae")) for i, values in by_imputer.items()
            }
            print(column, cells[column], flush=True)
    return pd.DataFrame(cells).fillna("").rename_axis("imputer").reset_index()


def _accuracies(X: np.ndarray, y: np.ndarray, imputers: list[str], n_repeats: int) -> dict:
    """Return the accuracies of all folds by imputer and classifier."""
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=n_repeats, random_state=0)
    found = {name: {c: [] for c in CLASSIFIERS} for name in imputers}
    found["none"] = {"boosted trees": []}
    for seed, (train, test) in enumerate(folds.split(X, y)):
        for name, by_classifier in found.items():
            steps = [] if name == "none" else [StandardScaler(), IMPUTERS[name](seed)]
            before = make_pipeline(*steps, "passthrough")
            with quietly():
                # Fit each imputer once, as a pipeline with a memory would.
                rows, new = before.fit_transform(X[train]), before.transform(X[test])
                for classifier, accuracies in by_classifier.items():
                    model = CLASSIFIERS[classifier]().fit(rows, y[train])
                    accuracies.append(model.score(new, y[test]))
    return found


def _cell(values: np.ndarray, of_skae: np.ndarray | None) -> str:
    mean = f"{100 * values.mean():.1f}"
    if of_skae is None or values is of_skae:
        return mean
    error = (values - of_skae).std(ddof=1) / np.sqrt(len(values))
    return f"{mean} ({100 * error:.1f})"
