"""Networks and data of the benchmarks of speed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from fits import fitted

from skae.architectures import Convolutional, Dense, Recurrent
from skae.architectures.architecture import Architecture

_RANK = 10


@dataclass(frozen=True)
class Case:
    """Network, training parameters, and numbers of rows of training and inference.

    ``hidden`` contains the sizes of the hidden layers of a dense encoder, and is None for others.
    """

    name: str
    architecture: Architecture
    n_features: int
    code: int
    batch_size: int
    rows: int
    epochs: int
    rows_of_inference: int
    hidden: tuple[int, ...] | None = None

    @property
    def n_batches(self) -> float:
        """Number of batches in an epoch."""
        return self.rows / self.batch_size


def dense(hidden, n_features, code, rows, epochs, rows_of_inference) -> Case:
    """Return a case with dense layers, in batches of 256."""
    sizes = "-".join(map(str, (n_features, *hidden, code)))
    return Case(
        f"dense {sizes}",
        Dense(hidden),
        n_features,
        code,
        256,
        rows,
        epochs,
        rows_of_inference,
        hidden,
    )


SMALL = dense((128,), 64, 32, rows=20_000, epochs=20, rows_of_inference=50_000)
MEDIUM = dense((256,), 784, 32, rows=10_240, epochs=8, rows_of_inference=20_000)
DEEP = dense((1000, 500, 250), 784, 30, rows=5_120, epochs=4, rows_of_inference=10_000)
IMAGES = Case("convolutional 28x28", Convolutional((1, 28, 28)), 784, 32, 256, 2_560, 3, 5_000)
SERIES = Case("recurrent 140x1", Recurrent(), 140, 8, 64, 1_280, 2, 2_000)
CASES = (SMALL, MEDIUM, DEEP, IMAGES, SERIES)


def low_rank(n_rows: int, n_features: int) -> np.ndarray:
    """Return rows that depend on ten latent factors plus noise, standardised, in float32."""
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((n_rows, _RANK), dtype=np.float32)
    X = factors @ rng.standard_normal((_RANK, n_features), dtype=np.float32)
    X += rng.standard_normal(X.shape, dtype=np.float32)
    X -= X.mean(axis=0)
    X /= X.std(axis=0)
    return X


def fit_case(case: Case, X: np.ndarray, device: torch.device, **parameters):
    """Return an autoencoder fitted on all rows for a fixed number of epochs, and its seconds."""
    given = {
        "batch_size": case.batch_size,
        "max_epochs": case.epochs,
        "early_stopping": False,
        "learning_rate": 1e-3,
        "device": str(device),
        "random_state": 0,
    }
    return fitted(case.code, case.architecture, X, **(given | parameters))


def epoch_seconds(autoencoder) -> float:
    """Return the seconds of all epochs of a fit, without preparation and finalisation."""
    return float(autoencoder.history_["seconds"].iloc[1:].sum())
