"""Benchmark of the speed of inference, compared with plain forward passes."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import torch
from plain_loop import decode, encode, in_batches, on_threads, squared_errors, threads_of
from speed_networks import CASES, Case, fit_case, low_rank
from timing import Settings, Spread, seconds_of, take_turns


def inference(settings: Settings) -> list[pd.DataFrame]:
    """Compute codes, reconstructions and scores of rows with networks fitted for one epoch.

    The plain forward passes process float32 tensors on the device, in batches of 256, and leave the
    results there; skae takes and returns arrays.
    """
    lines = []
    for case in CASES:
        lines += _lines(case, settings)
        print(pd.DataFrame(lines[-3:]).to_string(index=False, header=False), flush=True)
    columns = ["network", "threads", "method", "skae, rows/s", "plain, rows/s", "skae / plain"]
    return [pd.DataFrame(lines, columns=columns)]


def _lines(case: Case, settings: Settings) -> list[list]:
    """Return a line for each method of the estimator."""
    n_rows = settings.rows(case.rows_of_inference)
    X = low_rank(n_rows, case.n_features)
    autoencoder, _ = fit_case(case, X[: case.rows], settings.device, max_epochs=1)
    network = autoencoder._fitted.network(str(settings.device))
    threads = threads_of(network, 256)
    lines = []
    for name, (ours, plain) in calls(autoencoder, network, X, settings.device).items():
        methods = {
            "skae": partial(seconds_of, ours, settings.device),
            "plain": partial(_plain_seconds, threads, plain, settings.device),
        }
        seconds = take_turns(methods, settings.repeats)
        speeds = (n_rows / seconds["skae"], n_rows / seconds["plain"])
        ratio = seconds["plain"] / seconds["skae"]
        lines.append([case.name, threads, name, *map(Spread, (*speeds, ratio))])
    return lines


def calls(autoencoder, network, X: np.ndarray, device: torch.device) -> dict:
    """Return each method of the estimator with its plain forward pass, as functions."""
    codes = autoencoder.transform(X)
    rows, coded = (torch.from_numpy(array).to(device) for array in (X, codes))
    encoder, decoder = partial(encode, network), partial(decode, network)

    def both(batch):
        return decoder(encoder(batch))

    return {
        "transform": (
            partial(autoencoder.transform, X),
            partial(in_batches, encoder, rows),
        ),
        "inverse_transform": (
            partial(autoencoder.inverse_transform, codes),
            partial(in_batches, decoder, coded),
        ),
        "score_samples": (
            partial(autoencoder.score_samples, X),
            partial(in_batches, partial(squared_errors, both), rows),
        ),
    }


def _plain_seconds(threads: int, call, device: torch.device) -> float:
    with on_threads(threads):
        return seconds_of(call, device)
