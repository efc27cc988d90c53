"""Tables of numbers."""

import numpy as np


def correlated(n_samples=200, n_columns=5, seed=0):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(n_columns, n_columns)) + 2 * np.eye(n_columns)
    return rng.normal(size=(n_samples, n_columns)) @ mixing + np.arange(n_columns)
