"""Hand-written training and inference in torch, for comparison with skae."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from timing import seconds_of
from torch import nn

from skae._network.build import network_with
from skae._runtime.threads import threads_for


def train_epoch(
    forward: Callable, optimizer: torch.optim.Optimizer, X: torch.Tensor, batch_size: int
) -> None:
    """Train for one epoch in random order, minimising the mean squared error."""
    for index in torch.randperm(len(X), device=X.device).split(batch_size):
        batch = X[index]
        loss = ((forward(batch) - batch) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def plain_seconds(
    autoencoder, X: torch.Tensor, batch_size: int, epochs: int, n_threads: int
) -> float:
    """Return the seconds of a plain loop for the network of a fitted autoencoder, in float32.

    Parameters
    ----------
    autoencoder : AutoencoderTransformer
        The loop trains a copy of its network.

    X : torch.Tensor of shape (n_rows, n_features)
        Rows on the device.

    batch_size, epochs, n_threads : int
        Rows in a batch, passes over the rows, and threads to compute on.
    """
    network = network_with(autoencoder._fitted.spec, autoencoder._fitted.weights, X.device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)

    def forward(batch):
        return network.decoder_output(network.encoder_output(batch))

    def epochs_of_training():
        for _ in range(epochs):
            train_epoch(forward, optimizer, X, batch_size)

    with on_threads(n_threads):
        return seconds_of(epochs_of_training, X.device)


@contextlib.contextmanager
def on_threads(n_threads: int) -> Iterator[None]:
    """Compute on a number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def threads_of(network, batch_size: int) -> int:
    """Return the largest number of threads that skae uses for a network in five trials."""
    looks = []
    for _ in range(5):
        with threads_for(batch_size, network.work.at_once):
            looks.append(torch.get_num_threads())
    return max(looks)


def in_batches(function: Callable, X: torch.Tensor, batch_size: int = 256) -> torch.Tensor:
    """Return the result of a function for all rows, computed batch by batch without gradients."""
    with torch.inference_mode():
        return torch.cat([function(batch) for batch in X.split(batch_size)])


def encode(network, X: torch.Tensor) -> torch.Tensor:
    """Return the codes of rows."""
    return network.linear_encoder(X) + network.encoder(X.reshape(-1, *network.sample_shape))


def decode(network, codes: torch.Tensor) -> torch.Tensor:
    """Return the reconstructions of codes."""
    residual = network.decoder(codes).reshape(len(codes), -1)
    return network.linear_decoder(codes) + residual * network.residual_scale


def squared_errors(forward: Callable, X: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error of each row."""
    return ((forward(X) - X) ** 2).mean(1)


def layers(*sizes: int) -> nn.Sequential:
    """Return linear layers with ReLU between them."""
    modules: list[nn.Module] = []
    for n_inputs, n_outputs in pairwise(sizes):
        modules += [nn.Linear(n_inputs, n_outputs), nn.ReLU()]
    return nn.Sequential(*modules[:-1])
