"""Scaling of the features: centred, and divided by one scale for all or one for each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import DTypeLike

# Centres and scales of up to this size, and scales of at least its inverse, are applied in float32.
_MODERATE = 1e18
# Limit of scaled values, in standard deviations: squares of these, and of network outputs, stay
# finite.
LIMIT = 1e9


@dataclass(frozen=True)
class Scaling:
    """``scaled = (X - centre) / scale``, clipped to ``[-limit, limit]``.

    One scale for all features keeps the objective that of PCA on `X`. A scale for each feature
    changes the weights of the features.

    Parameters
    ----------
    centre : ndarray of shape (n_features,), dtype float64
        Subtracted from `X`, in units of `X`.

    scale : float or ndarray of shape (n_features,)
        Divisor, in units of `X`.

    limit : float, default=inf
        Largest absolute value of scaled values.
    """

    centre: np.ndarray
    scale: float | np.ndarray
    limit: float = np.inf
    float32_parts: tuple[np.ndarray, ...] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "float32_parts", self._float32_parts())

    def _float32_parts(self) -> tuple[np.ndarray, ...] | None:
        """Return two parts of the centre, the scale and its inverse, if float32 suffices.

        The sum of the two parts of the centre has twice the digits of float32. Subtracting them one
        after the other has no larger error than rounding the result, since the first difference is
        exact if it is small.
        """
        scale = np.asarray(self.scale, dtype=np.float64)
        extremes = np.abs(self.centre).max(initial=1), scale.max(), 1 / scale.min()
        if max(extremes) > _MODERATE:
            return None
        high = self.centre.astype(np.float32)
        low = (self.centre - high).astype(np.float32)
        return high, low, scale.astype(np.float32), (1 / scale).astype(np.float32)

    def apply(self, block: np.ndarray, dtype: DTypeLike = np.float32) -> np.ndarray:
        """Scale dense rows, up to the rounding of the result to `dtype`."""
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
        """Compute in float64; numbers out of the range of `dtype` become its largest number."""
        if self.float32_parts is not None:
            return (block.astype(np.float64) * self.scale + self.centre).astype(dtype, copy=False)
        with np.errstate(over="ignore"):
            rows = block.astype(np.float64) * self.scale + self.centre
        return saturated(rows, dtype)

    def _scaled(self, block: np.ndarray, dtype: DTypeLike) -> np.ndarray:
        """Compute in float64, or in float32 (twice as fast) if that represents `block` exactly."""
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
    """Return numbers in another dtype, clipped to its range."""
    largest = np.finfo(dtype).max
    return np.clip(rows, -largest, largest).astype(dtype, copy=False)
