"""Benchmark of the speed of ONNX graphs, compared with the exported method, on one thread.

``python benchmarks/onnx_speed.py`` fits networks for one epoch, exports ``transform``, and runs
both alternately, for one row and for 10,000 rows.
"""

from __future__ import annotations

import argparse
import time
from functools import partial

import numpy as np
import onnxruntime
import torch
from machine import machine

from skae import AutoencoderTransformer
from skae.export import to_onnx

_SIZES = (1, 10_000)
# Shortest duration of a measurement, in seconds.
_LEAST = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15, help="measurements of each")
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    print(machine(), f"onnxruntime {onnxruntime.__version__}, medians of {repeats}.", flush=True)
    print("| architecture | rows | transform, ms | onnxruntime, ms | ratio |")
    print("|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(10_000, 8)) @ rng.normal(size=(8, 64))).astype(np.float32)
    for architecture in ("dense", "convolutional", "recurrent", "transformer"):
        estimator = AutoencoderTransformer(8, architecture=architecture, max_epochs=1)
        estimator.fit(X[:1000])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        model = to_onnx(estimator, "transform").SerializeToString()
        session = onnxruntime.InferenceSession(model, options)
        for size in _SIZES:
            calls = (
                partial(estimator.transform, X[:size]),
                partial(session.run, None, {"X": X[:size]}),
            )
            times = np.array([[seconds(call) for call in calls] for _ in range(repeats)])
            ours, onnx = 1e3 * np.median(times, axis=0)
            ratio = np.median(times[:, 0] / times[:, 1])
            print(f"| {architecture} | {size:,} | {ours:.3g} | {onnx:.3g} | {ratio:.2g} |")


def seconds(call) -> float:
    """Return the mean processor time of a call, over as many calls as fit into a measurement."""
    n_calls, start = 0, time.process_time()
    while n_calls == 0 or time.process_time() - start < _LEAST:
        call()
        n_calls += 1
    return (time.process_time() - start) / n_calls


if __name__ == "__main__":
    main()
