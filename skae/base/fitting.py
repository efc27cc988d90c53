"""The single path from X to a fitted network."""

from __future__ import annotations

import contextlib
import copy
from dataclasses import replace
from functools import partial
from numbers import Integral

import numpy as np
import pandas as pd
import torch

from skae.architectures.torch_draws import torch_draws
from skae.base.code_density import CodeDensity
from skae.base.fitted import FittedNetwork
from skae.base.held_out import (
    FEWEST_ROWS,
    best_epoch,
    folds,
    mean_history,
    no_split,
    split,
)
from skae.base.linear_part import LinearPart
from skae.base.lost_digits import warn_of_lost_digits
from skae.base.n_components import resolve_n_components
from skae.base.progress import EpochReport
from skae.base.random_state import own_random_state
from skae.base.start import Start, check_kind, note_features, resolve_parts
from skae.base.training_codes import TrainingCodes
from skae.base.trainings import Trainings
from skae.kinds.interface import Setting
from skae.training import defaults
from skae.training.batches import Batches
from skae.training.callbacks import checked_callbacks
from skae.training.convergence import TrainingDivergedError, mean_loss, warn_of_no_gain
from skae.training.device import resolve_device
from skae.training.filling import Filling, Gaussian
from skae.training.memory import FittingBatches
from skae.training.network import AutoencoderNetwork
from skae.training.optimizer import resolve_optimizer
from skae.training.precision import resolve_precision, tensor_dtype
from skae.training.principal_axes import PrincipalAxes
from skae.training.rows import Rows
from skae.training.scaling import Moments
from skae.training.schedule import constant, one_cycle
from skae.training.threads import threads_for
from skae.training.train import TrainingPlan, TrainingResult
from skae.training.views import rows_at

# Rows in a batch of those that select the best weights, and training rows that say whether there
# was a gain where none select.
_SELECTION_BATCH = 1024
# Rates up to here do not lead out of the range of float32 in one step.
_ORDINARY_RATE = 10.0


