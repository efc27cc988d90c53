"""The course of the training of one of several networks."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from skae._training.convergence import (
    TrainingDivergedError,
    refuse_divergence,
    warn_of_divergence,
)
from skae._training.epoch import history_of, is_whole, record_of
from skae._training.train import TrainingResult, TrainingTask


class Replica:
    """The course of a training, without its weights: history, best epoch, and end.

    Parameters
    ----------
    task : TrainingTask
        The training.

    Attributes
    ----------
    rows : list of dict
        The rows of the epochs, that of the network before its first epoch included.

    best_loss, best_epoch : float, int
        The lowest validation loss and its epoch.

    has_ended : bool
        Whether no further epoch counts.

    is_interrupted : bool
        Whether Ctrl-C ended the training.
    """

    def __init__(self, task: TrainingTask):
        self.task, self.plan = task, task.plan
        self.rows: list[dict] = [{"epoch": 0}]
        self.best_loss, self.best_epoch = math.inf, 0
        self.has_ended = self.is_interrupted = False
        self._error: TrainingDivergedError | None = None

    @property
    def selects(self) -> bool:
        """Whether validation rows choose the weights."""
        return self.task.validation is not None and self.plan.selects

    def begin(self, measured: dict[str, float]) -> None:
        """Complete row 0, that of the first weights, which are the best so far."""
        self.rows[0].update(measured)
        self.has_ended = self.plan.last_epoch == 0
        self._end_if_diverged()
        self._note_best()

    def complete_epoch(
        self, measured: dict[str, float], learning_rate: float, weights: Callable[[], dict]
    ) -> bool:
        """Complete the row of an epoch; return whether its weights are the best so far.

        Parameters
        ----------
        measured : dict of str to float
            The losses and the seconds of the epoch.

        learning_rate : float
            The rate of its last step.

        weights : callable
            Returns the weights of the network.
        """
        epoch = len(self.rows)
        row = {"epoch": epoch, **measured, "learning_rate": learning_rate}
        if self.plan.valid_losses:
            row["valid_loss"] = self.plan.valid_losses[epoch]
        self.rows.append(row)
        is_best = self._note_best()
        self._end_if_diverged()
        if not self.has_ended:
            stop = self.plan.on_epoch(record_of(row), weights) or self._is_out_of_patience()
            self.has_ended = stop or epoch >= self.plan.last_epoch
        return is_best

    def interrupt(self) -> None:
        """Note that Ctrl-C ended the training, unless it had ended before."""
        if not self.has_ended:
            self.has_ended = self.is_interrupted = True

    def result(self) -> TrainingResult:
        """Return the outcome; the network has the weights that are kept.

        Raises
        ------
        TrainingDivergedError
            If the loss of an epoch was not finite, and no weights are worth keeping.
        """
        if self._error is not None:
            worth = self.selects and (self.best_epoch or self.plan.start_counts)
            if len(self.rows) == 1 or not worth:
                raise self._error
            warn_of_divergence(self.rows[-1], self.best_epoch)
        history = history_of([record_of(row) for row in self.rows if is_whole(row)])
        kept = self.best_epoch if self.selects else len(self.rows) - 1
        weights: dict[str, torch.Tensor] = self.task.network.state_dict()
        return TrainingResult(
            weights=weights,
            history=history,
            best_epoch=kept,
            best_loss=history["valid_loss" if self.selects else "train_loss"][kept],
            optimizer_state={},
            interrupted=self.is_interrupted,
        )

    def _note_best(self) -> bool:
        """Return whether the last epoch is the best so far, and remember it if it is."""
        if not self.selects:
            return False
        row = self.rows[-1]
        if row["epoch"] and not row["valid_loss"] < self.best_loss:
            return False
        self.best_loss, self.best_epoch = row["valid_loss"], row["epoch"]
        return True

    def _end_if_diverged(self) -> None:
        try:
            refuse_divergence(self.rows[-1])
        except TrainingDivergedError as error:
            self._error, self.has_ended = error, True

    def _is_out_of_patience(self) -> bool:
        if self.plan.patience is None or not self.selects:
            return False
        since = max(self.best_epoch, self.plan.last_of_warm_up)
        return self.rows[-1]["epoch"] - since >= self.plan.patience
