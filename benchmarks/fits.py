"""Timed fits, sizes of networks, and the PSNR of images."""

from __future__ import annotations

import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skae import AutoencoderTransformer


def fitted(size: int, architecture, X: np.ndarray, **parameters):
    """Return a fitted autoencoder and the seconds of its fit."""
    estimator = AutoencoderTransformer(size, architecture=architecture, **parameters)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(X)
    return estimator, time.perf_counter() - start


def n_parameters(estimator) -> int:
    """Return the number of weights of a fitted network."""
    return estimator._fitted.network("cpu").n_parameters


def psnr(error: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in decibels, for pixels in [0, 1]."""
    return float(-10 * np.log10(np.mean(np.square(error))))
