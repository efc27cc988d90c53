"""The losses of several networks in an epoch."""

from __future__ import annotations

import time

import torch

from skae._network.objective import Objective
from skae._replicas.joint_batches import JointBatch


class JointLosses:
    """The losses of the batches of an epoch, which are added up when it ends.

    Parameters
    ----------
    n_networks : int
        Number of networks.
    """

    def __init__(self, n_networks: int):
        self._n_networks = n_networks
        self._losses: list[torch.Tensor] = []
        self._terms: dict[str, list[torch.Tensor]] = {}
        self._weights: list[torch.Tensor] = []
        self._begin = time.perf_counter()

    def add(self, objective: Objective, batch: JointBatch) -> None:
        """Add the losses of the rows of a batch."""
        self._losses.append(objective.losses.detach())
        self._weights.append(batch.weight)
        for name, term in objective.terms.items():
            self._terms.setdefault(name, []).append(term.detach())

    def means(self, prefix: str) -> list[dict[str, float]]:
        """Return the mean loss of each network, those of its terms, and its share of the seconds.

        Parameters
        ----------
        prefix : str
            What the names of the numbers begin with.
        """
        weights = self._of_networks(self._weights)
        shares = weights / weights.sum(1, keepdim=True)
        means = {"loss": self._mean(self._losses, shares)}
        for name, losses in self._terms.items():
            only = len(self._terms) == 1
            means[name] = means["loss"] if only else self._mean(losses, shares)
        seconds = (time.perf_counter() - self._begin) / self._n_networks
        return [
            {
                **{f"{prefix}_{name}": values[i] for name, values in means.items()},
                f"{prefix}_seconds": seconds,
            }
            for i in range(self._n_networks)
        ]

    def _of_networks(self, of_batches: list[torch.Tensor]) -> torch.Tensor:
        """Return the values of the rows of all batches, of shape (n_networks, n)."""
        stacked = torch.stack(of_batches).view(len(of_batches), self._n_networks, -1)
        return stacked.transpose(0, 1).flatten(1)

    def _mean(self, losses: list[torch.Tensor], shares: torch.Tensor) -> list[float]:
        values = self._of_networks(losses).to(shares.dtype)
        return (values * shares).sum(1).tolist()
