"""Batches of rows, and the order in which a pass takes them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from skae._data.rows import Rows

# Bytes of scaled rows that are shuffled completely.
WINDOW_BYTES = 2**28
# With more rows, bytes of consecutive rows that stay together in a window: about what a disk reads
# in the time of one seek.
RUN_BYTES = 2**18


class Batches:
    """Batches of a subset of the rows, over which skorch iterates.

    The rows are split into batches of nearly equal size, so that no batch has a single row.

    Parameters
    ----------
    rows : Rows
        The data.

    index : torch.Tensor of shape (n_chosen,), dtype int64
        Indices of the rows, on their device.

    sample_weight : torch.Tensor of shape (n_samples,)
        Weight of every row of `rows`, on their device.

    batch_size : int
        Approximate number of rows in a batch.

    generator : torch.Generator or None
        Source of a new random order for each pass; None keeps the order of `index`.

    targets : torch.Tensor of shape (n_samples, n_classes) or None
        Class probabilities of every row of `rows`, on their device.
    """

    def __init__(
        self,
        rows: Rows,
        index: torch.Tensor,
        sample_weight: torch.Tensor,
        batch_size: int,
        generator: torch.Generator | None = None,
        targets: torch.Tensor | None = None,
    ):
        self.rows, self.index, self.sample_weight = rows, index, sample_weight
        self.targets = targets
        self.batch_size, self.generator = batch_size, generator

    def __len__(self) -> int:
        """Return the number of batches in a pass."""
        n_batches = round(len(self.index) / self.batch_size)
        if self.batch_size > 1:
            n_batches = min(n_batches, len(self.index) // 2)
        return max(1, n_batches)

    @property
    def sizes(self) -> list[int]:
        """Number of rows of each batch, the largest first."""
        fewest, n_larger = divmod(len(self.index), len(self))
        return [fewest + 1] * n_larger + [fewest] * (len(self) - n_larger)

    def ordered(self) -> torch.Tensor:
        """Return the indices of the rows in the order of the next pass, which may be drawn."""
        index = self.index
        if self.generator is None:
            return index
        order = drawn_order(len(index), self.rows.row_bytes, self.generator, index.device)
        return index.index_select(0, order)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """Yield (rows, weights), the tensors of each batch, or (rows, weights, targets)."""
        index, sizes = self.ordered(), self.sizes
        known = [self.sample_weight] if self.targets is None else [self.sample_weight, self.targets]
        pieces = [_cut(tensor.index_select(0, index), sizes) for tensor in known]
        reading = contextlib.nullcontext() if self.generator is None else self.rows.in_any_order()
        with reading:
            yield from zip(self.rows.batches(index, sizes), *pieces, strict=True)


def _cut(tensor: torch.Tensor, sizes: list[int]) -> Iterator[torch.Tensor]:
    """Yield consecutive pieces, lazily since there may be millions."""
    start = 0
    for size in sizes:
        yield tensor[start : start + size]
        start += size


def drawn_order(
    n_rows: int, row_bytes: int, generator: torch.Generator, device: torch.device
) -> torch.Tensor:
    """Return numbers from 0 to ``n_rows - 1`` in a random order.

    Rows that take more than 256 MiB are shuffled in two steps: first runs of consecutive rows, of
    256 KiB each, then the rows within each window of 256 MiB, which contains about a thousand runs
    from random positions. Reading every row from another position of a disk would take several
    times as long. The order does not depend on where the rows are stored.

    Parameters
    ----------
    n_rows : int
        Number of rows.

    row_bytes : int
        Memory of a scaled row.

    generator : torch.Generator
        Source of randomness, on the device.

    device : torch.device
        Device of the result.

    Returns
    -------
    torch.Tensor of shape (n_rows,), dtype int64
    """
    window = max(1, WINDOW_BYTES // row_bytes)
    if n_rows <= window:
        return torch.randperm(n_rows, generator=generator, device=device)
    length = max(1, RUN_BYTES // row_bytes)
    runs = torch.randperm(-(-n_rows // length), generator=generator, device=device)
    order = (runs[:, None] * length + torch.arange(length, device=device)).flatten()
    order = order[order < n_rows]  # the last run may be shorter
    for piece in order.split(window):
        inner = torch.randperm(len(piece), generator=generator, device=device)
        piece.copy_(piece.index_select(0, inner))
    return order
