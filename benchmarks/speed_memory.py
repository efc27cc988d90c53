"""Benchmark of the peak memory of fit and transform."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pandas as pd
from timing import Settings, Spread, take_turns

_SCRIPT = Path(__file__).parent / "peak_memory.py"
_TABLES = ((200_000, 200, "float32"), (60_000, 784, "float32"), (60_000, 784, "uint8"))


def memory(settings: Settings) -> list[pd.DataFrame]:
    """Measure the peak of resident memory above the memory with the data loaded, in a new process.

    Within the limit means that data and peak together are at most 2 x data + 500 MB. One epoch,
    code 32.
    """
    lines = []
    for n_rows, n_features, dtype in _TABLES:
        table = (settings.rows(n_rows), n_features, dtype)
        steps = {step: partial(_peak, step, *table, settings) for step in ("fit", "transform")}
        for step, figures in take_turns(steps, settings.repeats).items():
            data, peak = figures[0, 0], Spread(figures[:, 1])
            limit = data + 500
            kept = "yes" if peak.values.max() <= limit else "no"
            rows = f"{table[0]:,} x {n_features} {dtype}"
            lines.append([rows, step, data, peak, limit, kept])
            print(*lines[-1], flush=True)
    columns = ["rows", "step", "data, MB", "peak above the data, MB", "limit, MB", "kept"]
    return [pd.DataFrame(lines, columns=columns)]


def _peak(step: str, n_rows: int, n_features: int, dtype: str, settings: Settings):
    """Return the MB of the data, and of the peak above it."""
    arguments = [step, str(n_rows), str(n_features), dtype, str(settings.device)]
    command = [sys.executable, str(_SCRIPT), *arguments]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    figures = json.loads(output)
    return figures["data"], figures["peak"]
