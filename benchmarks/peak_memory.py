"""Peak memory of a step of the estimator in MB, printed as JSON.

    python benchmarks/peak_memory.py fit 200000 200 float32 cpu

The peak is that of this process, so each step needs a separate process. Needs Linux.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np

from skae import AutoencoderTransformer

_BLOCK = 10_000


def megabytes(name: str) -> float:
    """Return an entry of the status of this process: VmRSS is its memory, VmHWM the peak."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) / 1024


def rows(n_rows: int, n_features: int, dtype: str) -> np.ndarray:
    """Return random rows, drawn in blocks to need no further memory."""
    rng = np.random.default_rng(0)
    X = np.empty((n_rows, n_features), dtype)
    for start in range(0, n_rows, _BLOCK):
        block = X[start : start + _BLOCK]
        if dtype == "uint8":
            block[:] = rng.integers(256, size=block.shape, dtype=np.uint8)
        else:
            rng.standard_normal(out=block, dtype=np.float32)
    return X


def main(step: str, n_rows: str, n_features: str, dtype: str, device: str) -> None:
    """Run the step, and print the peak of memory above the memory before it."""
    X = rows(int(n_rows), int(n_features), dtype)
    autoencoder = AutoencoderTransformer(32, max_epochs=1, device=device, random_state=0)
    if step == "transform":
        autoencoder.fit(X[:1000])
    before = megabytes("VmRSS")
    getattr(autoencoder, step)(X)
    peak = megabytes("VmHWM") - before
    print(json.dumps({"data": X.nbytes / 2**20, "peak": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
