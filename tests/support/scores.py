"""Rows, and what a network makes of them, for scores."""

import numpy as np
import torch
from sklearn.covariance import LedoitWolf

N_FEATURES, N_COMPONENTS = 6, 2


def drawn(n_samples, seed=0, dtype=torch.float64):
    """Correlated rows."""
    rows = np.random.default_rng(seed).normal(size=(n_samples, N_FEATURES))
    axes = np.linalg.qr(np.random.default_rng(9).normal(size=(N_FEATURES, N_FEATURES)))[0]
    return torch.tensor(rows * np.linspace(0.4, 1.6, N_FEATURES) @ axes, dtype=dtype)


def parts(network, X):
    """Return residuals and codes as a network computes them."""
    codes = network.encode(X)
    return (X - network.decode(codes)).double(), codes.double()


def fitted(score, network, n_samples=300):
    X = drawn(n_samples)
    return score.fit(*parts(network, X), *([X.numpy()] if score.takes_rows else []))


def lengths(seen, rows):
    return LedoitWolf().fit(seen.numpy()).mahalanobis(rows.numpy())
