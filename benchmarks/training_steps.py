"""A training step of skae beside one of a plain loop around the same module."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import torch

from skae.architectures import Convolutional, Dense, Recurrent, Transformer
from skae.kinds import Undercomplete
from skae.losses import MSE
from skae.training.batches import Batches
from skae.training.net import AutoencoderNet
from skae.training.network import AutoencoderNetwork
from skae.training.optimizer import make_optimizer
from skae.training.rows import Rows
from skae.training.scaling import Scaling
from skae.training.threads import threads_for


def steps() -> pd.DataFrame:
    """Compare a training step of skae with one of a plain loop around the same module."""
    lines = []
    for name, architecture, n_features, batch_size in (
        ("dense", Dense((512, 256)), 784, 256),
        ("convolutional", Convolutional((1, 28, 28)), 784, 256),
        ("recurrent, LSTM", Recurrent(), 140, 64),
        ("recurrent, GRU", Recurrent("gru"), 140, 64),
        ("transformer", Transformer((1, 28, 28)), 784, 64),
    ):
        X = np.random.default_rng(0).normal(size=(batch_size * 20, n_features)).astype(np.float32)
        architecture = architecture.resolved(architecture.sample_shape((n_features,)), len(X))
        network = AutoencoderNetwork(
            n_features,
            16,
            kind=Undercomplete(),
            architecture=architecture,
            loss=MSE(),
            linear_path=True,
            generator=torch.Generator().manual_seed(0),
        )
        with threads_for(batch_size, network.n_multiplications):
            ours, plain = zip(
                *(
                    (_skae_epoch(network, X, batch_size), _plain_epoch(network, X, batch_size))
                    for _ in range(5)
                ),
                strict=True,
            )
        ours, plain = np.median(ours) / 20 * 1e3, np.median(plain) / 20 * 1e3
        lines.append([name, network.n_parameters, batch_size, plain, ours, ours / plain])
        print(*lines[-1], flush=True)
    columns = ["architecture", "weights", "batch", "plain loop, ms", "skae, ms", "skae / plain"]
    return pd.DataFrame(lines, columns=columns)


def _skae_epoch(network: AutoencoderNetwork, X: np.ndarray, batch_size: int) -> float:
    """Return the seconds of the second epoch of skae's training; the first warms up."""
    rows = Rows(X, Scaling(np.zeros(X.shape[1]), 1.0), torch.device("cpu"), torch.float32)
    generator = torch.Generator().manual_seed(0)
    batches = Batches(rows, torch.arange(len(X)), torch.ones(len(X)), batch_size, generator)
    net = AutoencoderNet(
        network, generator=generator, optimizer=torch.optim.AdamW, lr=1e-4, device=None
    ).initialize()
    net.fit_loop((batches, None), epochs=2)
    return net.history[-1, "train_seconds"]


def _plain_epoch(network: AutoencoderNetwork, X: np.ndarray, batch_size: int) -> float:
    """Return the seconds of an epoch of a plain loop around encoder and decoder."""
    optimizer = make_optimizer(network, torch.optim.AdamW, 1e-4, 0.01)
    rows = torch.from_numpy(X)
    network.train()
    for _ in range(2):
        start = time.perf_counter()
        for index in torch.randperm(len(rows)).split(batch_size):
            batch = rows[index]
            shaped = batch.reshape(-1, *network.sample_shape)
            code = network.linear_encoder(batch) + network.encoder(shaped)
            residual = network.decoder(code).reshape(batch.shape)
            loss = (network.linear_decoder(code) + residual - batch).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        seconds = time.perf_counter() - start
    return seconds
