"""Benchmark of small tasks: hyperparameter search, small tables, first fits, imports."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pandas as pd
from fits import fitted
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import GridSearchCV
from timing import Settings, Spread, take_turns

from skae import AutoencoderTransformer

_GRID = {
    "n_components": [4, 8, 16, 32],
    "kind": ["undercomplete", "denoising"],
    "weight_decay": [0.0, 0.01, 0.1],
}
_BELOW = "import torch, skorch, sklearn"
_IMPORT = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"


def small(settings: Settings) -> list[pd.DataFrame]:
    """Search 24 candidates with 5 folds on the digits, fit a small table, and import skae.

    The time of the search excludes the start of its workers. A fit of one epoch on 150 rows
    consists of building the network, a few training steps and the selection of the weights; the
    first fit of the process is excluded. Imports are timed in new interpreters, seven times each.
    """
    lines = [*_searches(settings), *_fits(settings), *_imports(settings)]
    table = pd.DataFrame(lines, columns=["what", "unit", "median (lowest to highest)", "target"])
    print_costly_imports()
    return [table]


def _searches(settings: Settings) -> list[list]:
    X = load_digits().data[: settings.rows(1797)]
    seconds = take_turns({n: partial(_search, X, n, settings) for n in (1, -1)}, settings.repeats)
    names = {1: "n_jobs=1", -1: "n_jobs=-1"}
    return [[f"GridSearchCV, {names[n]}", "s", Spread(taken), ""] for n, taken in seconds.items()]


def _search(X: np.ndarray, n_jobs: int, settings: Settings) -> float:
    """Return the seconds of a search."""
    estimator = AutoencoderTransformer(max_epochs=10, device=str(settings.device), random_state=0)
    search = GridSearchCV(estimator, _GRID, cv=5, n_jobs=n_jobs)
    start = time.perf_counter()
    search.fit(X)
    return time.perf_counter() - start


def _fits(settings: Settings) -> list[list]:
    """Time fits on iris: 150 rows of 4 columns."""
    X = load_iris().data
    fits = {
        "default fit, 150 x 4": ({}, ""),
        "one epoch, 150 x 4, all rows": ({"max_epochs": 1, "early_stopping": False}, "< 30"),
        "one epoch, 150 x 4, in folds (the default)": ({"max_epochs": 1}, ""),
    }

    def seconds(parameters):
        return fitted("auto", "dense", X, device=str(settings.device), **parameters)[1]

    methods = {name: partial(seconds, parameters) for name, (parameters, _) in fits.items()}
    figures = take_turns(methods, settings.repeats)
    return [[name, "ms", Spread(1e3 * taken), fits[name][1]] for name, taken in figures.items()]


def _imports(settings: Settings) -> list[list]:
    """Time imports in new interpreters, seven times each."""
    statements = {"skae": "import skae", "below": _BELOW}
    methods = {name: partial(_import_seconds, text) for name, text in statements.items()}
    seconds = take_turns(methods, 7 if settings.repeats > 1 else 1)
    return [
        ["import skae", "s", Spread(seconds["skae"]), ""],
        [_BELOW, "s", Spread(seconds["below"]), ""],
        ["the first over the second", "", Spread(seconds["skae"] / seconds["below"]), ""],
    ]


def _import_seconds(statement: str) -> float:
    command = [sys.executable, "-c", _IMPORT.format(statement)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def print_costly_imports() -> None:
    """Print the ten modules that take longest to import once torch, skorch and sklearn are.

    Garbage collection is disabled, since it would be attributed to the module in which it runs.
    """
    statement = (
        f"import gc, sys; {_BELOW}; gc.disable(); print('now', file=sys.stderr); import skae"
    )
    command = [sys.executable, "-X", "importtime", "-c", statement]
    log = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    found = re.findall(r"import time: +(\d+) \| +(\d+) \| +(\S+)", log.split("now\n")[1])
    modules = sorted(((int(own), int(total), name) for own, total, name in found), reverse=True)
    print(f"\nlongest imports of skae beyond '{_BELOW}' (ms alone, ms with what they import):")
    for own, total, name in modules[:10]:
        print(f"{own / 1e3:8.1f} {total / 1e3:8.1f}  {name}")
