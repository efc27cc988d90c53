"""Columns of numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from skae.columns.column import Column, Factor, as_objects


@dataclass(frozen=True)
class Number(Column):
    """A column of numbers.

    Parameters
    ----------
    low, high : float
        Range of the fit.

    whole : bool
        Whether the dtype is one of integers; predictions are rounded.

    quantiles : tuple of float
        Equally spaced quantiles of the fit, from the smallest number to the largest.
    """

    low: float = -np.inf
    high: float = np.inf
    whole: bool = False
    quantiles: tuple[float, ...] = ()

    role = "number"
    loss = "mse"

    def codes(self, values: np.ndarray | Factor) -> np.ndarray:
        """Return the numbers themselves."""
        if isinstance(values, Factor):
            raise ValueError(
                f"column {self.name!r} holds text, such as {values.values[0]!r}, but it held "
                f"numbers in fit: convert it, for example with pandas.to_numeric."
            )
        return values

    def clip(self, codes: np.ndarray) -> np.ndarray:
        """Return numbers within the range of the fit."""
        return np.clip(codes, self.low, self.high)

    def as_distributed(self, codes: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Return numbers with the distribution of the fit instead of that of other numbers.

        A number takes the quantile of the fit with its place among the reference numbers.
        """
        if not self.quantiles:
            return codes
        reference = np.sort(reference)
        places = np.searchsorted(reference, codes) + np.searchsorted(reference, codes, "right")
        levels = np.linspace(0.0, 1.0, len(self.quantiles))
        return np.interp(places / (2 * len(reference)), levels, self.quantiles)

    def values(self, codes: np.ndarray) -> np.ndarray:
        """Return the numbers, rounded if the column holds integers, and within their type."""
        if not self.whole:
            return codes
        bits = re.match(r"(u?)int(\d+)", self.dtype.lower())
        size = min(int(bits[2]), 64) if bits else 64  # 128 bits are more than float64 tells apart
        limits = np.iinfo(f"{'u' if bits and bits[1] else ''}int{size}")
        # The largest float64 that is no larger than the largest integer.
        high = float(limits.max) if limits.bits < 64 else np.nextafter(float(limits.max), 0)
        rounded = np.clip(np.round(codes), float(limits.min), high)
        return as_objects(rounded, int) if self.dtype == "object" else rounded
