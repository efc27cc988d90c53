"""Benchmark of detectors with default settings on labelled tables.

Contaminated: fitted on all rows, which are then scored. One-class: fitted on a random half of the
normal rows; the other half and all anomalies are scored. At most 10,000 rows of each table
(stratified, seed 0), standardised by the training rows; three seeds. Prints area under the ROC
curve, average precision and seconds of fit and scores.

    SKAE_DATA=folder python benchmarks/anomaly.py                 all tables, all detectors
    python benchmarks/anomaly.py --only skae --tables 45_wine --seeds 1
    python benchmarks/anomaly.py --only skae --set n_estimators=4 scoring=joint
    python benchmarks/anomaly.py --labels 10                      the gain from ten known anomalies
"""

from __future__ import annotations

import argparse
import ast
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from machine import machine
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler
from tables import FOLDER, MOST_ROWS

from skae import AutoencoderOutlierDetector

RESULTS = Path(__file__).parent.parent / "docs" / "benchmarks" / "anomaly.md"
SETTINGS = ("contaminated", "one-class")


def labelled_tables(only: list[str] | None) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield names, rows and labels (1 for anomalies) of the available tables."""
    for path in sorted((FOLDER / "adbench").glob("*.npz"), key=os.path.getsize):
        if only and path.stem not in only:
            continue
        with np.load(path, allow_pickle=True) as arrays:
            X, y = arrays["X"].astype(float), arrays["y"].astype(int).ravel()
        if len(X) > MOST_ROWS:
            X, _, y, _ = train_test_split(X, y, train_size=MOST_ROWS, stratify=y, random_state=0)
        yield path.stem, X, y


def split(X: np.ndarray, y: np.ndarray, setting: str, seed: int):
    """Return training rows, test rows, and the labels of the latter."""
    train, test, labels = X, X, y
    if setting == "one-class":
        normal = np.random.RandomState(seed).permutation(np.flatnonzero(y == 0))
        half = len(normal) // 2
        scored = np.concatenate([normal[half:], np.flatnonzero(y == 1)])
        train, test, labels = X[normal[:half]], X[scored], y[scored]
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test), labels


def skae(train, test, setting, seed, **parameters):
    """Score with skae's detector."""
    novelty = setting == "one-class"
    detector = AutoencoderOutlierDetector(novelty=novelty, random_state=seed)
    return -detector.set_params(**parameters).fit(train).score_samples(test)


def isolation_forest(train, test, setting, seed):
    """Score with scikit-learn's isolation forest."""
    return -IsolationForest(random_state=seed).fit(train).score_samples(test)


def nearest_neighbours(train, test, setting, seed):
    """Score by the distance to the fifth nearest neighbour, excluding the row itself."""
    itself = setting == "contaminated"
    distances, _ = NearestNeighbors(n_neighbors=5 + itself).fit(train).kneighbors(test)
    return distances[:, -1]


def pyod(module: str, name: str, seeded: bool = True, **parameters):
    """Return a function that scores with a detector of PyOD."""

    def score(train, test, setting, seed):
        from importlib import import_module

        detector = getattr(import_module(f"pyod.models.{module}"), name)
        seed = {"random_state": seed} if seeded else {}
        return detector(**parameters, **seed).fit(train).decision_function(test)

    return score


DETECTORS = {
    "skae": skae,
    "isolation forest": isolation_forest,
    "5 neighbours": nearest_neighbours,
    "PyOD AutoEncoder": pyod("auto_encoder", "AutoEncoder", verbose=0),
    "PyOD VAE": pyod("vae", "VAE", verbose=0),
    "PyOD GMM": pyod("gmm", "GMM"),
    "PyOD KNN": pyod("knn", "KNN", seeded=False),
}


def run(detectors, tables, seeds: int, settings, **parameters) -> pd.DataFrame:
    """Run detectors on tables, printing line by line."""
    results = []
    for table, X, y in labelled_tables(tables):
        for setting in settings:
            for name in detectors:
                given = parameters if name == "skae" else {}
                for seed in range(seeds):
                    train, test, labels = split(X, y, setting, seed)
                    start = time.perf_counter()
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        scores = DETECTORS[name](train, test, setting, seed, **given)
                    row = {
                        "table": table,
                        "rows": len(X),
                        "columns": X.shape[1],
                        "setting": setting,
                        "detector": name,
                        "seed": seed,
                        "AUROC": roc_auc_score(labels, scores),
                        "AP": average_precision_score(labels, scores),
                        "seconds": time.perf_counter() - start,
                    }
                    results.append(row)
                mean = pd.DataFrame(results[-seeds:])[["AUROC", "AP", "seconds"]].mean()
                figures = "  ".join(f"{value:.3f}" for value in mean)
                print(f"{table:16s} {setting:13s} {name:18s} {figures}", flush=True)
    return pd.DataFrame(results)


