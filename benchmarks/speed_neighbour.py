"""Benchmark of fits while other programs use the cores."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pandas as pd
import torch
from plain_loop import plain_seconds
from speed_networks import DEEP, SMALL, Case, fit_case, low_rank
from timing import Settings, Spread, take_turns

_BUSY = """
import numpy as np
matrix = np.ones((512, 512), np.float32)
print("ready", flush=True)
while True:
    matrix @ matrix
"""
# With threads that wait for one another, an epoch may take tens of times as long.
_EPOCHS = 2
_ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}


def neighbour(settings: Settings) -> list[pd.DataFrame]:
    """Fit alone, while one program multiplies matrices, and with one such program per core.

    The plain loop uses one thread per core, skae chooses the number of threads. "Slower" is the
    ratio of the seconds with other programs to the seconds alone.
    """
    lines = []
    for case in (SMALL, DEEP):
        lines += _lines(replace(case, epochs=_EPOCHS), settings)
    columns = [
        *("network", "neighbours", "skae, s", "plain loop, s"),
        *("skae, times slower", "plain loop, times slower"),
    ]
    return [pd.DataFrame(lines, columns=columns)]


def _lines(case: Case, settings: Settings) -> list[list]:
    """Return one line for each number of other programs."""
    n_cores = len(os.sched_getaffinity(0))
    X = low_rank(settings.rows(case.rows), case.n_features)
    numbers = dict.fromkeys((0, 1, n_cores))
    methods = {number: partial(_both, number, case, X, n_cores, settings) for number in numbers}
    figures = take_turns(methods, settings.repeats)
    lines = []
    for number, seconds in figures.items():
        slower = seconds / figures[0]
        spreads = map(Spread, (*seconds.T, *slower.T))
        lines.append([case.name, number, *spreads])
        print(*lines[-1], sep=" | ", flush=True)
    return lines


def _both(number: int, case: Case, X, n_cores: int, settings: Settings) -> tuple[float, float]:
    """Return the seconds of skae and of the plain loop with a number of other programs."""
    rows = torch.from_numpy(X).to(settings.device)
    with busy(number):
        autoencoder, seconds = fit_case(case, X, settings.device)
        plain = plain_seconds(autoencoder, rows, case.batch_size, case.epochs, n_cores)
    return seconds, plain


@contextlib.contextmanager
def busy(number: int) -> Iterator[None]:
    """Run a number of busy processes, with one thread each."""
    command = [sys.executable, "-c", _BUSY]
    environment = os.environ | _ONE_THREAD
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
            stack.enter_context(process)  # waits for it
            stack.callback(process.kill)  # called first
            process.stdout.readline()
        yield
