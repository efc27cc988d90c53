"""The state of an epoch: the losses of its batches, and how to resume it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from numbers import Integral, Real

import torch


class BatchLosses:
    """The losses of the batches of an epoch, kept on the device until the epoch ends.

    Attributes
    ----------
    losses, weights : list of torch.Tensor of shape ()
        Mean loss and sum of weights of each completed batch.

    begin : float
        Time at which the first batch began, in seconds, corrected for interruptions.
    """

    def __init__(self) -> None:
        self.losses: list[torch.Tensor] = []
        self.weights: list[torch.Tensor] = []
        self.begin = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Time since the first batch."""
        return time.perf_counter() - self.begin

    def add(self, loss: torch.Tensor, weight: torch.Tensor) -> None:
        """Add the loss of a batch, and the weights of its rows."""
        self.losses.append(loss.detach())
        self.weights.append(weight.sum())

    def mean(self, weighted_mean: Callable) -> torch.Tensor:
        """Return the mean loss over all rows."""
        return weighted_mean(torch.stack(self.losses), torch.stack(self.weights))


class Epoch:
    """The progress of one training epoch.

    Parameters
    ----------
    generators : list of torch.Generator
        The generators of training; the order of the rows is drawn first.
    """

    def __init__(self, generators: list[torch.Generator]):
        self.generators = generators
        self.losses = BatchLosses()
        # States of the generators before the order was drawn, and when the checkpoint was written.
        self._before_order = _states(generators)
        self._now: list[torch.Tensor] | None = None

    def rest(self, batches: Iterable) -> Iterator:
        """Yield the remaining batches, in the order that was drawn for the whole epoch."""
        batches = iter(batches)
        if self._now is not None:
            _set_states(self.generators, self._before_order)
            for _ in range(len(self.losses.losses)):
                next(batches)
            _set_states(self.generators, self._now)
        yield from batches

    def capture(self) -> dict:
        """Return the state as a dictionary of tensors and numbers."""
        return {
            "order": self._before_order,
            "now": _states(self.generators),
            "losses": torch.stack(self.losses.losses),
            "weights": torch.stack(self.losses.weights),
            "seconds": self.losses.seconds,
        }

    def restore(self, state: dict) -> None:
        """Continue from the state that :meth:`capture` returned."""
        self._before_order, self._now = state["order"], state["now"]
        device = self.generators[0].device
        self.losses.losses = list(state["losses"].to(device).unbind())
        self.losses.weights = list(state["weights"].to(device).unbind())
        self.losses.begin = time.perf_counter() - state["seconds"]


def record_of(row: dict) -> dict:
    """Return the row of ``history_`` for a row of skorch's history."""
    return {
        "epoch": row["epoch"],
        "train_loss": row.get("train_loss", math.nan),
        "valid_loss": row.get("valid_loss", math.nan),
        "learning_rate": row.get("learning_rate", math.nan),
        "seconds": row.get("train_seconds", 0.0) + row.get("valid_seconds", 0.0),
    }


def numbers_of(row: dict) -> dict:
    """Return the numbers in a row of skorch's history, without anything else callbacks added."""
    return {name: _python_number(v) for name, v in row.items() if isinstance(v, Real)}


def _python_number(value: Real) -> bool | int | float:
    if isinstance(value, bool):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def _states(generators: list[torch.Generator]) -> list[torch.Tensor]:
    return [generator.get_state() for generator in generators]


def _set_states(generators: list[torch.Generator], states: list[torch.Tensor]) -> None:
    for generator, state in zip(generators, states, strict=True):
        generator.set_state(state)
