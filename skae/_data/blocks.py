"""Dense blocks of consecutive rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from skae._data.matrix import Matrix

# Entries of a block: 2 MB in float64, so that the temporary arrays of a conversion stay in cache.
_BLOCK_ENTRIES = 2**18


def dense_blocks(X: Matrix, n_entries: int = _BLOCK_ENTRIES) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield `X` as (slice, dense array) pairs, small blocks of consecutive rows."""
    step = max(1, n_entries // max(1, X.shape[1]))
    for start in range(0, X.shape[0], step):
        rows = slice(start, min(start + step, X.shape[0]))
        yield rows, densify(X[rows])


def densify(block: Any) -> np.ndarray:
    """Return a few rows of any matrix as a dense array."""
    return block.toarray() if sp.issparse(block) else np.asarray(block)
