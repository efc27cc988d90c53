"""Benchmark of the time to reach a reconstruction error much smaller than PCA's."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import torch
from fits import fitted
from plain_loop import layers, on_threads, threads_of, train_epoch
from sklearn.decomposition import PCA
from tables import fashion_mnist
from timing import Settings, Spread, seconds_of, take_turns
from torch import nn

from skae.architectures import Dense

TARGET = 0.65
_CODE = 32
_EPOCHS = (2, 3, 4, 6, 8, 12, 16, 24)
_MOST_EPOCHS = 40
_MOST_REPEATS = 3


def fashion(settings: Settings) -> list[pd.DataFrame]:
    """Train on Fashion-MNIST until the error on the test images is 0.65 of PCA's; code 32.

    skae has hidden layers of 512 and 256 and default parameters except the number of epochs: the
    smallest of 2, 3, 4, 6, 8, 12, 16 and 24 that is sufficient, with the seconds of the whole fit.
    The plain loop trains 784-512-256-32-256-512-784 with ReLU, torch's initial weights and Adam
    with 0.001 in batches of 256, in float32 and on the same threads, and stops at the first epoch
    that reaches the error, at most 40; evaluation time is excluded. At most three runs.
    """
    found = fashion_mnist()
    if found is None:
        print("skipped: no fashion_mnist.npz")
        return []
    train, test = found[0][: settings.rows(len(found[0]))], found[1]
    pca = PCA(_CODE, random_state=0).fit(train)
    wanted = TARGET * np.square(test - pca.inverse_transform(pca.transform(test))).mean()
    autoencoder, epochs = _enough_epochs(train, test, wanted, settings)
    network = autoencoder._fitted.network(str(settings.device))
    threads = threads_of(network, autoencoder.batch_size_)
    methods = {
        "skae": partial(_skae, epochs, train, test, wanted, settings),
        "plain torch loop": partial(_plain, threads, train, test, wanted, settings.device),
    }
    figures = take_turns(methods, min(_MOST_REPEATS, settings.repeats), warm_up=False)
    return [_table(figures, threads, autoencoder.precision_)]


def _table(figures: dict[str, np.ndarray], threads: int, precision: str) -> pd.DataFrame:
    """Return a line for each method."""
    ours = figures["skae"][:, 0]
    lines = []
    for (name, values), used in zip(figures.items(), (precision, "float32"), strict=True):
        seconds, epochs, ratio = values.T
        reached = "yes" if ratio.max() <= TARGET else "no"
        spreads = map(Spread, (epochs, seconds, ratio, seconds / ours))
        lines.append([name, used, threads, *spreads, reached])
    columns = ["method", "precision", "threads", "epochs", "seconds", "error / PCA's"]
    return pd.DataFrame(lines, columns=[*columns, "seconds / skae's", "reached 0.65"])


def _enough_epochs(train, test, wanted: float, settings: Settings):
    """Return the first fit that reaches the error, and its number of epochs."""
    for epochs in _EPOCHS:
        autoencoder, seconds = _fit(epochs, train, settings)
        ratio = TARGET * _error(autoencoder.reconstruct(test), test) / wanted
        print(f"skae, {epochs} epochs: {ratio:.3f} of PCA's error, {seconds:.1f} s", flush=True)
        if ratio <= TARGET:
            break
    return autoencoder, epochs


def _fit(epochs: int, train, settings: Settings):
    return fitted(
        _CODE,
        Dense((512, 256)),
        train,
        max_epochs=epochs,
        device=str(settings.device),
        random_state=0,
    )


def _skae(epochs: int, train, test, wanted: float, settings: Settings):
    """Return the seconds of a fit, its epochs and its error relative to PCA."""
    autoencoder, seconds = _fit(epochs, train, settings)
    return seconds, epochs, TARGET * _error(autoencoder.reconstruct(test), test) / wanted


def _plain(threads: int, train, test, wanted: float, device: torch.device):
    """Return the seconds of the plain loop, its epochs and its error relative to PCA."""
    with on_threads(threads):
        return _plain_run(torch.from_numpy(train).to(device), test, wanted)


def _plain_run(train: torch.Tensor, test: np.ndarray, wanted: float):
    torch.manual_seed(0)
    hidden = (train.shape[1], 512, 256, _CODE)
    network = nn.Sequential(*layers(*hidden), *layers(*reversed(hidden))).to(train.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    epoch = partial(train_epoch, network, optimizer, train, 256)
    rows = torch.from_numpy(test).to(train.device)
    seconds, epochs, error = 0.0, 0, np.inf
    while error > wanted and epochs < _MOST_EPOCHS:
        seconds += seconds_of(epoch, train.device)
        epochs += 1
        with torch.inference_mode():
            error = _error(network(rows).cpu().numpy(), test)
    return seconds, epochs, TARGET * error / wanted


def _error(reconstruction: np.ndarray, X: np.ndarray) -> float:
    return float(np.square(reconstruction - X).mean())
