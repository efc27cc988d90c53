"""Benchmark of explanations: how often the column with a planted fault contributes the most.

Detectors with default settings are fitted to 1,000 clean rows of each shape. New rows have one
value moved by 4 or 8 standard deviations of its column, or a relation is broken: then either of the
related columns counts. Dummies of a column count together. "own column" is the earlier rule: a
residual counts for its own column, and the code is attributed by integrated gradients from the mean
row. "largest" is the column whose value is farthest from its mean, in standard deviations: no rule
can do better where columns are independent. "detected" is the fraction of the rows above the 99th
percentile of the scores of new clean rows; "skae, detected" counts these rows alone. All scores but
"elbo" share the networks. The time is processor time.

    python benchmarks/attribution.py                       all shapes, scores and modes
    python benchmarks/attribution.py --half 0              the shapes on which the method was chosen
    python benchmarks/attribution.py --shapes jobs pairs --rows 60 --scores residual
"""

from __future__ import annotations

import argparse
import copy
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from machine import machine

from skae import AutoencoderOutlierDetector
from skae._detection.ensemble import Ensemble, fitted_score
from skae.scores import SCORES

SCORINGS = ("residual", "joint", "reconstruction", "latent", "elbo")
Random = np.random.Generator
_LOADINGS = np.random.default_rng(7).normal(size=(3, 10))
_CENTRES = np.random.default_rng(9).normal(size=(6, 4)) * 2


@dataclass(frozen=True)
class Shape:
    """A table of clean rows, and its faults.

    Parameters
    ----------
    table : callable
        Draws clean rows, given a generator and a number.

    half : int
        0 if the method was chosen on this shape, 1 if it is judged on it.

    broken : tuple of str, default=()
        Columns whose values are exchanged between rows; each is related to that at the same place
        of `related`. Otherwise single values of any numeric column are moved.

    related : tuple of str, default=()
        Columns that are as good an explanation as those that are broken.
    """

    table: Callable[[Random, int], pd.DataFrame]
    half: int
    broken: tuple[str, ...] = ()
    related: tuple[str, ...] = ()