class Fit:
    """One fit of one estimator: resolves every "auto", builds the network, trains it.

    It changes nothing on the estimator. :meth:`attributes` is what a finished fit leaves there.

    Parameters
    ----------
    estimator : BaseAutoencoder
        Where the parameters are read.

    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Validated rows.

    trainings : Trainings
        By which networks are trained.

    sample_weight : ndarray of shape (n_samples,) or None
        Weights with mean 1.

    previous : dict or None
        Attributes of an earlier fit to go on from.

    seed : int or None, default=None
        Source of all randomness; None means that of the trainings.

    repelled : ndarray or CSR matrix of shape (n_rows, n_features) or None
        Validated rows that the network is to rebuild badly.

    takes_missing : bool, default=False
        Whether values may be missing later, though none may be in `X`.

    gaussian : Gaussian or None, default=None
        What missing values are filled by, where an earlier fit of the same rows has found it.
    """

    # What Ctrl-C did, where it ended the training.
    interruption: str | None = None
    head = None  # what stands on the code, and what is known of the classes: for a classifier
    targets = None

    def __init__(
        self,
        estimator,
        X,
        trainings: Trainings,
        sample_weight=None,
        previous: dict | None = None,
        seed: int | None = None,
        repelled=None,
        takes_missing: bool = False,
        gaussian: Gaussian | None = None,
    ):
        self.parameters, self.trainings = estimator, trainings
        self.previous = previous or {}
        self.optimizer = resolve_optimizer(estimator.optimizer)
        self.callbacks = checked_callbacks(estimator.callbacks)
        self.device = resolve_device(estimator.device)
        self.split_seed, self.weights_seed, self.training_seed = _seeds(
            trainings.random_state if seed is None else seed
        )
        if sample_weight is not None and not sample_weight.all():
            kept = np.flatnonzero(sample_weight)
            X, sample_weight = rows_at(X, kept), sample_weight[kept]
        self.X, self.takes_missing, self.gaussian = X, takes_missing, gaussian
        if previous is None:
            self._start(sample_weight)
        else:
            self._go_on(sample_weight)
        work = self._batch_size(len(self.rows)) * self.network.work.in_all
        self.fitted.precision = resolve_precision(estimator.precision, self.device, work)
        self.repelled = None
        if repelled is not None and repelled.shape[0]:
            rows = Rows(repelled, self.fitted.scaling, self.device, self.rows.dtype)
            self.repelled = rows.take(torch.arange(len(rows), device=self.device))

    def _start(self, sample_weight) -> None:
        """Build a network for `X` and give it its first weights."""
        parts = resolve_parts(self.parameters)
        moments = Moments.of(self.X, sample_weight)
        parts["loss"].check(moments.minimum, moments.maximum)
        self.mean = moments.mean
        if tensor_dtype(self.parameters.precision) == torch.float32:
            warn_of_lost_digits(self.X, moments)
        scaling = self.parameters._scaling(moments, self.X, parts["loss"])
        self._load(scaling, sample_weight)
        n_features = self.X.shape[1]
        kind = parts["kind"]
        self.share_known = moments.share_known
        takes_missing = self.takes_missing or moments.share_known < 1 or kind.makes_missing()
        if takes_missing and self.gaussian is None:
            self.gaussian = self.linear_part.gaussian(self.sample_weight)
        gaussian = self.gaussian
        rank = None if gaussian is None else gaussian.factor.shape[1]
        wanted = self.parameters._wanted_components(kind, rank)
        axes = None
        if self.parameters.init == "pca" or not isinstance(wanted, Integral):
            axes = self.linear_part.principal_axes(wanted, self.sample_weight, gaussian)
        n_components = resolve_n_components(wanted, axes, n_features, kind)
        takes_linear_path = kind.takes_linear_path(n_components, n_features)
        linear_path = self.parameters.init == "pca" and takes_linear_path
        shape = parts["architecture"].sample_shape(self.parameters.sample_shape_)
        setting = Setting(
            n_components=n_components,
            n_features=n_features,
            sample_shape=shape,
            loss=parts["loss"],
            weight_decay=self.parameters.weight_decay,
            linear_path=linear_path,
            channel_axis=parts["architecture"].channel_axis_of(shape),
        )
        check_kind(kind, setting)
        parts["architecture"] = parts["architecture"].resolved(shape, len(self.rows))
        self.fitted = FittedNetwork(
            **parts,
            n_features=n_features,
            n_components=n_components,
            linear_path=linear_path,
            scaling=scaling,
            precision=self.parameters.precision,
            filling_rank=rank,
            head=self.head,
        )
        self.moments = moments
        self.network = self._new_network(axes, self.sample_weight, gaussian)

    def _go_on(self, sample_weight) -> None:
        """Take the network of the previous fit, with its scaling and its parts."""
        self.fitted = copy.copy(self.previous["_fitted"])
        self.mean = self.previous["mean_"]
        self._load(self.fitted.scaling, sample_weight)
        self.fitted.precision = self.parameters.precision  # it may have been set since
        self.network = self.fitted.new_network(self.device)

    def _load(self, scaling, sample_weight) -> None:
        dtype = tensor_dtype(self.parameters.precision)
        self.rows = Rows(self.X, scaling, self.device, dtype)
        self.linear_part = LinearPart(self.rows, self.weights_seed)
        if sample_weight is None:
            self.sample_weight = torch.ones(len(self.rows), dtype=dtype, device=self.device)
        else:
            self.sample_weight = torch.from_numpy(sample_weight).to(dtype).to(self.device)

    def filling_without(self, index: np.ndarray) -> Filling:
        """Return what missing values would be filled by if these rows were not known."""
        weight = self.sample_weight.clone()
        weight[torch.from_numpy(index)] = 0
        return self.linear_part.filling(self.linear_part.gaussian(weight)).cpu()

    def _new_network(
        self, axes: PrincipalAxes | None, weight: torch.Tensor, gaussian: Gaussian | None
    ) -> AutoencoderNetwork:
        generator = torch.Generator().manual_seed(self.weights_seed)
        network = self.fitted.new_network(self.device, generator)
        note_features(network, self.moments, self.fitted.scaling)
        if gaussian is not None:
            network.missing.filling.set(gaussian)
            network.missing.share_known.fill_(self.share_known)
        if self.fitted.linear_path:
            rows = self.linear_part.complete(gaussian)
            Start(rows, weight, axes, self.weights_seed).apply(network)
        return network

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
            warn_of_no_gain(before, after, after, self._start_counts, n_steps)
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
            warn_of_no_gain(losses[0], kept, last, self._start_counts, n_steps)

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

    @property
    def _starts_trained(self) -> bool:
        """Return whether the weights before the first epoch are of use."""
        return bool(self.previous) or self.fitted.linear_path

    @property
    def _start_counts(self) -> bool:
        """Return whether they are worth keeping, as a head that knows no classes yet is not."""
        return self.targets is None and self._starts_trained

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

    def _batches(self, index: np.ndarray, batch_size: int, generator=None) -> Batches:
        index = torch.from_numpy(index).to(self.device)
        return Batches(self.rows, index, self.sample_weight, batch_size, generator, self.targets)

    def _batch_size(self, n_training: int) -> int:
        automatic = self.parameters._auto_batch_size(n_training, self.X.shape[1])
        return given_or(self.parameters.batch_size, automatic)

    def _plan(self, n_training: int) -> TrainingPlan:
        p = self.parameters
        batch_size = self._batch_size(n_training)
        jitters = self.fitted.linear_path and self.fitted.kind.wants_jitter()
        jitter = defaults.auto_jitter(n_training) if jitters else 0.0
        return TrainingPlan(
            n_epochs=given_or(p.max_epochs, p._auto_epochs(n_training, batch_size)),
            batch_size=batch_size,
            learning_rate=given_or(
                p.learning_rate,
                p._auto_learning_rate(batch_size, self.fitted.n_components)
                * self.fitted.architecture.learning_rate_factor,
            ),
            optimizer=self.optimizer,
            weight_decay=float(p.weight_decay),
            schedule=one_cycle,
            jitter=given_or(p.jitter, jitter),
            repelled=self.repelled,
            start_counts=self._start_counts,
            patience=p.patience,
            precision=self.fitted.precision,
            draws_globally=self.fitted.architecture.draws_globally,
            callbacks=self.callbacks,
        )

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


def given_or(value, automatic):
    """Return the value that "auto" stands for, or the one that was given, as Python's number.

    Products with small integers of numpy would overflow.
    """
    if isinstance(value, str) and value == "auto":
        return automatic
    return int(value) if isinstance(value, Integral) else float(value)


def _seeds(random_state) -> tuple[int, int, int]:
    """Draw seeds for the split, the first weights and the training."""
    return tuple(int(s) for s in own_random_state(random_state).randint(2**31 - 1, size=3))
