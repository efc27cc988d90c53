"""Benchmark of the decision rule of the detector: which `novelty`, which `contamination`.

Training rows hold a known fraction of anomalies, from none to one in five. Scored are new rows: as
many normal ones and anomalies of the same sort. Half of the tables were used to find the rule, the
other half to test it. Prints, for each half and fraction, the area under the ROC curve, and the
fraction of new normal rows and of new anomalies that are labelled as outliers: by "auto", by the
true fraction as `contamination`, and by `false_positive_rate=0.02`.

    python benchmarks/novelty_rule.py
    python benchmarks/novelty_rule.py --seeds 3
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.metrics import roc_auc_score

from skae import AutoencoderOutlierDetector

FRACTIONS = (0.0, 0.02, 0.05, 0.1, 0.2)
Table = tuple[np.ndarray, np.ndarray]


def classes(load: Callable, anomaly: int) -> Callable[[np.random.Generator], Table]:
    """Return a table of scikit-learn with one class as anomalies, in random order."""

    def table(random: np.random.Generator) -> Table:
        X, y = load(return_X_y=True)
        return random.permutation(X[y != anomaly]), random.permutation(X[y == anomaly])

    return table


def planted(rows: Callable, n_columns: int) -> Callable[[np.random.Generator], Table]:
    """Return simulated rows; in anomalies, two columns come from other rows."""

    def table(random: np.random.Generator) -> Table:
        normal, faulty = rows(random, 1200), rows(random, 500)
        for row in faulty:
            columns = random.choice(n_columns, 2, replace=False)
            row[columns] = rows(random, 1)[0][columns]
        return normal, faulty

    return table


def curve(random: np.random.Generator, n: int) -> np.ndarray:
    """Return rows near a curve in six dimensions."""
    x = random.uniform(-2, 2, n)
    points = np.column_stack([x, np.sin(2 * x), np.cos(x), x**2, -x, np.tanh(3 * x)])
    return points + 0.1 * random.normal(size=(n, 6))


def correlated(random: np.random.Generator, n: int) -> np.ndarray:
    """Return rows of three factors in eight columns."""
    factors = np.random.default_rng(7).normal(size=(3, 8))
    return random.normal(size=(n, 3)) @ factors + 0.2 * random.normal(size=(n, 8))


def clusters(random: np.random.Generator, n: int) -> np.ndarray:
    """Return five clusters in six columns."""
    centres = 4 * np.random.default_rng(3).normal(size=(5, 6))
    return centres[random.integers(0, 5, n)] + random.normal(size=(n, 6))


def regimes(random: np.random.Generator, n: int) -> np.ndarray:
    """Return sensors of a machine that runs fast or slow."""
    fast, load = random.random(n) < 0.3, random.uniform(0, 1, n)
    speed = np.where(fast, 3, 1) + 0.1 * random.normal(size=n)
    heat = speed * load + 0.1 * random.normal(size=n)
    noise = speed**2 + 0.2 * random.normal(size=n)
    return np.column_stack([load, speed, heat, noise, random.exponential(size=n)])


HALVES = {
    "chosen on": {
        "breast cancer": classes(load_breast_cancer, 0),
        "digits, anomaly 0": classes(load_digits, 0),
        "curve": planted(curve, 6),
        "clusters": planted(clusters, 6),
    },
    "judged on": {
        "wine": classes(load_wine, 2),
        "digits, anomaly 6": classes(load_digits, 6),
        "correlated": planted(correlated, 8),
        "regimes": planted(regimes, 5),
    },
}


def one_table(table: Table, fraction: float, seed: int) -> list[dict]:
    """Return the figures of both modes on a table with this fraction of anomalies."""
    normal, anomalies = table
    half = min(600, len(normal) // 2)
    n_anomalies = round(fraction * half / (1 - fraction))
    n_anomalies = min(n_anomalies, len(anomalies) - 10)
    X = np.concatenate([normal[:half], anomalies[:n_anomalies]])
    new, faulty = normal[half : 2 * half], anomalies[n_anomalies:]
    labels = np.repeat([0, 1], [len(new), len(faulty)])
    rows = []
    for novelty in (True, False):
        detector = AutoencoderOutlierDetector(novelty=novelty, random_state=seed).fit(X)
        scores = -detector.score_samples(np.concatenate([new, faulty]))
        found = {"novelty": novelty, "AUROC": roc_auc_score(labels, scores)}
        rules = {"auto": {}, "fraction": {"contamination": max(fraction, 0.01)}}
        rules["rate"] = {"false_positive_rate": 0.02}
        for name, rule in rules.items():
            if rule:
                detector.set_threshold(**rule)
            outliers = scores > -detector.offset_
            found[f"{name}: alarms"] = outliers[labels == 0].mean()
            found[f"{name}: found"] = outliers[labels == 1].mean()
        rows.append(found)
    return rows


def run(seeds: int) -> pd.DataFrame:
    """Return the figures of all tables."""
    results = []
    for half, tables in HALVES.items():
        for name, table in tables.items():
            for fraction in FRACTIONS:
                for seed in range(seeds):
                    drawn = table(np.random.default_rng(seed))
                    where = {"half": half, "table": name, "fraction": fraction}
                    results += [where | row for row in one_table(drawn, fraction, seed)]
                aucs = "  ".join(f"{row['novelty']} {row['AUROC']:.3f}" for row in results[-2:])
                print(f"{name:18} {fraction:.2f}  novelty: {aucs}", flush=True)
    return pd.DataFrame(results)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    results = run(arguments.seeds)
    with pd.option_context("display.width", 200, "display.precision", 3):
        means = results.drop(columns="table").groupby(["half", "fraction", "novelty"], sort=False)
        print(means.mean().to_string())
        print(results.pivot_table("AUROC", ["half", "table"], ["novelty", "fraction"]).to_string())
