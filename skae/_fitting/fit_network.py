"""The fit of one network: which rows train it, which validate it, and what is kept."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from skae._checkpoints.trainings import Trainings
from skae._fitting.finish import finish
from skae._fitting.network_fit import NetworkFit, attributes_with
from skae._fitting.prepared import Prepared
from skae._fitting.progress import EpochReport
from skae._fitting.splits import best_epoch, folds, mean_history, no_split, split
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._runtime.threads import threads_for
from skae._training.convergence import mean_loss, warn_of_no_gain
from skae._training.schedule import constant
from skae._training.train import TrainingResult
from skae._training.training_plan import TrainingPlan
from skae._utils.torch_draws import torch_draws

# Rows in a batch of validation rows, and training rows that say whether there was a gain if there
# are no validation rows.
_VALIDATION_BATCH = 1024

Split = tuple[np.ndarray, np.ndarray | None]


def fit_network(
    prepared: Prepared,
    trainings: Trainings,
    report: EpochReport,
    split: Split | None = None,
) -> NetworkFit:
    """Train a prepared network, and keep the weights that are best on validation rows.

    Parameters
    ----------
    prepared : Prepared
        The network with its first weights; they are changed.

    trainings : Trainings
        Runs the trainings.

    report : EpochReport
        Is given each epoch.

    split : tuple of ndarray or None, default=None
        Training rows and validation rows. None means those that the policy asks for: with few
        rows, folds take turns.
    """
    if split is None and prepared.takes_folds:
        return _Fit(prepared, trainings, report).by_folds()
    return _Fit(prepared, trainings, report).by_split(*(split or split_of(prepared)))


def pass_once(
    prepared: Prepared,
    trainings: Trainings,
    report: EpochReport,
    history: pd.DataFrame | None = None,
    optimizer_state: dict | None = None,
) -> NetworkFit:
    """Pass over all rows once, at a constant learning rate, and keep the last weights.

    Parameters
    ----------
    prepared, trainings, report
        As in :func:`fit_network`.

    history : pandas.DataFrame or None, default=None
        That of the passes before.

    optimizer_state : dict or None, default=None
        That of the pass before.
    """
    begins = not prepared.goes_on
    plan = replace(prepared.plan(len(prepared.rows)), n_epochs=1, schedule=constant, begins=begins)
    fit = _Fit(prepared, trainings, report)
    everything = np.arange(len(prepared.rows))
    result = fit.trained(fit.reported(plan), everything, None, optimizer_state)
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
    """The steps that the ways of fitting have in common."""

    prepared: Prepared
    trainings: Trainings
    report: EpochReport

    def by_split(self, training: np.ndarray, validation: np.ndarray | None) -> NetworkFit:
        """Train on some rows, and choose the best weights by others, if there are any."""
        prepared, plan = self.prepared, self.prepared.plan(len(training))
        planned = self.reported(plan)
        before = None if validation is not None else self._loss(training)
        result = self.trained(planned, training, validation)
        interruption = self.interruption(plan, result, result)
        done = finish(
            prepared, plan, result, result.history, result.best_epoch, interruption=interruption
        )
        n_steps = plan.n_steps(len(training), result.history)
        if validation is not None:
            self._warn_of_no_gain(result, result.history, n_steps)
        elif not result.interrupted and prepared.repelled is None:  # which may cost the others much
            assert before is not None
            after = self._loss(training)
            warn_of_no_gain(before, after, after, prepared.start_counts, n_steps)
        self.report.end(lambda: done.attributes)
        return done

    def by_folds(self) -> NetworkFit:
        """Hold out each fold once to find the number of epochs; then train on all rows.

        The networks of the folds start at the PCA of their own rows, so held-out rows are new to
        all of them, epoch 0 included. If Ctrl-C comes, the network of the first fold is kept.
        """
        prepared = self.prepared
        everything = np.arange(len(prepared.rows))
        plan = prepared.plan(len(everything))
        results, weights = [], []
        for fold in folds(len(everything), prepared.seeds.split):
            results.append(self._trained_without(fold, plan))
            weights.append(float(prepared.sample_weight[fold].sum()))
            if results[-1].interrupted:
                first = results[0]
                if first.best_epoch == 0:  # the same start, of all rows, is at hand
                    first = replace(first, weights=prepared.network.state_dict())
                return self._interrupted(plan, first, results[-1])
        history = mean_history([result.history for result in results], weights)
        best = best_epoch(history["valid_loss"], from_pca=prepared.spec.linear_path)
        plan = replace(plan, stop_after=best)
        result = self.trained(self.reported(plan, history), everything, None)
        if result.interrupted:
            return self._interrupted(plan, results[0], result)
        done = finish(prepared, plan, result, history, result.best_epoch)
        self._warn_of_no_gain(result, history, plan.n_steps(len(everything), history))
        self.report.end(lambda: done.attributes)
        return done

    def _interrupted(
        self, plan: TrainingPlan, first: TrainingResult, last: TrainingResult
    ) -> NetworkFit:
        """Return the fit with the network of the first fold: Ctrl-C ended a later training."""
        interruption = self.interruption(plan, first, last)
        return finish(
            self.prepared, plan, first, first.history, first.best_epoch, interruption=interruption
        )

    def _trained_without(self, fold: np.ndarray, plan: TrainingPlan) -> TrainingResult:
        network = self.prepared.network_without(fold)
        rest = np.setdiff1d(np.arange(len(self.prepared.rows)), fold)
        return self.trained(replace(plan, callbacks=[]), rest, fold, network=network)

    def trained(
        self,
        plan: TrainingPlan,
        training: np.ndarray,
        validation: np.ndarray | None,
        optimizer_state: dict | None = None,
        network: AutoencoderNetwork | None = None,
    ) -> TrainingResult:
        """Train the prepared network, or another one, on some rows."""
        prepared, seed = self.prepared, self.prepared.seeds.training
        network = prepared.network if network is None else network
        generator = torch.Generator(prepared.device).manual_seed(seed)
        batches = prepared.batches(training, plan.batch_size, generator)
        held_out = None
        if validation is not None:
            held_out = prepared.batches(validation, _VALIDATION_BATCH)
        draws = torch_draws(seed, prepared.device) if plan.draws_globally else nullcontext()
        with threads_for(plan.batch_size, network.work.at_once), draws:
            return self.trainings.train(network, batches, held_out, plan, optimizer_state)

    def reported(self, plan: TrainingPlan, history: pd.DataFrame | None = None) -> TrainingPlan:
        """Return the plan with a report of each epoch, and the losses of the folds in it."""
        self.report.begin(plan.last_epoch, self.prepared.X)

        def on_epoch(record: dict, weights: Callable) -> bool:
            if history is not None:
                record = {**record, "valid_loss": history["valid_loss"][record["epoch"]]}
            return self.report(record, lambda: attributes_with(self.prepared, weights()))

        return replace(plan, on_epoch=on_epoch)

    def interruption(
        self, plan: TrainingPlan, kept: TrainingResult, last: TrainingResult
    ) -> str | None:
        """Return where Ctrl-C ended the last training, and what is kept.

        Raises
        ------
        KeyboardInterrupt
            If there is nothing worth keeping.
        """
        if not last.interrupted:
            return None
        where = f"in epoch {len(last.history)} of {plan.n_epochs}"
        if kept.best_epoch == 0 and not self.prepared.start_counts:
            raise KeyboardInterrupt(f"{where}, before there was anything to keep")
        weights = "the best weights so far" if kept is last else "the best weights of a fold"
        return f"{where}; {weights} are kept"

    def _loss(self, rows: np.ndarray) -> float:
        """Return the loss of (up to 1,024) rows."""
        some = rows[:: -(-len(rows) // _VALIDATION_BATCH)]
        batches = self.prepared.batches(some, _VALIDATION_BATCH)
        return mean_loss(self.prepared.network, batches, self.prepared.seeds.training)

    def _warn_of_no_gain(self, result: TrainingResult, history: pd.DataFrame, n_steps: int) -> None:
        """Warn if the history says that there was none."""
        if not result.interrupted:
            losses = history["valid_loss"]
            # Of training rows as well: on validation rows, overfitting takes it up.
            last = history[["train_loss", "valid_loss"]].iloc[-1].min()
            kept = losses[result.best_epoch]
            warn_of_no_gain(losses[0], kept, last, self.prepared.start_counts, n_steps)


def _joined(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return the history of two trainings, the later without its row before the first epoch."""
    after = after[after["epoch"] > 0]
    after = after.assign(epoch=after["epoch"] + before["epoch"].iloc[-1])
    return pd.concat([before, after], ignore_index=True)
