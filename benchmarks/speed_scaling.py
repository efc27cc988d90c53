"""Benchmark of the time of a fit against the number of rows, columns and epochs."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import torch
from fits import fitted
from plain_loop import plain_seconds, threads_of
from speed_networks import low_rank
from timing import Settings, Spread, take_turns

from skae.architectures import Dense

_BATCH = 512
_CODE = 8


@dataclass(frozen=True)
class Size:
    """Size of a fit, and the quantity that varies."""

    varied: str
    rows: int
    columns: int
    epochs: int


SIZES = (
    *(Size("rows", 10**power, 64, 2) for power in (3, 4, 5, 6)),
    *(Size("columns", 5000, 10**power, 2) for power in (1, 2, 3, 4)),
    *(Size("epochs", 20_000, 64, epochs) for epochs in (1, 4, 16)),
)


def scaling(settings: Settings) -> list[pd.DataFrame]:
    """Fit a code of 8 values with a hidden layer of 128 in batches of 512, and run the plain loop.

    Times of skae are those of the whole fit with ``precision="auto"``. The plain loop, in float32,
    starts from a tensor of rows on the device.
    """
    lines = []
    for size in SIZES:
        lines.append(_line(size, settings))
        print(*lines[-1], sep=" | ", flush=True)
    columns = [
        *("varied", "rows", "columns", "epochs"),
        *("skae, s", "plain loop, s", "skae, us per row and epoch"),
        *("plain loop, us per row and epoch", "skae / plain loop, seconds"),
    ]
    return [pd.DataFrame(lines, columns=columns)]


def _line(size: Size, settings: Settings) -> list:
    """Time both at one size."""
    n_rows = settings.rows(size.rows)
    X = low_rank(n_rows, size.columns)
    tensor = torch.from_numpy(X).to(settings.device)
    autoencoder, _ = _fit(X[:_BATCH], 1, settings)
    threads = threads_of(autoencoder._fitted.network(str(settings.device)), _BATCH)

    def skae():
        return _fit(X, size.epochs, settings)[1]

    def plain():
        return plain_seconds(autoencoder, tensor, _BATCH, size.epochs, threads)

    seconds = take_turns({"skae": skae, "plain": plain}, settings.repeats)
    ours, plain = seconds["skae"], seconds["plain"]
    each = 1e6 / n_rows / size.epochs
    spreads = map(Spread, (ours, plain, ours * each, plain * each, ours / plain))
    return [size.varied, n_rows, size.columns, size.epochs, *spreads]


def _fit(X, epochs: int, settings: Settings):
    """Return a fitted autoencoder and the seconds of its fit."""
    return fitted(
        _CODE,
        Dense((128,)),
        X,
        batch_size=_BATCH,
        max_epochs=epochs,
        early_stopping=False,
        device=str(settings.device),
        random_state=0,
    )
