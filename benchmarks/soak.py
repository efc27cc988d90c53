"""Soak test: fit, use, save and load for an hour, and check for leaks.

Each round fits the next combination of estimator, kind and architecture, uses it, pickles it, and
writes and reads its file; some rounds are fits that fail, run in threads, or read a memory map.
Resident memory, open files, threads and Python objects are recorded after each pass over all
combinations. They must not grow after warm-up, from the second quarter to the last.

    python benchmarks/soak.py                  an hour
    python benchmarks/soak.py --minutes 5
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import pickle
import tempfile
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from machine import machine
from sections import markdown

import skae
from skae._training.convergence import TrainingDivergedError
from skae.architectures import ARCHITECTURES
from skae.kinds import KINDS

RESULTS = Path(__file__).parent.parent / "docs" / "benchmarks" / "soak.md"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 4)) @ RNG.normal(size=(4, 16)) + 0.3 * RNG.normal(size=(400, 16))
Y = (X[:, 0] > 0).astype(int)
HOLES = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
# Growth from the second quarter to the last that is attributed to the allocator.
FLAT = 0.03


def rounds():
    """Yield functions for one round each, over all combinations."""
    for kind, architecture in itertools.product(KINDS, ARCHITECTURES):
        yield lambda k=kind, a=architecture: transform(k, a)
    yield from (detect, impute, recommend, classify, fail, in_threads, from_a_map, go_on)


def transform(kind: str, architecture: str) -> None:
    ae = skae.AutoencoderTransformer(4, kind=kind, architecture=architecture, max_epochs=2)
    use(ae.fit(X), "reconstruct", X)


def detect() -> None:
    use(skae.AutoencoderOutlierDetector(max_epochs=2, n_estimators=2).fit(X), "score_samples", X)


def impute() -> None:
    use(skae.AutoencoderImputer(max_epochs=2, n_estimators=2).fit(HOLES), "transform", HOLES)


def recommend() -> None:
    use(skae.AutoencoderRecommender(max_epochs=2).fit(HOLES), "predict_all", None)


def classify() -> None:
    use(skae.AutoencoderClassifier(max_epochs=2).fit(X, Y), "predict_proba", X)


def use(estimator, method: str, rows) -> None:
    """Call a method of a model, and of its copies from a pickle and a file."""
    arguments = [] if rows is None else [rows]
    expected = getattr(estimator, method)(*arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.skae")
        estimator.save(path)
        for copy in (pickle.loads(pickle.dumps(estimator)), skae.load(path)):
            np.testing.assert_array_equal(getattr(copy, method)(*arguments), expected)


def fail() -> None:
    """Run fits that raise errors, whose tracebacks keep references to frames."""
    for ae, rows in (
        (skae.AutoencoderTransformer(2), np.full((9, 3), np.inf)),
        (skae.AutoencoderTransformer(2, init="random", optimizer="sgd", learning_rate=1e30), X),
    ):
        try:
            ae.fit(rows)
        except (ValueError, TrainingDivergedError):
            continue
        raise AssertionError("this fit should have failed")


def in_threads() -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: transform("undercomplete", "dense"), range(4)))


def from_a_map() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.npy")
        np.save(path, X)
        skae.AutoencoderTransformer(4, max_epochs=2).fit(np.load(path, mmap_mode="r"))


def go_on() -> None:
    ae = skae.AutoencoderTransformer(4, max_epochs=2)
    for part in np.array_split(X, 4):
        ae.partial_fit(part)


def state(process: psutil.Process) -> dict:
    gc.collect()
    return {
        "MiB": process.memory_info().rss / 2**20,
        "files": process.num_fds() if os.name == "posix" else process.num_handles(),
        "threads": threading.active_count(),
        "objects": len(gc.get_objects()),
    }


def soak(seconds: float) -> pd.DataFrame:
    """Return the resources after each pass, with the minutes and the number of rounds so far."""
    process, start, records, n_rounds = psutil.Process(), time.monotonic(), [], 0
    while time.monotonic() - start < seconds:
        for once in rounds():
            once()
            n_rounds += 1
        minutes = (time.monotonic() - start) / 60
        records.append({"minutes": minutes, "rounds": n_rounds, **state(process)})
        print({k: round(v, 1) for k, v in records[-1].items()}, flush=True)
    return pd.DataFrame(records)


def growth(records: pd.DataFrame) -> pd.DataFrame:
    """Return medians of the second and of the last quarter, and what grew."""
    quarter = max(1, len(records) // 4)
    names = ["MiB", "files", "threads", "objects"]
    table = pd.DataFrame(
        {
            "second quarter": records[names].iloc[quarter : 2 * quarter].median(),
            "last quarter": records[names].iloc[-quarter:].median(),
        }
    )
    table["ratio"] = table["last quarter"] / table["second quarter"]
    return table


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--minutes", type=float, default=60)
    arguments.add_argument("--save", action="store_true", help="write the page that the docs show")
    arguments = arguments.parse_args()
    warnings.simplefilter("ignore")
    records = soak(60 * arguments.minutes)
    table = growth(records)
    flat = (table["ratio"] < 1 + FLAT).all()
    text = (
        f"{records['rounds'].iloc[-1]} rounds in {records['minutes'].iloc[-1]:.0f} minutes, "
        f"{len(records)} passes. {'Nothing grows.' if flat else 'Something grows.'}\n\n"
        f"{markdown(table.round(3).reset_index(names='what'))}\n\n{machine()}\n"
    )
    print(text)
    if arguments.save:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
