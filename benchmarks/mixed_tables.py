"""Benchmark of tables with categorical columns: imputation, planted faults, synthetic rows.

    python benchmarks/mixed_tables.py table.csv [--target column] [--rows 3000] [--seeds 2]
    python benchmarks/mixed_tables.py adult             # by sklearn.datasets.fetch_openml

Imputation: three values in ten are hidden at random; accuracy is the mean over the categorical
columns, RMSE that of the numbers in standard deviations. "one-hot" is the same imputer on dummies,
whose largest is taken. Faults: in each new row one category is replaced by another, drawn by its
frequency; AUROC against the same rows without the fault. Synthetic rows: see synthetic_report.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from machine import machine
from sklearn.datasets import fetch_openml
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.impute import KNNImputer
from sklearn.metrics import roc_auc_score

from skae import AutoencoderImputer, AutoencoderOutlierDetector, AutoencoderTransformer
from skae.metrics import synthetic_report

_TURNS = 3  # of forests that impute one column after the other


def table_of(name: str) -> pd.DataFrame:
    """Return a table without missing values, with text as categories."""
    read = pd.read_csv(name) if Path(name).exists() else fetch_openml(name, version=2).frame
    read = read.dropna().reset_index(drop=True)
    text = [c for c in read if not pd.api.types.is_numeric_dtype(read[c])]
    return read.astype({c: "category" for c in text}).astype(
        {c: float for c in read if c not in text}
    )


def by_forests(X: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Impute each column from the others by a random forest, in turns."""
    found = X.copy()
    for name in X:
        start = X[name].mode()[0] if X[name].dtype == "category" else X[name].mean()
        found[name] = X[name].fillna(start)
    for _ in range(_TURNS):
        for name in X:
            known = X[name].notna()
            others = pd.get_dummies(found.drop(columns=name), dtype=float)
            forest = (
                RandomForestClassifier if X[name].dtype == "category" else RandomForestRegressor
            )(100, min_samples_leaf=3, random_state=seed)
            forest.fit(others[known], X.loc[known, name])
            found.loc[~known, name] = forest.predict(others[~known])
    return found


def by_dummies(X: pd.DataFrame, imputer: object) -> pd.DataFrame:
    """Impute dummies as numbers, and take the largest of each column."""
    dummies = pd.get_dummies(X, dtype=float)
    for name in X:
        if X[name].dtype == "category":
            own = [f"{name}_{level}" for level in X[name].cat.categories]
            dummies.loc[X[name].isna(), own] = np.nan
    rows = pd.DataFrame(imputer.fit_transform(dummies), columns=dummies.columns)
    found = X.copy()
    for name in X:
        if X[name].dtype == "category":
            levels = X[name].cat.categories
            own = rows[[f"{name}_{level}" for level in levels]].to_numpy()
            found[name] = X[name].fillna(pd.Series(levels[own.argmax(1)], index=X.index))
        else:
            found[name] = rows[name]
    return found


def imputation(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return accuracy, RMSE and seconds of each imputer."""
    missing = np.random.default_rng(seed).random(table.shape) < 0.3
    X = table.mask(pd.DataFrame(missing, columns=table.columns))
    imputers = {
        "mode and mean": lambda: X.fillna(
            {c: X[c].mode()[0] if X[c].dtype == "category" else X[c].mean() for c in X}
        ),
        "skae": lambda: AutoencoderImputer(random_state=seed).fit_transform(X),
        "skae, one-hot": lambda: by_dummies(X, AutoencoderImputer(random_state=seed)),
        "KNN, one-hot": lambda: by_dummies(X, KNNImputer(n_neighbors=15)),
        "forests in turns": lambda: by_forests(X, seed),
    }
    rows = {}
    for name, impute in imputers.items():
        begin, found = time.perf_counter(), None
        found = impute()
        seconds = time.perf_counter() - begin
        right, errors = [], []
        for j, column in enumerate(table):
            hidden = missing[:, j]
            true, imputed = table[column][hidden], found[column][hidden]
            if table[column].dtype == "category":
                right.append((true.astype(str) == imputed.astype(str)).mean())
            else:
                errors.append(np.square((true - imputed) / X[column].std()).mean())
        rows[name] = {
            "accuracy": np.mean(right),
            "RMSE": np.sqrt(np.mean(errors)) if errors else np.nan,
            "seconds": seconds,
        }
    return pd.DataFrame(rows).T


def with_faults(X: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return rows in each of which one category is another one, drawn by its frequency."""
    rng, faulty = np.random.default_rng(seed), X.copy()
    names = [c for c in X if X[c].dtype == "category"]
    for row, name in enumerate(rng.choice(names, len(X))):
        rest = X[name].value_counts(normalize=True).drop(X[name].iloc[row])
        place = X.columns.get_loc(name)
        faulty.iloc[row, place] = rng.choice(rest.index, p=rest / rest.sum())
    return faulty


def faults(table: pd.DataFrame, seed: int) -> pd.Series:
    """Return the AUROC of each detector."""
    cut = 3 * len(table) // 4
    train, new = table.iloc[:cut], table.iloc[cut:].reset_index(drop=True)
    rows = pd.concat([new, with_faults(new, seed)], ignore_index=True).astype(table.dtypes)
    is_faulty = np.repeat([0, 1], len(new))
    dummies = [pd.get_dummies(X, dtype=float) for X in (train, rows)]
    found = {}
    for novelty in (True, False):
        for name, (X, Z) in {"skae": (train, rows), "skae, one-hot": dummies}.items():
            detector = AutoencoderOutlierDetector(novelty=novelty, random_state=seed).fit(X)
            found[f"{name}, novelty={novelty}"] = roc_auc_score(
                is_faulty, -detector.score_samples(Z)
            )
    forest = IsolationForest(random_state=seed).fit(dummies[0])
    found["isolation forest"] = roc_auc_score(is_faulty, -forest.score_samples(dummies[1]))
    return pd.Series(found)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("--target")
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(machine())
    everything = table_of(arguments.table)
    imputed, detected = [], []
    for seed in range(arguments.seeds):
        table = everything.sample(min(arguments.rows, len(everything)), random_state=seed)
        table = table.reset_index(drop=True)
        for name in table:
            if table[name].dtype == "category":
                table[name] = table[name].cat.remove_unused_categories()
        imputed.append(imputation(table, seed))
        print(imputed[-1].round(3).to_string(), flush=True)
        detected.append(faults(table, seed))
        print(detected[-1].round(3).to_string(), flush=True)
    print("Medians:", pd.concat(imputed).groupby(level=0, sort=False).median().round(3).to_string())
    print(pd.concat(detected, axis=1).median(axis=1).round(3).to_string())
    half = len(everything) // 2
    train, test = everything.iloc[:half], everything.iloc[half:]
    model = AutoencoderTransformer(16, kind="variational", random_state=0).fit(train.iloc[:15_000])
    synthetic = model.sample(min(15_000, half), random_state=0)
    print(synthetic_report(test.iloc[:8000], synthetic, target=arguments.target))


if __name__ == "__main__":
    main()
