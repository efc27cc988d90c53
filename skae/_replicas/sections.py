"""Where the rows of each of several networks are in a joint batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch


class Sections:
    """The sections of a joint batch, one for each network, all with as many rows.

    The first rows of a section are those of its network; others may fill it up, and no network
    must see them.

    Parameters
    ----------
    n_networks : int
        Number of networks.

    Attributes
    ----------
    sizes : list of int
        Number of rows of each network.
    """

    def __init__(self, n_networks: int):
        self.n_networks = n_networks
        self.sizes: list[int] = [0] * n_networks

    def own(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Return the rows of each network.

        Parameters
        ----------
        rows : torch.Tensor of shape (n_networks * n_rows, ...)
            All rows, section by section.
        """
        whole = rows.view(self.n_networks, -1, *rows.shape[1:]).unbind()
        n_rows = len(whole[0])
        return [w if s == n_rows else w[:s] for w, s in zip(whole, self.sizes, strict=True)]

    def joined(self, parts: Sequence[torch.Tensor], n_rows: int) -> torch.Tensor:
        """Return the rows of all networks, filled up to sections of this many rows by zeros."""
        pieces: list[torch.Tensor] = []
        for part in parts:
            pieces.append(part)
            if len(part) < n_rows:
                pieces.append(part.new_zeros(n_rows - len(part), *part.shape[1:]))
        return torch.cat(pieces)

    def spread(self, values: torch.Tensor, n_rows: int) -> torch.Tensor:
        """Return what belongs to each network for each of its rows, in two dimensions."""
        return values.view(self.n_networks, -1).repeat_interleave(n_rows, dim=0)
