"""Quantisation of codes, and the search for the step that reaches a target rate."""

from __future__ import annotations

import numpy as np

from skae.compression.entropy_coder import LARGEST_SYMBOL

# Number of rows and of bisections in the search for a step.
_ROWS_OF_A_SEARCH = 10_000
_HALVINGS = 30
# Smallest step in the search, as a fraction of the largest absolute value of a code.
_SMALLEST_STEP = 2.0**-11


def quantise(codes: np.ndarray, step: float) -> np.ndarray:
    """Return codes in units of a step, rounded to the nearest integer, halves to the even one.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        Finite numbers.

    step : float
        Distance between neighbouring quantised values.

    Returns
    -------
    ndarray of shape (n_samples, n_components), dtype int64

    Raises
    ------
    ValueError
        If a code is too many steps for an integer that float64 represents exactly.
    """
    with np.errstate(over="ignore"):
        steps = np.rint(codes / np.float64(step))
    if not (np.abs(steps) <= LARGEST_SYMBOL).all():
        raise ValueError(
            f"step={step:g} is too small for codes of up to {np.abs(codes).max():g}: these are "
            f"more than 2**53 steps. Use a larger step, or look for extreme values in X."
        )
    return steps.astype(np.int64)


def dequantise(symbols: np.ndarray, step: float, dtype: np.dtype) -> np.ndarray:
    """Return the codes of integers in units of the step."""
    return (symbols * np.float64(step)).astype(dtype)


def step_for(bits: float, codes: np.ndarray) -> float:
    """Return the step with which a row takes a given number of bits.

    Parameters
    ----------
    bits : float
        Target number of bits of a row: the sum of the entropies of the latent values.

    codes : ndarray of shape (n_samples, n_components)
        Codes of training rows. If there are many, the search uses a subset.

    Raises
    ------
    ValueError
        If even the smallest step of the search takes fewer bits.
    """
    codes = codes[:: max(1, len(codes) // _ROWS_OF_A_SEARCH)]
    largest = float(np.abs(codes).max()) or 1.0
    low, high = np.log(_SMALLEST_STEP * largest), np.log(4 * largest)
    most = _entropy(codes, np.exp(low))
    if bits > most:
        raise ValueError(
            f"rate is too high: it asks for {bits:.4g} bits per row, but these codes take at most "
            f"{most:.4g}. Use a lower rate, or a transformer with more components."
        )
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _entropy(codes, np.exp(middle)) > bits:
            low = middle
        else:
            high = middle
    return float(np.exp(high))


def _entropy(codes: np.ndarray, step: float) -> float:
    """Return the sum of the entropies of the columns, in bits."""
    total = 0.0
    for column in quantise(codes, step).T:
        counts = np.unique(column, return_counts=True)[1]
        total -= float((counts * np.log2(counts / len(column))).sum()) / len(column)
    return total
