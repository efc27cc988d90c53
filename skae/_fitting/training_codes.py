"""Statistics and a sample of the latent codes of the training rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from skae.kinds.interface import CodeSummary
from skae.kinds.kind import Kind

# Codes in the sample, to which a density can be fitted later.
_MOST_CODES = 10_000


class TrainingCodes:
    """Collects the codes of the training rows block by block, as sums and a sample.

    Parameters
    ----------
    kind : Kind
        Decides which code values are active.

    n_rows, n_components : int
        Number of training rows, and size of a code.

    seed : int
        Seed of the sample.
    """

    def __init__(self, kind: Kind, n_rows: int, n_components: int, seed: int):
        self.kind, self.n_rows = kind, n_rows
        order = np.random.RandomState(seed).permutation(n_rows)
        self._chosen = np.sort(order[:_MOST_CODES])
        self.sample = np.empty((len(self._chosen), n_components), dtype=np.float32)
        self._origin: np.ndarray | None = None
        self._sums = [np.zeros(n_components) for _ in range(3)]

    def add(self, rows: slice, codes: torch.Tensor) -> None:
        """Add the codes of some consecutive rows."""
        first, last = np.searchsorted(self._chosen, [rows.start, rows.stop])
        chosen = torch.from_numpy(self._chosen[first:last] - rows.start).to(codes.device)
        self.sample[first:last] = codes[chosen].cpu().numpy()
        active = self.kind.active(codes).sum(0).cpu().numpy()
        values = codes.cpu().numpy().astype(np.float64)
        if self._origin is None:
            # Sums of squares around this code have smaller rounding errors.
            self._origin = values[0].copy()
        values -= self._origin
        for i, added in enumerate((values.sum(0), np.square(values).sum(0), active)):
            self._sums[i] = self._sums[i] + added

    def summary(self, directions: Callable[[], np.ndarray]) -> CodeSummary:
        """Return the summary of all codes that were added."""
        assert self._origin is not None  # of the first rows
        mean, square, active = (values / self.n_rows for values in self._sums)
        variance = np.maximum(square - np.square(mean), 0.0)
        return CodeSummary(mean + self._origin, variance, active, directions)
