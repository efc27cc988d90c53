"""The state of an epoch: the losses of its batches, and how to resume it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from numbers import Integral, Real

import pandas as pd
import torch

from skae._network.objective import RECONSTRUCTION

# Numbers in the row of an epoch that ``history_`` shows as their sum.
_SECONDS = ("train_seconds", "valid_seconds")


class BatchLosses:
    """The losses of the batches of an epoch, kept on the device until the epoch ends.

    Attributes
    ----------
    losses, weights : list of torch.Tensor of shape ()
        Mean loss and sum of weights of each completed batch.

    terms : dict of str to list of torch.Tensor of shape ()
        Weighted sum of each term of the loss, by name, over the rows of each completed batch; empty
        if the reconstruction is the whole loss.

    begin : float
        Time at which the first batch began, in seconds, corrected for interruptions.
    """

    def __init__(self) -> None:
        self.losses: list[torch.Tensor] = []
        self.weights: list[torch.Tensor] = []
        self.terms: dict[str, list[torch.Tensor]] = {}
        self.begin = time.perf_counter()
        self._only = RECONSTRUCTION  # the name of the loss if it has no further terms

    @property
    def seconds(self) -> float:
        """Time since the first batch."""
        return time.perf_counter() - self.begin

    def add(
        self, loss: torch.Tensor, weight: torch.Tensor, terms: Mapping[str, torch.Tensor]
    ) -> None:
        """Add the loss of a batch, the weights of its rows, and the terms of their losses."""
        self.losses.append(loss.detach())
        self.weights.append(weight.sum())
        if len(terms) > 1:
            for name, term in terms.items():
                total = torch.dot(term.detach().to(weight.dtype), weight)
                self.terms.setdefault(name, []).append(total)
        else:
            self._only = next(iter(terms), RECONSTRUCTION)

    def means(self, weighted_mean: Callable) -> dict[str, float]:
        """Return the mean loss over all rows as "loss", and those of its terms by their names."""
        weights = torch.stack(self.weights)
        loss = float(weighted_mean(torch.stack(self.losses), weights))
        if not self.terms:
            return {"loss": loss, self._only: loss}
        total = float(weights.double().sum())
        sums = {name: float(torch.stack(of).double().sum()) for name, of in self.terms.items()}
        return {"loss": loss, **{name: of / total for name, of in sums.items()}}


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
            # Pairs, since files do not keep the order of names.
            "terms": [[name, torch.stack(of)] for name, of in self.losses.terms.items()],
            "seconds": self.losses.seconds,
        }

    def restore(self, state: dict) -> None:
        """Continue from the state that :meth:`capture` returned."""
        self._before_order, self._now = state["order"], state["now"]
        device = self.generators[0].device
        self.losses.losses = list(state["losses"].to(device).unbind())
        self.losses.weights = list(state["weights"].to(device).unbind())
        self.losses.terms = {name: list(of.to(device).unbind()) for name, of in state["terms"]}
        self.losses.begin = time.perf_counter() - state["seconds"]


def record_of(row: dict) -> dict:
    """Return the row of ``history_`` for the row of an epoch.

    Behind the columns that every history has, there is one for each term of the loss and for each
    number that a callback recorded.
    """
    known = {
        "epoch": row["epoch"],
        "train_loss": row.get("train_loss", math.nan),
        "valid_loss": row.get("valid_loss", math.nan),
        "learning_rate": row.get("learning_rate", math.nan),
        "seconds": sum(row.get(name, 0.0) for name in _SECONDS),
    }
    others = {n: float(v) for n, v in row.items() if n not in known and n not in _SECONDS}
    return {**known, **others}


def history_of(records: list[dict]) -> pd.DataFrame:
    """Return one row per epoch; the last one has all columns, epoch 0 only those of validation."""
    names = dict.fromkeys(name for record in reversed(records) for name in record)
    return pd.DataFrame(records, columns=list(names))


def is_whole(row: dict) -> bool:
    """Return whether an epoch is complete; Ctrl-C leaves an incomplete one."""
    return row["epoch"] == 0 or "learning_rate" in row


def numbers_of(row: dict) -> dict:
    """Return the numbers in a row of skorch's history, without anything else callbacks added."""
    numbers = {n: v for n, v in row.items() if isinstance(n, str) and isinstance(v, Real)}
    return {name: _python_number(value) for name, value in numbers.items()}


def _python_number(value: Real) -> bool | int | float:
    if isinstance(value, bool):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def _states(generators: list[torch.Generator]) -> list[torch.Tensor]:
    return [generator.get_state() for generator in generators]


def _set_states(generators: list[torch.Generator], states: list[torch.Tensor]) -> None:
    for generator, state in zip(generators, states, strict=True):
        generator.set_state(state)
