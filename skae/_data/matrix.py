"""Types of rows: what a user may give, and what validation makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

# Arrays, data frames, lists and tensors; sparse matrices; and sources of batches, which are
# iterables or functions that return one.
MatrixLike: TypeAlias = (
    ArrayLike | sp.sparray | sp.spmatrix | Iterable[Any] | Callable[[], Iterable[Any]]
)


class Matrix(Protocol):
    """Rows of numbers after validation: an array, a CSR matrix or array, or a view of them."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __getitem__(self, rows: Any, /) -> Any: ...
