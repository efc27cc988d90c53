"""Codes rounded to multiples of a step, and which step takes so many bits."""

from __future__ import annotations

import numpy as np

from skae.compression.entropy_coder import LARGEST_SYMBOL

# Rows by which a step is chosen, and how often the range of steps is halved for it.
_ROWS_OF_A_SEARCH = 10_000
_HALVINGS = 30
# The smallest step that is tried, as a share of the largest value of a code.
_FINEST = 2.0**-11


def quantise(codes: np.ndarray, step: float) -> np.ndarray:
    """Return codes in units of a step, rounded to the nearest, halves to the even one.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        Finite numbers.

    step : float
        The distance of two neighbouring values.

    Returns
    -------
    ndarray of shape (n_samples, n_components), dtype int64

    Raises
    ------
    ValueError
        If a code is so many steps that it is no exact whole number.
    """
    with np.errstate(over="ignore"):
        steps = np.rint(codes / np.float64(step))
    if not (np.abs(steps) <= LARGEST_SYMBOL).all():
        raise ValueError(
            f"step={step:g} is too small for codes of up to {np.abs(codes).max():g}: these are "
            f"more than 2**53 steps. Give a larger step, or look for extreme values in X."
        )
    return steps.astype(np.int64)


def dequantise(symbols: np.ndarray, step: float, dtype: np.dtype) -> np.ndarray:
    """Return the codes that whole numbers of steps stand for."""
    return (symbols * np.float64(step)).astype(dtype)


def step_for(bits: float, codes: np.ndarray) -> float:
    """Return the step with which rows take so many bits each.

    Parameters
    ----------
    bits : float
        Bits for a row, by the entropies of the values of the code.

    codes : ndarray of shape (n_samples, n_components)
        Codes of training rows. Of many, some are looked at.

    Raises
    ------
    ValueError
        If even the smallest step that is tried takes fewer.
    """
    codes = codes[:: max(1, len(codes) // _ROWS_OF_A_SEARCH)]
    largest = float(np.abs(codes).max()) or 1.0
    low, high = np.log(_FINEST * largest), np.log(4 * largest)
    most = _entropy(codes, np.exp(low))
    if bits > most:
        raise ValueError(
            f"rate is too high: it asks for {bits:.4g} bits for each row, but these codes take at "
            f"most {most:.4g}. Give a lower rate, or a transformer with more components."
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
