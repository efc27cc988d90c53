"""Rows of X as scaled tensors on a device."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager

import numpy as np
import torch
from numpy.typing import DTypeLike

from skae._data.blocks import dense_blocks
from skae._data.matrix import Matrix
from skae._data.prefetch import prefetched
from skae._data.scaling import Scaling
from skae._data.views import ChosenRows, announce, bytes_in_memory, in_any_order
from skae._runtime.precision import array_dtype

# Largest size of scaled rows that are kept on the device for the whole fit.
RESIDENT_BYTES = 2**32
# On the CPU, where X is in the same memory, also the largest excess over the size of X itself.
EXTRA_BYTES = 2**28
# Size of a block of scaled rows that are not kept. Larger blocks are not faster; blocks of 32 MiB
# or more are slower, since the C library returns their memory to the system after each.
BLOCK_BYTES = 2**23
# Size of the scaled rows of several small batches that are gathered in one call, and are still in
# the cache when they are used.
GATHERED_BYTES = 2**20
# Alignment of the memory of torch's tensors, in bytes.
_ALIGNMENT = 64


class Rows:
    """The rows of a matrix, scaled, as tensors on a device.

    Rows that fit into memory are scaled once and kept on the device. Others are scaled again in
    each pass, in blocks, with the next block computed in the background. The numbers are the same
    in both cases.

    On the CPU, rows fit if their scaled values take up to 4 GiB, and up to 256 MiB more than the
    memory of `X`. The second limit matters for bytes (such as the pixels of images) and sparse
    matrices, whose scaled values take more memory than `X`, and for memory maps, which take no
    memory. The peak memory of a fit thus stays below twice the size of the data plus 500 MB for all
    containers. On a GPU, rows fit if they take up to 4 GiB and up to half of its free memory.

    Parameters
    ----------
    X : ndarray, memmap, CSR matrix, or view of shape (n_samples, n_features)
        Finite numbers of any dtype.

    scaling : Scaling
        Scaling of the features.

    device : torch.device
        Device of the tensors.

    dtype : torch.dtype
        Dtype of the tensors, float32 or float64.
    """

    def __init__(self, X: Matrix, scaling: Scaling, device: torch.device, dtype: torch.dtype):
        self.shape = X.shape
        self.device, self.dtype = device, dtype
        self._X, self._scaling = X, scaling
        self._array_dtype = array_dtype(dtype)
        self.row_bytes = max(1, self.shape[1]) * dtype.itemsize
        # The rounding of matrix products may depend on the memory alignment of rows. Blocks and
        # groups with a multiple of this many rows align the next rows like separate tensors.
        self._aligned = _ALIGNMENT // math.gcd(_ALIGNMENT, self.row_bytes)
        self._resident: torch.Tensor | None = None
        limit = most_resident(bytes_in_memory(X), _free_memory(device))
        if len(self) * self.row_bytes <= limit:
            self._resident = self._move()

    def __len__(self) -> int:
        return self.shape[0]

    def take(self, index: torch.Tensor) -> torch.Tensor:
        """Return the rows at `index`, a tensor on the device, in that order."""
        if self._resident is not None:
            return self._resident.index_select(0, index)
        groups = [(index.cpu(), [len(index)])]
        block, _ = self._load_groups((self._room_for(groups), groups))
        return self._to_device(block)[0, : len(index)]

    def blocks(self) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield all rows as (slice, tensor) pairs of consecutive rows."""
        step = max(1, BLOCK_BYTES // (self.row_bytes * self._aligned)) * self._aligned
        starts = range(0, len(self), step)
        slices = [slice(start, min(start + step, len(self))) for start in starts]
        if self._resident is not None:
            yield from ((rows, self._resident[rows]) for rows in slices)
            return
        pieces = ((self._empty(rows.stop - rows.start), rows) for rows in slices)
        for block, rows in prefetched(self._load_slice, pieces):
            yield rows, self._to_device(block)

    def in_any_order(self) -> AbstractContextManager[None]:
        """Return a context in which rows are read in random order."""
        return in_any_order(self._X)

    def batches(self, index: torch.Tensor, sizes: list[int]) -> Iterator[torch.Tensor]:
        """Yield the rows at `index`, split into batches.

        Parameters
        ----------
        index : torch.Tensor of shape (n_chosen,)
            Indices of the rows in order, on the device.

        sizes : list of int
            Number of rows of each batch, the largest first; their sum is n_chosen.
        """
        batch_bytes = max(1, sizes[0]) * self.row_bytes
        runs = _runs(sizes, GATHERED_BYTES // batch_bytes)
        if self._resident is not None:
            for chosen, run in _groups(index, runs):
                yield from self._resident.index_select(0, chosen).split(run)
            return
        blocks = _runs(_groups(index.cpu(), runs), BLOCK_BYTES // (len(runs[0]) * batch_bytes))
        pieces = ((self._room_for(groups), groups) for groups in blocks)
        for block, groups in prefetched(self._load_groups, pieces):
            on_device = self._to_device(block)
            for place, (chosen, run) in zip(on_device, groups, strict=True):
                yield from place[: len(chosen)].split(run)

    def _move(self) -> torch.Tensor:
        if self.device.type == "cpu":
            return torch.from_numpy(
                self._fill(_aligned_empty(self.shape, self._array_dtype), self._X)
            )
        resident = torch.empty(self.shape, dtype=self.dtype, device=self.device)
        for rows, block in self.blocks():
            resident[rows] = block
        return resident

    def _empty(self, *shape: int) -> torch.Tensor:
        """Return an uninitialised tensor for rows.

        The training thread must allocate it, since the C library keeps memory pools per thread.
        """
        return torch.empty(
            (*shape, self.shape[1]),
            dtype=self.dtype,
            device="cpu",
            pin_memory=self._is_pinned,  # lets a GPU copy asynchronously
        )

    def _room_for(self, groups: list) -> torch.Tensor:
        """Return an uninitialised tensor with an axis for the groups, each padded for alignment."""
        longest = max(len(chosen) for chosen, _ in groups)
        return self._empty(len(groups), -(-longest // self._aligned) * self._aligned)

    def _load_groups(self, piece: tuple[torch.Tensor, list]) -> tuple[torch.Tensor, list]:
        """Fill a block with the rows of groups."""
        block, groups = piece
        index = np.concatenate([chosen.numpy() for chosen, _ in groups])
        places = np.concatenate(
            [np.arange(len(chosen)) + i * block.shape[1] for i, (chosen, _) in enumerate(groups)]
        )
        # Read X in ascending order: fewer page faults, above all in memory maps.
        order = np.argsort(index)
        index, places = index[order], places[order]
        announce(self._X, index)
        self._fill(block.flatten(0, 1).numpy(), ChosenRows(self._X, index), places)
        return piece

    def _load_slice(self, piece: tuple[torch.Tensor, slice]) -> tuple[torch.Tensor, slice]:
        """Fill a block with consecutive rows."""
        block, rows = piece
        self._fill(block.numpy(), self._X[rows])
        return piece

    def _fill(self, scaled: np.ndarray, X: Matrix, places: np.ndarray | None = None) -> np.ndarray:
        """Write the scaled rows of `X` to `places` of an array, or to all of it."""
        # With numpy only: in a background thread, torch would start additional threads.
        for rows, block in dense_blocks(X):
            where = rows if places is None else places[rows]
            scaled[where] = self._scaling.apply(block, self._array_dtype)
        return scaled

    @property
    def _is_pinned(self) -> bool:
        return self.device.type == "cuda"

    def _to_device(self, block: torch.Tensor) -> torch.Tensor:
        return block.to(self.device, non_blocking=self._is_pinned)


def most_resident(data_bytes: int, free: int | None = None) -> int:
    """Return the largest size of scaled rows that are kept on the device, in bytes.

    Parameters
    ----------
    data_bytes : int
        Memory of the values of X.

    free : int or None
        Free memory of a device with its own memory; None for the CPU.
    """
    if free is None:
        return min(RESIDENT_BYTES, data_bytes + EXTRA_BYTES)
    return min(RESIDENT_BYTES, free // 2)


def _free_memory(device: torch.device) -> int | None:
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def _runs(items: list, n_items: int) -> list[list]:
    """Split a list into lists of `n_items`, at least one."""
    step = max(1, n_items)
    return [items[start : start + step] for start in range(0, len(items), step)]


def _groups(index: torch.Tensor, runs: list[list[int]]) -> list[tuple[torch.Tensor, list[int]]]:
    """Return the indices of the rows of each run of batches, and the sizes of these batches."""
    return list(zip(index.split([sum(run) for run in runs]), runs, strict=True))


def _aligned_empty(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """Return an uninitialised array that is aligned like a tensor.

    It is allocated by numpy, which requests huge pages: large arrays take half the time.
    """
    n_bytes = shape[0] * shape[1] * np.dtype(dtype).itemsize
    memory = np.empty(n_bytes + _ALIGNMENT, dtype=np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + n_bytes].view(dtype).reshape(shape)
