"""Batches of several networks, the rows of one after those of another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch

from skae._data.batches import Batches


class JointBatch(NamedTuple):
    """A batch of each of several networks.

    Parameters
    ----------
    X : torch.Tensor of shape (n_networks * n_rows, n_features)
        The rows, in sections of `n_rows`; the last ones of a section may only fill it up.

    weight : torch.Tensor of shape (n_networks * n_rows,)
        Weights of the rows, zero for those that only fill up.

    share : torch.Tensor of shape (n_networks * n_rows,)
        The weights divided by their sum over the rows of the network.

    sizes : list of int
        Number of rows of each network.

    n_rows : int
        Number of rows of a section.
    """

    X: torch.Tensor
    weight: torch.Tensor
    share: torch.Tensor
    sizes: list[int]
    n_rows: int


class JointBatches:
    """Batches of several networks, with as many batches in a pass.

    Parameters
    ----------
    batches : sequence of Batches
        The batches of each network.
    """

    def __init__(self, batches: Sequence[Batches]):
        self.batches = batches
        sizes = [of_network.sizes for of_network in batches]
        self.sizes = [list(of_batch) for of_batch in zip(*sizes, strict=True)]
        self.n_rows = max(of_network[0] for of_network in sizes)
        self._places = [self._places_of(of_network) for of_network in sizes]
        self._known: list[JointBatch] | None = None

    def __len__(self) -> int:
        """Return the number of batches in a pass."""
        return len(self.sizes)

    def _places_of(self, sizes: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the places of the rows of all sections in their order, and a mask of the own.

        The first row of a batch fills its section up.
        """
        places, own, start = [], [], 0
        device = self.batches[0].index.device
        for size in sizes:
            inner = torch.arange(self.n_rows, device=device)
            own.append(inner < size)
            places.append(start + torch.where(own[-1], inner, 0))
            start += size
        return torch.cat(places), torch.stack(own)

    def __iter__(self) -> Iterator[JointBatch]:
        """Yield the batches of a pass, for which each network draws its order."""
        if self._known is not None:
            return iter(self._known)
        drawn = any(of_network.generator is not None for of_network in self.batches)
        batches = self._pass()
        if drawn:
            return batches
        self._known = list(batches)
        return iter(self._known)

    def _pass(self) -> Iterator[JointBatch]:
        parts = zip(*(self._of(i) for i in range(len(self.batches))), strict=True)
        X, weight, share = (torch.stack(tensors, dim=1).flatten(1, 2) for tensors in parts)
        for of_batch in zip(X, weight, share, self.sizes, strict=True):
            yield JointBatch(*of_batch, self.n_rows)

    def _of(self, number: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return rows, weights and shares of a network, of shape (n_batches, n_rows, ...)."""
        batches, (places, own) = self.batches[number], self._places[number]
        index = batches.ordered()
        known = batches.sample_weight.index_select(0, index)
        totals = torch.stack([weight.sum() for weight in known.split(batches.sizes)])
        weight = known.index_select(0, places).view(own.shape) * own
        rows = batches.rows.take(index.index_select(0, places)).view(*own.shape, -1)
        return rows, weight, weight / totals[:, None]
