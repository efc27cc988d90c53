"""How much slower a fit is beside other programs that keep cores busy."""

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
# On threads that wait for one another, an epoch may take tens of times as long.
_EPOCHS = 2
_ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}


def neighbour(settings: Settings) -> list[pd.DataFrame]:
    """Fit alone, beside one program that multiplies matrices without end, and one for each core.

    The plain loop takes a thread for each core, skae as many as it finds right. Slower means
    seconds beside the neighbours over seconds alone.
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
    """Return a line for each number of neighbours."""
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
    """Return the seconds of skae and of the plain loop beside so many neighbours."""
    rows = torch.from_numpy(X).to(settings.device)
    with busy(number):
        autoencoder, seconds = fit_case(case, X, settings.device)
        plain = plain_seconds(autoencoder, rows, case.batch_size, case.epochs, n_cores)
    return seconds, plain


@contextlib.contextmanager
def busy(number: int) -> Iterator[None]:
    """Keep so many processes busy, one thread each."""
    command = [sys.executable, "-c", _BUSY]
    environment = os.environ | _ONE_THREAD
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
            stack.enter_context(process)  # waits for it
            stack.callback(process.kill)  # called first
            process.stdout.readline()
        yield
