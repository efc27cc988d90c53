"""Benchmark of the speed of training, compared with a plain torch loop and other packages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from plain_loop import on_threads, plain_seconds, threads_of
from speed_networks import CASES, Case, epoch_seconds, fit_case, low_rank
from speed_peers import missing, peers
from timing import Settings, Spread, seconds_of, take_turns

PRECISIONS = ("auto", "float32")
RATIO = "skae (auto, whole fit) / this, rows/s"
_SIZE_OF_PRODUCT = 2048


def training(settings: Settings) -> list[pd.DataFrame]:
    """Train with the same module, layer sizes, batches and epochs.

    For skae, the table has the time of the whole fit and of the epochs alone, which include the
    selection of the best weights; for PyOD, pythae and MLPRegressor, that of the whole fit, of
    networks without skae's linear maps. In the second table, "plain loop / epochs" is the ratio of
    the seconds of the plain loop to those of skae's epochs. Operations are the multiplications and
    additions of forward and backward passes; the peak is that of a product of two matrices of 2048
    x 2048 on the same threads and in the same precision.
    """
    for line in missing():
        print(line)
    lines, ratios = [], []
    for case in CASES:
        case = replace(case, rows=settings.rows(case.rows))
        X = low_rank(case.rows, case.n_features)
        autoencoder, _ = fit_case(case, X, settings.device, max_epochs=1)
        network = autoencoder._fitted.network(str(settings.device))
        threads = threads_of(network, case.batch_size)
        seconds = train_by_turns(case, X, autoencoder, threads, settings)
        lines += _lines(case, threads, seconds)
        with on_threads(threads):
            ratios.append(_ratios(case, seconds, autoencoder.precision_, network, settings))
        print(pd.DataFrame(lines[-len(seconds) :]).to_string(index=False, header=False), flush=True)
    columns = ["network", "batch", "threads", "method", "ms per batch", "rows/s", RATIO]
    return [pd.DataFrame(lines, columns=columns), pd.DataFrame(ratios)]


def train_by_turns(
    case: Case, X: np.ndarray, autoencoder, threads: int, settings: Settings
) -> dict[str, np.ndarray]:
    """Return the seconds of all methods; the plain loop trains the network of the autoencoder."""
    tensor = torch.from_numpy(X).to(settings.device)

    def fit(precision):
        fitted, seconds = fit_case(case, X, settings.device, precision=precision)
        return seconds, epoch_seconds(fitted)

    def plain():
        return plain_seconds(autoencoder, tensor, case.batch_size, case.epochs, threads)

    methods = {precision: lambda p=precision: fit(p) for precision in PRECISIONS}
    methods |= {"plain torch loop": plain, **peers(case, X, settings.device)}
    figures = take_turns(methods, settings.repeats)
    seconds = {}
    for precision in PRECISIONS:
        whole, epochs = figures.pop(precision).T
        seconds |= {f"skae, {precision}": whole, f"skae, {precision}, epochs": epochs}
    return seconds | figures


def _lines(case: Case, threads: int, seconds: dict[str, np.ndarray]) -> list[list]:
    """Return a line for each method."""
    rows = case.rows * case.epochs
    ours = seconds["skae, auto"]
    return [
        [
            case.name,
            case.batch_size,
            threads,
            method,
            Spread(taken / case.epochs / case.n_batches * 1e3),
            Spread(rows / taken),
            Spread(taken / ours),
        ]
        for method, taken in seconds.items()
    ]


def _ratios(case, seconds, precision: str, network, settings) -> dict:
    """Return the speed of skae's epochs relative to the plain loop and to the peak."""
    plain = seconds["plain torch loop"]
    flops = 6 * network.work.in_all * case.rows * case.epochs
    speed = flops / seconds["skae, auto, epochs"] / 1e9
    peaks = {p: peak_speed(getattr(torch, p), settings.device) for p in {precision, "float32"}}
    return {
        "network": case.name,
        "plain loop / epochs, auto": Spread(plain / seconds["skae, auto, epochs"]),
        "plain loop / epochs, float32": Spread(plain / seconds["skae, float32, epochs"]),
        "auto means": precision,
        "GFLOP/s, auto": Spread(speed),
        "peak GFLOP/s": peaks[precision],
        "fraction of the peak": Spread(speed / peaks[precision]),
        "plain loop: fraction of the float32 peak": Spread(flops / plain / 1e9 / peaks["float32"]),
    }


def peak_speed(dtype: torch.dtype, device: torch.device) -> float:
    """Return 1e9 operations per second of the fastest of ten products of large matrices."""
    matrix = torch.rand(_SIZE_OF_PRODUCT, _SIZE_OF_PRODUCT, device=device).to(dtype)
    seconds = [seconds_of(lambda: matrix @ matrix, device) for _ in range(11)]
    return 2 * _SIZE_OF_PRODUCT**3 / min(seconds[1:]) / 1e9
