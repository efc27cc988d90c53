"""Columns of numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skae.columns.column import Column, Factor


@dataclass(frozen=True)
class Number(Column):
    """A column of numbers.

    Parameters
    ----------
    low, high : float
        Range of the fit.

    whole : bool
        Whether the dtype is one of integers; predictions are rounded.
    """

    low: float = -np.inf
    high: float = np.inf
    whole: bool = False

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

    def values(self, codes: np.ndarray) -> np.ndarray:
        """Return the numbers, rounded if the column holds integers."""
        return np.round(codes) if self.whole else codes
