"""The inner scaling: features centred, then divided by one scale, or by one for each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import DTypeLike

# Centres and scales up to here, and not below its inverse, are scaled by in float32.
_MODERATE = 1e18
# In standard deviations: squares of it, and of what a network makes of it, stay finite.
LIMIT = 1e9


@dataclass(frozen=True)
class Scaling:
    """``scaled = (X - centre) / scale``, cut off at ``-limit`` and ``limit``.

    One scale for all features keeps the objective that of PCA on `X`: a scale for each feature
    would give small features a weight that they do not have there.

    Parameters
    ----------
    centre : ndarray of shape (n_features,), dtype float64
        What is subtracted, in units of `X`.

    scale : float or ndarray of shape (n_features,)
        What is divided by, in units of `X`.

    limit : float, default=inf
        Largest absolute value of what the network is shown.
    """

    centre: np.ndarray
    scale: float | np.ndarray
    limit: float = np.inf

    @cached_property
    def float32_parts(self) -> tuple[np.ndarray, ...] | None:
        """Two halves of the centre, the scale and its inverse, where float32 holds them.

        The halves have twice the digits of float32. Subtracted one after the other, they leave
        no more error than that of rounding the result: where the first difference is small, it is
        exact.
        """
        scale = np.asarray(self.scale, dtype=np.float64)
        extremes = np.abs(self.centre).max(initial=1), scale.max(), 1 / scale.min()
        if max(extremes) > _MODERATE:
            return None
        high = self.centre.astype(np.float32)
        low = (self.centre - high).astype(np.float32)
        return high, low, scale.astype(np.float32), (1 / scale).astype(np.float32)

    def apply(self, block: np.ndarray, dtype: DTypeLike = np.float32) -> np.ndarray:
        """Scale dense rows, as precisely as `dtype` holds the result."""
        if self.limit == np.inf:
            return self._scaled(block, dtype)
        with np.errstate(over="ignore"):
            scaled = self._scaled(block, dtype)
        return np.clip(scaled, -self.limit, self.limit, out=scaled)

    def undo(self, block: np.ndarray, dtype: DTypeLike = np.float64) -> np.ndarray:
        """Bring scaled rows back to the units of `X`."""
        parts = self._parts_for(block, dtype)
        if parts is None:
            return self._undone(block, dtype)
        high, low, scale, _ = parts
        rows = block * scale
        rows += low
        rows += high
        return rows

    def _undone(self, block: np.ndarray, dtype: DTypeLike) -> np.ndarray:
        """Compute in float64; what `dtype` has no number for becomes its largest one."""
        if self.float32_parts is not None:
            return (block.astype(np.float64) * self.scale + self.centre).astype(dtype, copy=False)
        with np.errstate(over="ignore"):
            rows = block.astype(np.float64) * self.scale + self.centre
        return saturated(rows, dtype)

    def _scaled(self, block: np.ndarray, dtype: DTypeLike) -> np.ndarray:
        """Compute in float64, or in float32 where that holds `block` exactly: twice as fast."""
        parts = self._parts_for(block, dtype)
        if parts is None:
            return ((block - self.centre) / self.scale).astype(dtype, copy=False)
        high, low, _, inverse = parts
        scaled = np.subtract(block, high, dtype=dtype)
        scaled -= low
        scaled *= inverse
        return scaled

    def _parts_for(self, block: np.ndarray, dtype: DTypeLike) -> tuple[np.ndarray, ...] | None:
        exact = np.can_cast(block.dtype, np.float32)
        return self.float32_parts if exact and dtype == np.float32 else None


def saturated(rows: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    """Return numbers in another dtype, the largest it has in the place of those beyond."""
    largest = np.finfo(dtype).max
    return np.clip(rows, -largest, largest).astype(dtype, copy=False)