def named(columns: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(columns, columns=[f"x{j}" for j in range(columns.shape[1])])


def jobs(r: Random, n: int) -> pd.DataFrame:
    job, age = r.choice(["m", "s", "t"], n), r.integers(18, 65, n)
    income = 20000 + 600 * (age - 18) + 20000 * (job == "m") + 8000 * (job == "t")
    income = income + r.normal(0, 3000, n)
    return pd.DataFrame({"age": age, "city": r.choice([*"abc"], n), "job": job, "income": income})


def plant(r: Random, n: int) -> pd.DataFrame:
    site = r.integers(0, 6, n)
    frame = named(_CENTRES[site] + r.normal(size=(n, 4)))
    kind = r.choice([*"pqrst"], n, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    return frame.assign(site=np.array([*"abcdef"])[site], shift=r.choice([*"xyz"], n), kind=kind)


def pairs(r: Random, n: int) -> pd.DataFrame:
    first = r.normal(size=(n, 4))
    return named(np.column_stack([first, first + 0.15 * r.normal(size=(n, 4))]))


def chain(r: Random, n: int) -> pd.DataFrame:
    columns = r.normal(size=(n, 12))
    for j in range(1, 12):
        columns[:, j] = 0.9 * columns[:, j - 1] + 0.45 * columns[:, j]
    return named(columns)


def curve(r: Random, n: int) -> pd.DataFrame:
    t = r.uniform(0, 1, n)
    means = np.column_stack([t, t**2, np.sqrt(t), np.sin(5 * t), np.cos(4 * t)])
    return named(means + 0.03 * r.normal(size=(n, 5)))


def products(r: Random, n: int) -> pd.DataFrame:
    a, b = r.uniform(-1, 1, (2, n))
    means = np.column_stack([a, b, a * b, a**2 - b, r.normal(size=(n, 2))])
    return named(means + 0.05 * r.normal(size=(n, 6)))


def powers(r: Random, n: int) -> pd.DataFrame:
    first = r.normal(size=(n, 4))
    means = np.column_stack([first, first[:, 0] ** 2, first[:, 1] ** 3])
    return named(means + 0.1 * r.normal(size=(n, 6)))


SHAPES = {
    "normal": Shape(lambda r, n: named(r.normal(size=(n, 10))), 0),
    "three factors": Shape(
        lambda r, n: named(r.normal(size=(n, 3)) @ _LOADINGS + 0.3 * r.normal(size=(n, 10))), 0
    ),
    "jobs": Shape(jobs, 0),
    "lognormal": Shape(lambda r, n: named(np.exp(r.normal(size=(n, 8)))), 0),
    "curve": Shape(curve, 0),
    "pairs, broken": Shape(
        pairs, 0, ("x4", "x5", "x6", "x7"), ("x0", "x1", "x2", "x3")
    ),
    "uniform": Shape(lambda r, n: named(r.uniform(size=(n, 12))), 1),
    "one factor": Shape(
        lambda r, n: named(r.normal(size=(n, 1)) + 0.7 * r.normal(size=(n, 8))), 1
    ),
    "chain": Shape(chain, 1),
    "plant": Shape(plant, 1),
    "Student t": Shape(lambda r, n: named(r.standard_t(3, size=(n, 8))), 1),
    "counts": Shape(
        lambda r, n: named(r.poisson([1, 2, 3, 5, 8, 1, 2, 4], size=(n, 8)).astype(float)), 1
    ),
    "products": Shape(products, 1),
    "powers, broken": Shape(powers, 1, ("x4", "x5"), ("x0", "x1")),
}  # fmt: skip


def faults(shape: Shape, r: Random, n: int, size: float) -> tuple[pd.DataFrame, list[set[str]]]:
    """Return rows with a fault each, and the columns that explain it."""
    frame, deviations = shape.table(r, n), shape.table(r, 4000).std(numeric_only=True)
    if shape.broken:
        return _broken(shape, frame, r, size)
    columns = r.choice(deviations.index.to_numpy(), n)
    for column, deviation in deviations.items():
        moved = np.where(columns == column, size * deviation * r.choice([-1, 1], n), 0.0)
        frame[column] = frame[column] + moved
    return frame, [{column} for column in columns]


def _broken(
    shape: Shape, frame: pd.DataFrame, r: Random, size: float
) -> tuple[pd.DataFrame, list[set[str]]]:
    """Give each row a value of another row that contradicts a related column."""
    donors, right = shape.table(r, 200), []
    for i in range(len(frame)):
        which = r.integers(len(shape.broken))
        column, related = shape.broken[which], shape.related[which]
        others = donors[column].to_numpy()
        away = np.abs(others - frame[column].iloc[i])
        # Between half a standard deviation and whatever ordinary values allow.
        far = others[away >= min(np.quantile(away, 0.9), size / 8 * others.std())]
        frame.iloc[i, frame.columns.get_loc(column)] = r.choice(far)
        right.append({column, related})
    return frame, right


def dummies(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.get_dummies(frame, prefix_sep="=", dtype=float).astype(float)


def original(column: str) -> str:
    return column.split("=")[0]


def own_column(detector: AutoencoderOutlierDetector, X: pd.DataFrame) -> pd.DataFrame:
    """Return the contributions by the earlier rule, of the original columns."""
    means = np.zeros(X.shape)
    for member in detector._ensemble.members:
        network, score = member.network.network("cpu"), member.score
        rows = torch.from_numpy(member.network.scaling.apply(X.to_numpy()))
        codes = network.encode(rows)
        of_features, of_code = (
            part(network, rows, codes) for part in (score.of_features, score.of_code)
        )
        if of_features is not None:
            means += of_features.numpy()
        if of_code is not None:
            origin = network.features.mean.to(rows)
            for t in (np.arange(16) + 0.5) / 16:
                point = (origin + t * (rows - origin)).requires_grad_()
                of_point = score.of_code(network, point, network.encode(point))
                (slope,) = torch.autograd.grad(of_point.sum(), point)
                means += ((rows - origin) * slope).double().numpy() / 16
    frame = pd.DataFrame(means, columns=X.columns, index=X.index)
    return frame.T.groupby(original, sort=False).sum().T


def largest(shape: Shape, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the distance of each numeric value from its mean, in standard deviations."""
    clean = shape.table(np.random.default_rng(2), 4000).select_dtypes("number")
    return ((rows[clean.columns] - clean.mean()) / clean.std()).abs()


def leads(contributions: pd.DataFrame, right: list[set[str]]) -> np.ndarray:
    """Return whether a right column has the largest contribution to each row."""
    first = contributions.idxmax(axis=1)
    return np.array([name in names for name, names in zip(first, right, strict=True)])


def fitted(X: pd.DataFrame, novelty: bool, kind: str, scoring: str, seed: int) -> Any:
    return AutoencoderOutlierDetector(
        kind=kind, scoring=scoring, novelty=novelty, random_state=seed
    ).fit(X)


def with_score(detector: AutoencoderOutlierDetector, scoring: str, X: pd.DataFrame) -> Any:
    """Return a detector with the same networks and another score, fitted to all rows."""
    other = copy.copy(detector)
    score = SCORES[scoring]()
    other._ensemble = Ensemble(
        [
            replace(member, score=fitted_score(score, member.network, X.to_numpy(), "cpu"))
            for member in detector._ensemble.members
        ]
    )
    return other


def measured(
    name: str, novelty: bool, scorings: list[str], n: int, seed: int
) -> Iterator[dict[str, object]]:
    """Yield the rows of the table for a shape: one network for all scores, another for elbo."""
    X = dummies(SHAPES[name].table(np.random.default_rng(seed), 1000))
    detector = fitted(X, novelty, "auto", "residual", seed)
    for scoring in scorings:
        if scoring == "elbo":
            scored = fitted(X, novelty, "variational", "elbo", seed)
        else:
            scored = with_score(detector, scoring, X)
        for row in of_score(name, scored, X, n, seed):
            mode = "novelty" if novelty else "contaminated"
            yield {"shape": name, "mode": mode, "scoring": scoring, **row}


def of_score(
    name: str, detector: Any, X: pd.DataFrame, n: int, seed: int
) -> Iterator[dict[str, object]]:
    shape = SHAPES[name]
    clean = dummies(shape.table(np.random.default_rng(seed + 100), 1000)).reindex(columns=X.columns)
    limit = np.quantile(detector.score_samples(clean.fillna(0.0)), 0.01)
    for size in (4, 8):
        frame, right = faults(shape, np.random.default_rng(seed + 1), n, size)
        rows = dummies(frame).reindex(columns=X.columns, fill_value=0.0)
        start = time.process_time()
        after = detector.feature_contributions(rows, groups=original)
        seconds = time.process_time() - start
        detected = detector.score_samples(rows) < limit
        before = leads(own_column(detector, rows), right)
        leading = leads(after, right)
        yield {
            "size": size,
            "detected": detected.mean(),
            "largest": leads(largest(shape, frame), right).mean(),
            "own column": before.mean(),
            "skae": leading.mean(),
            "own column, detected": before[detected].mean() if detected.any() else np.nan,
            "skae, detected": leading[detected].mean() if detected.any() else np.nan,
            "ms a row": 1e3 * seconds / n,
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("--scores", nargs="+", choices=SCORINGS, default=list(SCORINGS))
    parser.add_argument("--modes", nargs="+", type=int, choices=(0, 1), default=[0, 1])
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(machine())
    found = []
    for name in arguments.shapes:
        if arguments.half in (None, SHAPES[name].half):
            for novelty in arguments.modes:
                settings = (name, bool(novelty), arguments.scores, arguments.rows, arguments.seed)
                for row in measured(*settings):
                    print(row, flush=True)
                    found.append(row)
    table = pd.DataFrame(found)
    table["half"] = [SHAPES[name].half for name in table["shape"]]
    columns = [name for name in table if name not in ("shape", "mode", "scoring", "size", "half")]
    for by in (["half", "shape", "size"], ["half", "mode", "scoring", "size"], ["half", "size"]):
        print(table.groupby(by, sort=False)[columns].mean().round(3).to_string(), "\n")
    low = table[table["skae"] < 0.95]
    print("Below 95%:", low[["shape", "mode", "scoring", "size", *columns]].to_string(), sep="\n")


if __name__ == "__main__":
    main()
