"""The state of a training between two batches: what is saved of it, and how it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from numbers import Integral, Real

import torch
from skorch.callbacks import Callback

# A function that returns the state of a training as nested dictionaries and lists of numbers, text
# and tensors.
Capture = Callable[[], dict]


class EpochSoFar:
    """How far an epoch has come.

    Parameters
    ----------
    generators : list of torch.Generator
        What training draws from; the order of the batches is drawn first.

    Attributes
    ----------
    order : list of torch.Tensor
        States of the generators before the order was drawn.

    losses, weights : list of torch.Tensor of shape ()
        Of each batch that is done.

    begin : float
        When the epoch began, in seconds, less what it was interrupted for.
    """

    def __init__(self, generators: list[torch.Generator]):
        self.generators = generators
        self.order = _states(generators)
        self.losses: list[torch.Tensor] = []
        self.weights: list[torch.Tensor] = []
        self.begin = time.perf_counter()
        self._now = None

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return time.perf_counter() - self.begin

    def rest(self, batches: Iterable) -> Iterator:
        """Yield the batches that are to come, in the order that was drawn for the whole epoch."""
        batches = iter(batches)
        if self._now is not None:
            _set_states(self.generators, self.order)
            for _ in range(len(self.losses)):
                next(batches)
            _set_states(self.generators, self._now)
        yield from batches

    def capture(self) -> dict:
        """Return the state as plain data."""
        return {
            "order": self.order,
            "now": _states(self.generators),
            "losses": torch.stack(self.losses),
            "weights": torch.stack(self.weights),
            "seconds": self.seconds,
        }

    def restore(self, state: dict) -> None:
        """Go on from what :meth:`capture` returned."""
        self.order, self._now = state["order"], state["now"]
        device = self.generators[0].device
        self.losses = list(state["losses"].to(device).unbind())
        self.weights = list(state["weights"].to(device).unbind())
        self.begin = time.perf_counter() - state["seconds"]


class OwnCallback(Callback):
    """A callback of skae itself.

    Attributes
    ----------
    saved : tuple of str
        Names of the attributes that belong to the state of the training.
    """

    saved: tuple[str, ...] = ()


class Saving(OwnCallback):
    """Offer the state to be saved after each batch that is trained on.

    Parameters
    ----------
    save : callable
        Is given a :data:`Capture`, and calls it where it saves.
    """

    def __init__(self, save: Callable[[Capture], None]):
        self.save = save

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        """Offer the state."""
        if training:
            self.save(lambda: capture(net))


def capture(net) -> dict:
    """Return the state of a training after a batch, to be written before the next one."""
    return {
        "weights": net.module_.state_dict(),
        "optimizer": {str(i): s for i, s in net.optimizer_.state_dict()["state"].items()},
        "rates": [group["lr"] for group in net.optimizer_.param_groups],
        "callbacks": {
            name: {a: getattr(callback, a) for a in callback.saved}
            for name, callback in _own_callbacks(net)
        },
        "history": [_plain(row) for row in net.history[:-1]],
        "epoch": net.epoch_so_far.capture(),
    }


def restore_history(net, state: dict) -> None:
    """Give the net the history of the epochs that ended."""
    net.history[:] = [{"batches": [], **row} for row in state["history"]]


def restore(net, state: dict) -> None:
    """Bring a training that has just begun to the state that :func:`capture` returned."""
    net.module_.load_state_dict(state["weights"])
    of_parameters = {int(index): s for index, s in state["optimizer"].items()}
    net.optimizer_.load_state_dict({**net.optimizer_.state_dict(), "state": of_parameters})
    for group, rate in zip(net.optimizer_.param_groups, state["rates"], strict=True):
        group["lr"] = rate
    for name, callback in _own_callbacks(net):
        vars(callback).update(state["callbacks"][name])
    net.epoch_so_far = EpochSoFar(net.generators)
    net.epoch_so_far.restore(state["epoch"])


def _own_callbacks(net) -> list[tuple[str, Callback]]:
    """Return skae's callbacks and their names."""
    return [(name, c) for name, c in net.callbacks_ if isinstance(c, OwnCallback)]


def _states(generators: list[torch.Generator]) -> list[torch.Tensor]:
    return [generator.get_state() for generator in generators]


def _set_states(generators: list[torch.Generator], states: list[torch.Tensor]) -> None:
    for generator, state in zip(generators, states, strict=True):
        generator.set_state(state)


def _plain(row: dict) -> dict:
    """Return the numbers of a row of skorch's history; callbacks may have added anything."""
    return {name: _number(value) for name, value in row.items() if isinstance(value, Real)}


def _number(value: Real) -> bool | int | float:
    if isinstance(value, bool):
        return value
    return int(value) if isinstance(value, Integral) else float(value)
