"""Columns of counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skae.columns.column import Factor
from skae.columns.number import Number

# Logarithms of larger counts are clipped in predictions.
_LARGEST_LOG = 40.0


@dataclass(frozen=True)
class Count(Number):
    """A column of counts: a network sees ``log(1 + count)``, and predicts a rate."""

    role = "count"
    loss = "poisson"

    def codes(self, values: np.ndarray | Factor) -> np.ndarray:
        """Return the counts; refuse what is none."""
        counts = super().codes(values)
        wrong = np.flatnonzero((counts < 0) | (counts % 1 != 0) & ~np.isnan(counts))
        if len(wrong):
            raise ValueError(
                f"column {self.name!r} is a count, but holds {counts[wrong[0]]:g} in row "
                f"{wrong[0]}: counts are whole numbers from 0; leave the column out of "
                f"Columns(count=...)."
            )
        return counts

    def encode(self, codes: np.ndarray) -> np.ndarray:
        """Return the logarithm of 1 + count."""
        return np.log1p(codes)[:, None]

    def decode(self, features: np.ndarray) -> np.ndarray:
        """Return the expected count, rounded."""
        return np.round(self._expected(features))

    def draw(self, features: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
        """Return counts drawn from Poisson distributions."""
        return random_state.poisson(self._expected(features)).astype(np.float64)

    @staticmethod
    def _expected(features: np.ndarray) -> np.ndarray:
        return np.expm1(np.clip(features[:, 0].astype(np.float64), 0.0, _LARGEST_LOG))
