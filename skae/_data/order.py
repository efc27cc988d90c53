"""The order in which rows are trained on."""

from __future__ import annotations

import torch

# Up to this many bytes of scaled rows, any order may be drawn.
WINDOW_BYTES = 2**28
# Beyond, so many bytes of rows stay together on the way into such a window: what a disk reads in
# about the time that it takes to find them.
RUN_BYTES = 2**18


def drawn_order(
    n_rows: int, row_bytes: int, generator: torch.Generator, device: torch.device
) -> torch.Tensor:
    """Return numbers from 0 to ``n_rows - 1`` in a random order.

    Of rows that take more than 256 MiB, runs of neighbours that take 256 KiB are put in random
    order first. The rows of each 256 MiB of these, about a thousand runs from everywhere, are then
    put in random order. Reading rows from a disk, each from another place, would take several
    times as long. The order is the same wherever the rows are.

    Parameters
    ----------
    n_rows : int
        How many there are.

    row_bytes : int
        What a scaled row takes.

    generator : torch.Generator
        Source of the randomness, on the device.

    device : torch.device
        Where the numbers are to be.

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
