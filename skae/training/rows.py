"""Rows of X as scaled tensors on a device."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
import torch

from skae.training.precision import array_dtype
from skae.training.scaling import Scaling, dense_blocks, densify

# Up to this many bytes of scaled rows are kept on the device for the whole fit.
RESIDENT_BYTES = 2**32


class Rows:
    """The rows of a matrix, scaled, as tensors on a device.

    Dense data of up to 4 GiB are converted and moved once. Larger ones, and sparse ones, are
    converted batch by batch, so that the whole never stands in memory as dense numbers. So are
    bytes, such as the pixels of images, which would take four times their memory.

    Parameters
    ----------
    X : ndarray, memmap or CSR matrix of shape (n_samples, n_features)
        Finite numbers of any dtype.

    scaling : Scaling
        Applied to each row.

    device : torch.device
        Where the tensors live.

    dtype : torch.dtype
        Their dtype, float32 or float64.
    """

    def __init__(self, X, scaling: Scaling, device: torch.device, dtype: torch.dtype):
        self.shape = X.shape
        self.device, self.dtype = device, dtype
        self._X, self._scaling = X, scaling
        self._array_dtype = array_dtype(dtype)
        self._resident = self._move() if self._fits() else None

    def __len__(self) -> int:
        return self.shape[0]

    def take(self, index: torch.Tensor) -> torch.Tensor:
        """Return the rows at `index`, a tensor on the device, in that order."""
        if self._resident is not None:
            return self._resident[index]
        return self._convert(self._X[index.cpu().numpy()])

    def blocks(self) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield all rows as (rows, tensor) pairs of consecutive rows."""
        for rows, block in dense_blocks(self._X, 2**22):
            if self._resident is not None:
                yield rows, self._resident[rows]
            else:
                yield rows, self._convert(block)

    def _fits(self) -> bool:
        entries = self.shape[0] * self.shape[1]
        converted = not sp.issparse(self._X) and self._X.dtype.itemsize > 1
        return converted and entries * self.dtype.itemsize <= RESIDENT_BYTES

    def _move(self) -> torch.Tensor:
        scaled = np.empty(self.shape, dtype=self._array_dtype)
        for rows, block in dense_blocks(self._X):
            scaled[rows] = self._scaling.apply(block, self._array_dtype)
        return torch.from_numpy(scaled).to(self.device)

    def _convert(self, block) -> torch.Tensor:
        scaled = self._scaling.apply(densify(block), self._array_dtype)
        return torch.from_numpy(scaled).to(self.device)
