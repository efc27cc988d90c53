"""The fit of one network: training rows, validation rows, and the weights to keep."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pandas as pd
import torch

from skae._checkpoints.trainings import Trainings
from skae._fitting.finish import finish
from skae._fitting.network_fit import NetworkFit, attributes_with
from skae._fitting.prepared import Prepared
from skae._fitting.progress import EpochReport
from skae._fitting.splits import (
    best_epoch,
    folds,
    mean_history,
    no_split,
    split,
    with_columns_of,
)
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._runtime.interruption import NothingToKeepError
from skae._training.callbacks import callbacks_of_fold
from skae._training.convergence import mean_loss, warn_of_no_gain
from skae._training.schedule import constant
from skae._training.train import TrainingResult, TrainingTask
from skae._training.training_plan import TrainingPlan

# Rows in a batch of validation rows. Without validation rows, this many training rows tell whether
# the loss fell.
_VALIDATION_BATCH = 1024

Split = tuple[np.ndarray, np.ndarray | None]
# Yields trainings that can run side by side, receives their results, without those of trainings
# that Ctrl-C prevented, and returns the outcome.
Steps = Generator[list[TrainingTask], list[TrainingResult], NetworkFit]


def fit_network(
    prepared: Prepared,
    trainings: Trainings,
    report: EpochReport,
    split: Split | None = None,
) -> NetworkFit:
    """Train a prepared network, and keep the weights with the lowest validation loss.

    Parameters
    ----------
    prepared : Prepared
        The prepared fit; training changes the weights of its network.

    trainings : Trainings
        Runs the trainings.

    report : EpochReport
        Called after each epoch.

    split : tuple of ndarray or None, default=None
        Training rows and validation rows. None means that the policy decides; with few rows, it
        uses cross-validation.
    """
    (fit,) = fit_side_by_side([steps_of(prepared, report, split)], trainings)
    return fit


def steps_of(prepared: Prepared, report: EpochReport, split: Split | None = None) -> Steps:
    """Return the steps of a fit: trainings that can run side by side, and at last the outcome.

    Parameters
    ----------
    prepared, report, split
        As in :func:`fit_network`.
    """
    fit = _Fit(prepared, report)
    if split is None and prepared.takes_folds:
        return fit.by_folds()
    return fit.by_split(*(split or split_of(prepared)))


def fit_side_by_side(fits: Sequence[Steps], trainings: Trainings) -> Iterator[NetworkFit]:
    """Yield the outcomes of several fits, in their order.

    The first step of all fits is run, then the second one, and so on. After Ctrl-C, the fits that
    have nothing to keep are left out.

    Parameters
    ----------
    fits : sequence of generator
        The steps of each fit.

    trainings : Trainings
        Runs the trainings.

    Raises
    ------
    KeyboardInterrupt
        After the last outcome, if Ctrl-C left a fit with nothing to keep.
    """
    waiting = {number: next(steps) for number, steps in enumerate(fits)}
    done: dict[int, NetworkFit] = {}
    interrupt: KeyboardInterrupt | None = None
    while waiting and not interrupt and all(fit.interruption is None for fit in done.values()):
        results = iter(trainings.train_all([task for of in waiting.values() for task in of]))
        of_step = {number: list(islice(results, len(of))) for number, of in waiting.items()}
        waiting = {}
        for number, of_fit in of_step.items():
            try:
                known = [result for result in of_fit if result is not None]
                if known:
                    waiting[number] = fits[number].send(known)
            except StopIteration as end:
                done[number] = end.value
            except KeyboardInterrupt as nothing_to_keep:
                interrupt = interrupt or nothing_to_keep
    yield from (done[number] for number in sorted(done))
    if interrupt is not None:
        raise interrupt


def pass_once(
    prepared: Prepared,
    trainings: Trainings,
    report: EpochReport,
    history: pd.DataFrame | None = None,
    optimizer_state: dict | None = None,
) -> NetworkFit:
    """Train for one epoch on all rows, at a constant learning rate, and keep the last weights.

    Parameters
    ----------
    prepared, trainings, report
        As in :func:`fit_network`.

    history : pandas.DataFrame or None, default=None
        The history of the epochs before this one.

    optimizer_state : dict or None, default=None
        The state of the optimizer after the epoch before this one.
    """
    begins = not prepared.goes_on
    plan = replace(prepared.plan(len(prepared.rows)), n_epochs=1, schedule=constant, begins=begins)
    fit = _Fit(prepared, report)
    everything = np.arange(len(prepared.rows))
    task = fit.task(fit.reported(plan), everything, None)
    result = trainings.train(*task, optimizer_state)
    interruption = fit.interruption(plan, result, result)
    whole = result.history if history is None else _joined(history, result.history)
    last = int(whole["epoch"].iloc[-1])
    done = finish(
        prepared, plan, result, whole, last, interruption=interruption, keeps_optimizer=True
    )
    report.end(lambda: done.attributes)
    return done


def split_of(prepared: Prepared) -> Split:
    """Return the training rows, and the validation rows if there are any."""
    policy, n_rows, seed = prepared.policy, len(prepared.rows), prepared.seeds.split
    if policy.early_stopping:
        return split(n_rows, policy.validation_fraction, seed)
    training, some = no_split(n_rows, seed)
    return training, some if policy.validates_on_training_rows else None


@dataclass(frozen=True)
class _Fit:
    """Fits of a prepared network, by one split or by cross-validation."""

    prepared: Prepared
    report: EpochReport

    def by_split(self, training: np.ndarray, validation: np.ndarray | None) -> Steps:
        """Train on some rows, and choose the best weights on validation rows, if there are any."""
        prepared, plan = self.prepared, self.prepared.plan(len(training))
        planned = self.reported(plan)
        before = None if validation is not None else self._loss(training)
        (result,) = yield [self.task(planned, training, validation)]
        interruption = self.interruption(plan, result, result)
        done = finish(
            prepared, plan, result, result.history, result.best_epoch, interruption=interruption
        )
        n_steps = plan.n_steps(len(training), result.history)
        if validation is not None:
            self._warn_of_no_gain(result, result.history, n_steps)
        elif not result.interrupted and prepared.repelled is None:  # they may raise the loss
            assert before is not None
            after = self._loss(training)
            warn_of_no_gain(before, after, after, prepared.start_counts, n_steps)
        self.report.end(lambda: done.attributes)
        return done

    def by_folds(self) -> Steps:
        """Find the number of epochs by cross-validation; then train on all rows.

        The network of each fold starts at the PCA of its own training rows, so its validation rows
        are new to it even in epoch 0. After Ctrl-C, the network of the first fold is kept.
        """
        prepared = self.prepared
        everything = np.arange(len(prepared.rows))
        plan = replace(prepared.plan(len(everything)), averages=True)
        held_out = folds(len(everything), prepared.seeds.split)
        results = yield [self._task_without(fold, plan) for fold in held_out]
        ended_by_ctrl_c = next((result for result in results if result.interrupted), None)
        if ended_by_ctrl_c is not None:
            first = results[0]
            if first.best_epoch == 0:  # the start at the PCA of all rows is as good
                first = replace(first, weights=prepared.network.state_dict())
            return self._interrupted(plan, first, ended_by_ctrl_c)
        weights = [float(prepared.sample_weight[fold].sum()) for fold in held_out]
        history = mean_history([result.history for result in results], weights)
        best = best_epoch(history["valid_loss"], from_pca=prepared.spec.linear_path)
        plan = replace(plan, stop_after=best)
        plan = replace(plan, valid_losses=tuple(history["valid_loss"]))
        (result,) = yield [self.task(self.reported(plan), everything, None)]
        if result.interrupted:
            return self._interrupted(plan, results[0], result)
        history = with_columns_of(result.history, history)
        done = finish(prepared, plan, result, history, result.best_epoch)
        self._warn_of_no_gain(result, history, plan.n_steps(len(everything), history))
        self.report.end(lambda: done.attributes)
        return done

    def _interrupted(
        self, plan: TrainingPlan, first: TrainingResult, last: TrainingResult
    ) -> NetworkFit:
        """Return the fit with the network of the first fold, after Ctrl-C in a later training."""
        interruption = self.interruption(plan, first, last)
        return finish(
            self.prepared, plan, first, first.history, first.best_epoch, interruption=interruption
        )

    def _task_without(self, fold: np.ndarray, plan: TrainingPlan) -> TrainingTask:
        network = self.prepared.network_without(fold)
        rest = np.setdiff1d(np.arange(len(self.prepared.rows)), fold)
        plan = replace(plan, callbacks=callbacks_of_fold(plan.callbacks), verbose=0)
        return self.task(plan, rest, fold, network)

    def task(
        self,
        plan: TrainingPlan,
        training: np.ndarray,
        validation: np.ndarray | None,
        network: AutoencoderNetwork | None = None,
    ) -> TrainingTask:
        """Return the training of the prepared network, or another one, on some rows.

        Without validation rows, callbacks see the losses of some training rows in their place.
        """
        prepared, seed = self.prepared, self.prepared.seeds.training
        network = prepared.network if network is None else network
        generator = torch.Generator(prepared.device).manual_seed(seed)
        batches = prepared.batches(training, plan.batch_size, generator)
        if validation is None and plan.callbacks:
            plan, validation = replace(plan, selects=False), _some(training)
        validating = None
        if validation is not None:
            validating = prepared.batches(validation, _VALIDATION_BATCH)
        return TrainingTask(network, batches, validating, plan)

    def reported(self, plan: TrainingPlan) -> TrainingPlan:
        """Return the plan with reports of epochs."""
        self.report.begin(plan.last_epoch, self.prepared.X)

        def on_epoch(record: dict, weights: Callable) -> bool:
            return self.report(record, lambda: attributes_with(self.prepared, weights()))

        return replace(plan, on_epoch=on_epoch)

    def interruption(
        self, plan: TrainingPlan, kept: TrainingResult, last: TrainingResult
    ) -> str | None:
        """Return in which epoch Ctrl-C ended the last training, and which weights are kept.

        Raises
        ------
        NothingToKeepError
            If no weights are worth keeping.
        """
        if not last.interrupted:
            return None
        where = f"in epoch {len(last.history)} of {plan.n_epochs}"
        if kept.best_epoch == 0 and not self.prepared.start_counts:
            raise NothingToKeepError(f"{where}, before there was anything to keep")
        weights = "the best weights so far" if kept is last else "the best weights of a fold"
        return f"{where}; {weights} are kept"

    def _loss(self, rows: np.ndarray) -> float:
        """Return the mean loss of up to 1,024 of these rows."""
        batches = self.prepared.batches(_some(rows), _VALIDATION_BATCH)
        return mean_loss(self.prepared.network, batches, self.prepared.seeds.training)

    def _warn_of_no_gain(self, result: TrainingResult, history: pd.DataFrame, n_steps: int) -> None:
        """Warn if the history shows that training did not lower the loss."""
        if not result.interrupted:
            losses = history["valid_loss"]
            # The training loss as well, since overfitting raises the validation loss alone.
            last = history[["train_loss", "valid_loss"]].iloc[-1].min()
            kept = losses[result.best_epoch]
            warn_of_no_gain(losses[0], kept, last, self.prepared.start_counts, n_steps)
            if self.prepared.start_counts and result.best_epoch == 0:
                self.report.start_is_kept()


def _some(rows: np.ndarray) -> np.ndarray:
    """Return up to 1,024 of these rows, evenly spread."""
    return rows[:: -(-len(rows) // _VALIDATION_BATCH)]


def _joined(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return the history of two trainings, without row 0 of the second one."""
    after = after[after["epoch"] > 0]
    after = after.assign(epoch=after["epoch"] + before["epoch"].iloc[-1])
    return pd.concat([before, after], ignore_index=True)
