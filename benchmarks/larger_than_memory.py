"""Benchmark of fits of rows that are larger than memory, under a hard memory limit.

    python benchmarks/larger_than_memory.py                    10 GB of rows, 2 GB of memory
    python benchmarks/larger_than_memory.py --gigabytes 1      a trial
    python benchmarks/larger_than_memory.py --save             into the docs as well

Rows are simulated and written to a folder in ``tempfile.gettempdir()`` (TMPDIR), which needs twice
their size. Each run is a separate process in a memory cgroup of 2 GB, which also counts the page
cache of the files that it reads; if no cgroup can be created, its private memory is limited
(RLIMIT_DATA). Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from machine import machine
from peak_memory import megabytes
from sections import save, section

import skae

RESULTS = Path(__file__).parent.parent / "docs" / "benchmarks" / "larger_than_memory.md"
RUNS = {
    "memory map": ("map", "AutoencoderTransformer"),
    "generator": ("generator", "AutoencoderTransformer"),
    "memory map, outliers": ("map", "AutoencoderOutlierDetector"),
}
N_FEATURES, N_FACTORS, ROWS_OF_A_BATCH = 256, 16, 20_000


def batches(n_rows: int) -> Iterator[np.ndarray]:
    """Yield simulated rows: 16 curved factors, and noise."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((N_FACTORS, N_FEATURES), dtype=np.float32)
    for start in range(0, n_rows, ROWS_OF_A_BATCH):
        n = min(ROWS_OF_A_BATCH, n_rows - start)
        factors = np.tanh(2 * rng.standard_normal((n, N_FACTORS), dtype=np.float32))
        noise = rng.standard_normal((n, N_FEATURES), dtype=np.float32)
        yield factors @ directions + 0.3 * noise


def write(path: Path, n_rows: int) -> None:
    """Write the rows to a file, and drop them from the page cache."""
    with path.open("wb") as file:
        for batch in batches(n_rows):
            file.write(batch.data)
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@contextmanager
def memory_group(limit: int) -> Iterator[Path | None]:
    """Create a cgroup with a memory limit within that of this process; return None on failure."""
    groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    first = [path for _, names, path in groups if "memory" in names.split(",")]
    unified = [path for _, names, path in groups if not names]
    places = [(Path("/sys/fs/cgroup/memory" + path), "memory.limit_in_bytes") for path in first]
    places += [(Path("/sys/fs/cgroup" + path), "memory.max") for path in unified]
    for parent, name in places:
        group = parent / f"skae-benchmark-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / name).write_text(str(limit))
        except OSError:
            group.rmdir()
            continue
        try:
            yield group
        finally:
            group.rmdir()
        return
    yield None


class Peak:
    """Monitor of the largest private memory of this process, in MB."""

    def __enter__(self):
        self.megabytes, self._ended = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            self.megabytes = max(self.megabytes, megabytes("RssAnon"))


def measure(estimator: str, source: str, path: str, n_rows: int) -> dict:
    """Fit and use an estimator, and return seconds and MB."""
    if source == "map":
        X = np.memmap(path, np.float32, "r", shape=(n_rows, N_FEATURES))
    else:
        X = partial(batches, n_rows)
    model = getattr(skae, estimator)(max_epochs=1, batch_size=4096, random_state=0)
    use = "transform" if hasattr(model, "transform") else "score_samples"
    seconds, figures = {}, {"before": megabytes("RssAnon")}
    with Peak() as peak:
        for step in ("fit", use):
            start = time.perf_counter()
            result = getattr(model, step)(X)
            seconds[step] = time.perf_counter() - start
            print(step, seconds[step], file=sys.stderr, flush=True)
    some = next(batches(ROWS_OF_A_BATCH))
    residual = some - model.reconstruct(some)
    explained = 1 - float(np.square(residual).sum() / np.square(some - some.mean(axis=0)).sum())
    return figures | {
        "peak": peak.megabytes,
        "fit": seconds["fit"],
        "use": seconds[use],
        "result": result.nbytes / 2**20,
        "explained": explained,
    }


def run_limited(arguments: list, limit: int) -> tuple[dict, str]:
    """Run :func:`measure` in a separate process with a memory limit; also return its type."""
    with memory_group(limit) as group:
        place = "/dev/null" if group is None else str(group / "cgroup.procs")
        measured = [sys.executable, __file__, "--measure", str(limit), *map(str, arguments)]
        measured[3] = "0" if group else measured[3]
        # Join the group before Python starts, so that all of its memory counts.
        command = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', place, *measured]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(output), "cgroup" if group else "RLIMIT_DATA"


def limited(limit: str, estimator: str, source: str, path: str, n_rows: str) -> None:
    """Set a limit if there is none yet, measure, and print the figures."""
    if int(limit):
        resource.setrlimit(resource.RLIMIT_DATA, (int(limit), int(limit)))
    print(json.dumps(measure(estimator, source, path, int(n_rows))))


def main() -> None:
    """Write the rows, run all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", choices=[[], *RUNS], default=[])
    parser.add_argument("--gigabytes", type=float, default=10.0, help="size of the rows")
    parser.add_argument("--limit", type=float, default=2.0, help="GB of memory")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    chosen = parser.parse_args()
    n_rows = int(chosen.gigabytes * 1e9) // (4 * N_FEATURES)
    lines, kind = [], ""
    with tempfile.TemporaryDirectory(prefix="skae-benchmark-") as folder:
        if shutil.disk_usage(folder).free < 2.2e9 * chosen.gigabytes:
            sys.exit(f"{folder} has too little room: set TMPDIR to another place.")
        path = Path(folder) / "rows"
        if any(RUNS[name][0] == "map" for name in chosen.runs or RUNS):
            write(path, n_rows)
        for name in chosen.runs or RUNS:
            source, estimator = RUNS[name]
            figures, kind = run_limited([estimator, source, path, n_rows], int(chosen.limit * 1e9))
            keys = ("fit", "use", "before", "peak", "result", "explained")
            lines.append([name, estimator, *(round(figures[key], 3) for key in keys)])
            print(*lines[-1], flush=True)
    columns = ["rows from", "estimator", "fit, s", "transform or score, s"]
    columns += ["private MB before", "private MB at the peak", "result, MB", "variance explained"]
    table = pd.DataFrame(lines, columns=columns)
    caption = (
        f"{chosen.gigabytes:g} GB: {n_rows:,} rows of {N_FEATURES} float32, one epoch of batches "
        f"of 4,096 rows, otherwise default settings, one run, limit of "
        f"{chosen.limit:g} GB by {kind}. {machine()}"
    )
    print(f"\n{caption}\n{table.to_string(index=False)}")
    if chosen.save:
        save(RESULTS, ["limit"], {"limit": section(caption, table)})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        limited(*sys.argv[2:])
    else:
        main()