def run_labels(tables, seeds: int, n_labels: int) -> pd.DataFrame:
    """Fit on all rows without labels and with some known anomalies; score the other rows."""
    results = []
    for table, X, y in labelled_tables(tables):
        if y.sum() < 2 * n_labels:
            continue
        X = StandardScaler().fit_transform(X)
        for seed in range(seeds):
            known = np.random.RandomState(seed).permutation(np.flatnonzero(y == 1))[:n_labels]
            labels = np.zeros(len(y), dtype=int)
            labels[known] = 1
            unknown = labels == 0
            row = {"table": table, "seed": seed}
            for name, mark in (("without", None), ("with", 1)):
                detector = AutoencoderOutlierDetector(random_state=seed, anomaly_label=mark)
                detector.fit(X, labels)
                scores = -detector.score_samples(X[unknown])
                row[f"AUROC {name}"] = roc_auc_score(y[unknown], scores)
                row[f"AP {name}"] = average_precision_score(y[unknown], scores)
            results.append(row)
        mean = pd.DataFrame(results[-seeds:]).drop(columns=["table", "seed"]).mean()
        print(f"{table:16s}", "  ".join(f"{k} {v:.3f}" for k, v in mean.items()), flush=True)
    return pd.DataFrame(results)


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """Return means over tables and seeds, and the median time of a table."""
    groups = results.groupby(["setting", "detector"], sort=False)
    means = groups[["AUROC", "AP"]].mean()
    return means.assign(**{"median seconds": groups["seconds"].median()}).reset_index()


def markdown(frame: pd.DataFrame) -> str:
    """Return a table as markdown."""
    lines = ["| " + " | ".join(map(str, frame.columns)) + " |", "|" + "---|" * frame.shape[1]]
    for row in frame.itertuples(index=False):
        cells = [f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def page(results: pd.DataFrame) -> str:
    """Return the results as the page that the docs show."""
    parts = [
        f"Detectors with default settings on {results['table'].nunique()} tables of ADBench (Han "
        f"et al., NeurIPS 2022); means over {results['seed'].nunique()} seeds. {machine()}",
        markdown(summary(results)),
    ]
    for setting, rows in results.groupby("setting", sort=False):
        cells = rows.groupby(["table", "detector"], sort=False)[["AUROC", "AP"]].mean()
        cells = cells.apply(lambda row: f"{row['AUROC']:.3f} / {row['AP']:.3f}", axis=1)
        wide = cells.unstack("detector")[list(rows["detector"].unique())]
        sizes = rows.groupby("table")[["rows", "columns"]].first()
        wide = sizes.join(wide).loc[rows["table"].unique()].reset_index()
        parts.append(f"{setting.capitalize()}, area under the ROC curve / average precision:")
        parts.append(markdown(wide))
    return "\n\n".join(parts) + "\n"


def literal(text: str):
    """Return the value of a parameter given on the command line."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--only", nargs="*", default=list(DETECTORS), help="detectors")
    arguments.add_argument("--tables", nargs="*")
    arguments.add_argument("--settings", nargs="*", default=list(SETTINGS))
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--set", nargs="*", default=[], help="parameters of skae's detector")
    arguments.add_argument("--labels", type=int, help="number of known anomalies")
    arguments.add_argument("--save", action="store_true", help="write the page that the docs show")
    chosen = arguments.parse_args()
    if chosen.labels:
        results = run_labels(chosen.tables, chosen.seeds, chosen.labels)
        print(results.drop(columns=["table", "seed"]).mean().round(3).to_string(), machine())
        raise SystemExit
    given = {name: literal(value) for name, value in (pair.split("=") for pair in chosen.set)}
    results = run(chosen.only, chosen.tables, chosen.seeds, chosen.settings, **given)
    print(summary(results).to_string(index=False), machine(), sep="\n")
    if chosen.save:
        RESULTS.write_text(page(results))
