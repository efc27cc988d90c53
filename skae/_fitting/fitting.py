"""The single path from X to a fitted network."""

from __future__ import annotations

import contextlib
import copy
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import torch

from skae._fitting import defaults
from skae._fitting.preparation import Preparation
from skae._fitting.progress import EpochReport
from skae._fitting.splits import (
    FEWEST_ROWS,
    best_epoch,
    folds,
    mean_history,
    no_split,
    split,
)
from skae._fitting.training_codes import TrainingCodes
from skae._generation.code_density import CodeDensity
from skae._runtime.memory import FittingBatches
from skae._runtime.threads import threads_for
from skae._training.convergence import TrainingDivergedError, mean_loss, warn_of_no_gain
from skae._training.schedule import constant
from skae._training.train import TrainingPlan, TrainingResult
from skae._utils.torch_draws import torch_draws

# Rows in a batch of those that select the best weights, and training rows that say whether there
# was a gain where none select.
_SELECTION_BATCH = 1024
# Rates up to here do not lead out of the range of float32 in one step.
_ORDINARY_RATE = 10.0


class Fit(Preparation):
    """One fit of one estimator: trains the network that was prepared.

    It changes nothing on the estimator. :meth:`attributes` is what a finished fit leaves there.
    Parameters are those of :class:`~skae._fitting.preparation.Preparation`.
    """

    # What Ctrl-C did, where it ended the training.
    interruption: str | None = None

    def train(self) -> None:
        """Train the network and keep the weights that rows held out find best."""
        p, n = self.parameters, len(self.rows)
        turns = p.early_stopping and p.validation_fraction == "auto" and not self.previous
        if turns and FEWEST_ROWS <= n < defaults.FEW_ROWS:
            self._train_by_folds()
            return
        training, selecting = self._split()
        plan = self._plan(len(training))
        report = EpochReport(p, plan.n_epochs, self.X)
        before = None if selecting is not None else self._loss(training)
        result = self._run(self.network, training, selecting, self._reported(plan, report))
        self._keep(plan, result)
        n_steps = plan.n_steps(len(training), result.history)
        if selecting is not None:
            self._warn_of_no_gain(result, result.history, n_steps)
        elif not result.interrupted and self.repelled is None:  # which may cost all others much
            after = self._loss(training)
            warn_of_no_gain(before, after, after, self._starts_trained, n_steps)
        report.end(self.attributes)

    def _loss(self, rows: np.ndarray) -> float:
        """Return the loss of (up to 1,024) rows."""
        some = rows[:: -(-len(rows) // _SELECTION_BATCH)]
        return mean_loss(self.network, self._batches(some, _SELECTION_BATCH), self.training_seed)

    def _warn_of_no_gain(self, result: TrainingResult, history, n_steps: int) -> None:
        """Warn where the history says that there was none."""
        if not result.interrupted:
            losses = history["valid_loss"]
            # Of training rows as well: on rows held out, overfitting takes it up.
            last = history[["train_loss", "valid_loss"]].iloc[-1].min()
            kept = losses[result.best_epoch]
            warn_of_no_gain(losses[0], kept, last, self._starts_trained, n_steps)

    def _keep(self, plan: TrainingPlan, result: TrainingResult, last=None) -> None:
        """Take what came of a training, or of the first fold where Ctrl-C ended a later one."""
        self._note_interruption(plan, result, last or result)
        self._finish(plan, result, result.history, result.best_epoch)

    def _note_interruption(self, plan: TrainingPlan, result: TrainingResult, last) -> None:
        if not last.interrupted:
            return
        where = f"in epoch {len(last.history)} of {plan.n_epochs}"
        if result.best_epoch == 0 and not self._starts_trained:
            raise KeyboardInterrupt(f"{where}, before there was anything to keep")
        kept = "the best weights so far" if result is last else "the best weights of a fold"
        self.interruption = f"{where}; {kept} are kept"

    def _split(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the rows to train on, and those to select the best weights by, if any."""
        p, n = self.parameters, len(self.rows)
        if p.early_stopping:
            return split(n, p.validation_fraction, self.split_seed)
        training, selecting = no_split(n, self.split_seed)
        return training, selecting if p._selects_by_training_rows else None

    def train_once(self) -> None:
        """Pass over all rows once, at a constant learning rate, and keep the last weights."""
        plan = replace(self._plan(len(self.rows)), n_epochs=1, schedule=constant)
        plan = replace(plan, begins=not self.previous)
        report = EpochReport(self.parameters, plan.n_epochs, self.X)
        result = self._run(
            self.network,
            np.arange(len(self.rows)),
            None,
            self._reported(plan, report),
            self.previous.get("_optimizer_state"),
        )
        self._note_interruption(plan, result, result)
        history = result.history
        if "history_" in self.previous:
            history = joined(self.previous["history_"], history)
        self._finish(plan, result, history, int(history["epoch"].iloc[-1]))
        self._ending["_optimizer_state"] = result.optimizer_state
        report.end(self.attributes)

    def _train_by_folds(self) -> None:
        """Hold out each fold once to find the number of epochs; then train on all rows.

        The networks of the folds start at the PCA of their own rows, so rows held out are new
        to all of them, epoch 0 included. Where Ctrl-C comes, that of the first fold is kept.
        """
        everything = np.arange(len(self.rows))
        plan = self._plan(len(self.rows))
        results, weights = [], []
        for fold in folds(len(self.rows), self.split_seed):
            results.append(self._run_fold(everything, fold, plan))
            weights.append(float(self.sample_weight[fold].sum()))
            if results[-1].interrupted:
                first = results[0]
                if first.best_epoch == 0:  # the same start, of all rows, is at hand
                    first = replace(first, weights=self.network.state_dict())
                return self._keep(plan, first, results[-1])
        history = mean_history([result.history for result in results], weights)
        best = best_epoch(history["valid_loss"], from_pca=self.fitted.linear_path)
        plan = replace(plan, stop_after=best)
        report = EpochReport(self.parameters, best, self.X)
        result = self._run(self.network, everything, None, self._reported(plan, report, history))
        if result.interrupted:
            return self._keep(plan, results[0], result)
        self._finish(plan, result, history, result.best_epoch)
        n_steps = plan.n_steps(len(everything), history)
        self._warn_of_no_gain(result, history, n_steps)
        report.end(self.attributes)

    def _run_fold(self, everything, fold, plan: TrainingPlan) -> TrainingResult:
        weight = self.sample_weight.clone()
        weight[fold] = 0
        axes = gaussian = None
        if self.fitted.filling_rank is not None:
            gaussian = self.linear_part.gaussian(weight)
        if self.fitted.linear_path:
            axes = self.linear_part.principal_axes(self.fitted.n_components, weight, gaussian)
        network = self._new_network(axes, weight, gaussian)
        rest = np.setdiff1d(everything, fold)
        return self._run(network, rest, fold, replace(plan, callbacks=[]))

    def _run(
        self, network, training, selecting, plan: TrainingPlan, optimizer_state=None
    ) -> TrainingResult:
        """Train a network on some rows, selecting the best weights by others if there are any."""
        generator = torch.Generator(self.device).manual_seed(self.training_seed)
        batches = self._batches(training, plan.batch_size, generator)
        selection = None if selecting is None else self._batches(selecting, _SELECTION_BATCH)
        draws = contextlib.nullcontext()
        if plan.draws_globally:
            draws = torch_draws(self.training_seed, self.device)
        with threads_for(plan.batch_size, network.work.at_once), draws:
            return self.trainings.train(network, batches, selection, plan, optimizer_state)

    def _reported(self, plan: TrainingPlan, report, history=None) -> TrainingPlan:
        """Return the plan with a report of each epoch, and the losses of the folds in it."""

        def on_epoch(record, weights):
            if history is not None:
                record = {**record, "valid_loss": history["valid_loss"][record["epoch"]]}
            return report(record, lambda: self._so_far(weights()))

        return replace(plan, on_epoch=on_epoch)

    def _finish(self, plan, result: TrainingResult, history, best: int) -> None:
        self.network.load_state_dict(result.weights)
        self.network.eval()
        with np.errstate(over="ignore", invalid="ignore"):  # of weights that are refused below
            codes = self._note_rows(plan.batch_size)
        self.fitted.set_weights(self.network.state_dict())
        if max(plan.learning_rate, plan.weight_decay) > _ORDINARY_RATE:
            self._refuse_infinity(codes.sample, plan)
        self._of_kind = self.fitted.kind.attributes(codes.summary(self._directions))
        self._ending = {
            "batch_size_": plan.batch_size,
            "learning_rate_": plan.learning_rate,
            "history_": history,
            "best_epoch_": best,
            "n_epochs_": int(history["epoch"].iloc[-1]),
            "loss_": final_loss(history, best),
            "_optimizer_state": None,
            "_code_density": CodeDensity(codes.sample),
            "_of_kind": list(self._of_kind),
        }

    def _refuse_infinity(self, codes: np.ndarray, plan: TrainingPlan) -> None:
        """Refuse last weights that lead nowhere, where no rows held out have refused them."""
        reconstructions = self.fitted.decode(codes, str(self.device), np.dtype(np.float64))
        if not (np.isfinite(codes).all() and np.isfinite(reconstructions).all()):
            raise TrainingDivergedError(
                f"The weights after the training give no finite numbers, with "
                f"learning_rate={plan.learning_rate:g} and weight_decay={plan.weight_decay:g}: "
                f"give smaller ones."
            )

    def _note_rows(self, batch_size: int) -> TrainingCodes:
        """Show the network all rows, so that it knows their ranges, and return their codes."""
        codes = TrainingCodes(
            self.fitted.kind, len(self.rows), self.fitted.n_components, self.training_seed
        )
        generator = torch.Generator(self.device).manual_seed(self.training_seed)
        fitting = FittingBatches(self.device)
        with torch.no_grad(), threads_for(batch_size, self.network.work.at_once):
            for rows, block in self.rows.blocks():
                note = partial(self.network.note_ranges, generator=generator)
                codes.add(rows, fitting.call(note, block))
        return codes

    def _directions(self) -> np.ndarray:
        """Return what each value of the code alone does in the reconstruction, in units of X."""
        codes = np.eye(self.fitted.n_components)
        dtype, device = np.dtype(np.float64), str(self.device)
        return self.fitted.decode(codes, device, dtype) - self.fitted.decode(
            np.zeros_like(codes[:1]), device, dtype
        )

    def attributes(self) -> dict:
        """Return what the finished fit leaves on the estimator."""
        return {**self._so_far(), **self._ending, **self._of_kind}

    def _so_far(self, weights: dict[str, torch.Tensor] | None = None) -> dict:
        """Return the attributes that do not wait for the end, with these weights."""
        fitted = copy.copy(self.fitted)
        if weights is not None:
            fitted.set_weights(weights)
        return {
            "_fitted": fitted,
            "_n_features_out": fitted.n_components,
            "n_components_": fitted.n_components,
            "kind_": fitted.kind,
            "architecture_": fitted.architecture,
            "mean_": self.mean,
            "scale_": fitted.scaling.scale,
            "device_": str(self.device),
            "precision_": fitted.precision,
        }


def joined(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return the history of two trainings, the later without its row before the first epoch."""
    after = after[after["epoch"] > 0]
    after = after.assign(epoch=after["epoch"] + before["epoch"].iloc[-1])
    return pd.concat([before, after], ignore_index=True)


def final_loss(history: pd.DataFrame, epoch: int) -> float:
    """Return the loss of an epoch on the rows that select, or in training without such rows."""
    row = history.iloc[epoch]
    return float(row["train_loss"] if np.isnan(row["valid_loss"]) else row["valid_loss"])
