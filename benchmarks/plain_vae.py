"""Variational autoencoder as a hand-written torch loop, for comparison with the kind."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def layers(*sizes: int) -> nn.Sequential:
    """Return linear layers with SiLU between them."""
    modules: list[nn.Module] = []
    for n_inputs, n_outputs in pairwise(sizes):
        modules += [nn.Linear(n_inputs, n_outputs), nn.SiLU()]
    return nn.Sequential(*modules[:-1])


class PlainVAE:
    """Textbook network for binary data, trained by Adam with a learning rate of 1e-3.

    Parameters
    ----------
    n_components : int
        Size of the code.

    hidden : tuple of int
        Sizes of the hidden layers of the encoder; the decoder has them in reverse.

    epochs, batch_size : int
        Number of epochs, and number of rows in a batch.
    """

    def __init__(self, n_components, hidden, epochs, batch_size):
        self.n_components, self.hidden = n_components, hidden
        self.epochs, self.batch_size = epochs, batch_size

    def fit(self, X: np.ndarray):
        """Train on rows of zeros and ones."""
        torch.manual_seed(0)
        X = torch.from_numpy(X)
        k, d = self.n_components, X.shape[1]
        self.encoder = layers(d, *self.hidden, 2 * k)
        self.decoder = layers(k, *reversed(self.hidden), d)
        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)
        for _ in range(self.epochs):
            for index in torch.randperm(len(X)).split(self.batch_size):
                batch = X[index]
                optimizer.zero_grad()
                loss = -self._bound(batch, torch.randn(len(batch), k)).mean()
                loss.backward()
                optimizer.step()
        return self

    def _bound(self, X: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        mean, log_variance = self.encoder(X).chunk(2, dim=1)
        code = mean + torch.exp(0.5 * log_variance) * noise
        logits = self.decoder(code)
        likelihood = -F.binary_cross_entropy_with_logits(logits, X, reduction="none").sum(1)
        divergence = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1)
        return likelihood - divergence

    def elbo(self, X: np.ndarray, n_draws: int = 32) -> np.ndarray:
        """Return the evidence lower bound of each row, estimated by the mean over draws."""
        X = torch.from_numpy(X)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            draws = [
                self._bound(X, torch.randn(len(X), self.n_components, generator=generator))
                for _ in range(n_draws)
            ]
        return torch.stack(draws).mean(0).numpy()
