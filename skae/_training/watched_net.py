"""A net with callbacks: whom it calls, and what they see of the training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback

from skae._training.epoch import BatchLosses, numbers_of
from skae._training.predicting_net import PredictingNet
from skae._training.shown_rows import shown_batch


class WatchedNet(PredictingNet):
    """A net that records an epoch twice: for the training itself, and for callbacks.

    `rows_` has what belongs to the training, and begins with epoch 0, the network before its first
    epoch. skorch's history begins with epoch 1, and has what callbacks expect: rows for batches,
    and whether a loss is the smallest so far.
    """

    rows_: list[dict]
    callbacks_: list[tuple[str, Callback]]

    # The callbacks

    def initialize_callbacks(self) -> Self:
        """Initialize the callbacks, and clear the cache of their methods."""
        super().initialize_callbacks()
        self._listeners: dict[str, list] = {}
        return self

    def initialize_history(self) -> Self:
        """Begin a history."""
        self.rows_ = [{"epoch": 0}]
        self._digests: dict[int, float] = {}
        self._shown: set[str] = set()  # names of what the net itself shows in skorch's history
        super().initialize_history()
        return self

    def forget_callbacks(self) -> None:
        """Drop the references to the callbacks, and with them those to the training data.

        Net and callbacks refer to each other. Without this, the data would stay in memory, or on
        disk, until Python's garbage collector runs.
        """
        self.callbacks_, self._listeners = [], {}

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Call the callbacks that override a method; calling all takes 10% of a small batch."""
        listeners = self._listeners_of(method_name)
        if listeners and "batch" in cb_kwargs:
            cb_kwargs["batch"] = shown_batch(cb_kwargs["batch"], self.module_)
        for listener in listeners:
            listener(self, **cb_kwargs)

    def _listeners_of(self, method_name: str) -> list[Callable]:
        if method_name not in self._listeners:
            self._listeners[method_name] = list(self._listening(method_name))
        return self._listeners[method_name]

    def _listening(self, method_name: str) -> Iterator[Callable]:
        """Yield the overridden methods of this name, the net's own first."""
        silent = (getattr(NeuralNet, method_name), getattr(Callback, method_name))
        for owner in (self, *(callback for _, callback in self.callbacks_)):
            method = getattr(owner, method_name)
            if getattr(method, "__func__", method) not in silent:
                yield method

    # What they see

    def on_epoch_begin(
        self, net: NeuralNet, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any
    ) -> None:
        """Begin the next row of the history."""
        self.history.new_epoch()
        self._show(epoch=len(self.history))

    def _before_batch(self, batch: tuple[torch.Tensor, ...], training: bool) -> None:
        """Begin a row of the history, if there are callbacks, and call them."""
        if self.callbacks_:
            self.history.new_batch()
            self.notify("on_batch_begin", batch=batch, training=training)
            if self.module_.training is not training:  # a callback predicted something
                self._set_training(training)

    def _after_batch(self, batch: tuple[torch.Tensor, ...], step: dict, training: bool) -> None:
        """Complete the row of the history, and call the callbacks, which may change the weights."""
        if self.callbacks_:
            prefix = "train" if training else "valid"
            self.history.record_batch(f"{prefix}_batch_size", len(batch[0]))
            if self._listeners_of("on_batch_end"):
                self.history.record_batch(f"{prefix}_loss", float(step["loss"]))
                self.notify("on_batch_end", batch=batch, training=training, **step)

    def _complete_batches(self, prefix: str, losses: BatchLosses) -> None:
        """Complete the rows of the batches of an epoch."""
        if self.callbacks_:
            batches = self.history[-1]["batches"]
            read = torch.stack(losses.losses).tolist()  # from the device, all at once
            for row, loss in zip(batches[::-1], read[::-1], strict=False):
                row.setdefault(f"{prefix}_loss", loss)
            self._show(**{f"{prefix}_batch_count": len(losses.losses)})

    def _note(self, **values: float) -> None:
        """Record numbers of an epoch, for the training itself and for callbacks."""
        self.rows_[-1].update(values)
        self._show(**values)

    def _show(self, **values: float) -> None:
        """Record numbers of an epoch for callbacks alone."""
        shown = {n: v for n, v in values.items() if not n.endswith("_seconds")}
        self._shown.update(shown)
        self.history[-1].update(shown)

    def _of_callbacks(self) -> dict[str, float]:
        """Return the numbers of an epoch that callbacks recorded."""
        return {n: v for n, v in numbers_of(self.history[-1]).items() if n not in self._shown}

    def _note_bests(self) -> None:
        """Tell callbacks whether the losses of the epoch are the smallest so far."""
        for name in ("train_loss", "valid_loss"):
            if self.callbacks_ and name in self.history[-1]:
                *before, last = self.history[:, name]
                self._show(**{f"{name}_best": all(not before_ <= last for before_ in before)})
