"""Rows to corrupt, and what no corruption takes."""

import math

import numpy as np
import pytest
import torch

from skae.corruptions import (
    Features,
)

SAMPLE_SHAPE = (2, 4, 6)
N_FEATURES = math.prod(SAMPLE_SHAPE)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def data(n_samples=50, sample_shape=SAMPLE_SHAPE, dtype=torch.float64):
    """Rows in units of X, the same rows scaled, and their features.

    The columns have unlike means and variances; the scale is far from one.
    """
    rng = np.random.default_rng(0)
    n_features = math.prod(sample_shape)
    X = rng.normal(size=(n_samples, n_features)) * np.linspace(1, 9, n_features)
    X += np.linspace(-40, 70, n_features)
    features, centre, scale = Features(sample_shape).to(dtype), X.mean(0) + 1, 7.0
    features.set(
        mean=X.mean(0),
        deviation=X.std(0),
        low=X.min(0),
        high=X.max(0),
        centre=centre,
        scale=scale,
    )
    return torch.tensor(X, dtype=dtype), torch.tensor((X - centre) / scale, dtype=dtype), features


def bounded_data(n_samples=50, dtype=torch.float64):
    """Rows from 50 to 250, like pixels of 8 bits, the same scaled, and their features.

    The first feature is constant; a third of the others never reaches the upper bound.
    """
    rng = np.random.default_rng(0)
    X = np.clip(rng.normal(150, 120, size=(n_samples, N_FEATURES)), 50, 250)
    X[:, 0] = 50
    X[:, 1::3] = np.minimum(X[:, 1::3], rng.uniform(150, 240, size=X[0, 1::3].shape))
    features, centre, scale = Features(SAMPLE_SHAPE).to(dtype), X.mean(0), 31.0
    features.set(
        mean=X.mean(0),
        deviation=X.std(0),
        low=X.min(0),
        high=X.max(0),
        centre=centre,
        scale=scale,
    )
    return torch.tensor(X, dtype=dtype), torch.tensor((X - centre) / scale, dtype=dtype), features


def without_extremes(X, features):
    """Move the lowest and highest entries inwards, where salt and pepper can be told from them."""
    return X.clamp(features.low + 1e-3, features.high - 1e-3)


NO_NUMBERS = [math.nan, math.inf, -math.inf, "1", None, [0.5], True, 0.5j]


def refuses(corruption, match, sample_shape=SAMPLE_SHAPE):
    with pytest.raises(ValueError, match=match):
        corruption.check(sample_shape)
