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
        self._places, self._own = self._places_of(sizes)
        self._X, self._weight, self._offsets = _joined(batches)
        self._known: list[JointBatch] | None = None

    def __len__(self) -> int:
        """Return the number of batches in a pass."""
        return len(self.sizes)

    def _places_of(self, sizes: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return where the rows of all sections are in the joined orders, and a mask of the own.

        The first row of a batch fills its section up. Both have the shape (n_batches, n_networks,
        n_rows).
        """
        counts = torch.tensor(sizes)
        # The joined orders are those of one network after the other, each batch by batch.
        starts = counts.flatten().cumsum(0).view(counts.shape) - counts
        inner = torch.arange(self.n_rows)
        own = inner < counts[:, :, None]
        places = starts[:, :, None] + torch.where(own, inner, 0)
        device = self.batches[0].index.device
        return places.transpose(0, 1).to(device), own.transpose(0, 1).to(device)

    def __iter__(self) -> Iterator[JointBatch]:
        """Yield the batches of a pass, for which each network draws its order."""
        if all(of_network.generator is None for of_network in self.batches):
            self._known = self._known or list(self._pass())
            return iter(self._known)
        return self._pass()

    def _pass(self) -> Iterator[JointBatch]:
        ordered = zip(self.batches, self._offsets, strict=True)
        orders = torch.cat([of_network.ordered() + offset for of_network, offset in ordered])
        index = orders.index_select(0, self._places.flatten())
        weight = self._weight.index_select(0, index).view(self._own.shape) * self._own
        share = weight / weight.sum(2, keepdim=True)
        X = self._X.index_select(0, index).view(len(self), -1, self._X.shape[1])
        for of_batch in zip(X, weight.flatten(1), share.flatten(1), self.sizes, strict=True):
            yield JointBatch(*of_batch, self.n_rows)


def _joined(batches: Sequence[Batches]) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """Return the rows and weights of all networks, and where those of each network begin.

    Networks may have the same rows, as folds do.
    """
    rows, weights = [], []
    offset, begins = 0, {}
    for of_network in batches:
        name = id(of_network.rows), id(of_network.sample_weight)
        if name not in begins:
            begins[name] = offset
            index = torch.arange(len(of_network.rows), device=of_network.index.device)
            rows.append(of_network.rows.take(index))
            weights.append(of_network.sample_weight)
            offset += len(index)
    offsets = [begins[id(one.rows), id(one.sample_weight)] for one in batches]
    return torch.cat(rows), torch.cat(weights), offsets
