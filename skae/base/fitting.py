"""The single path from X to a fitted network."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from sklearn.utils import check_random_state

from skae.architectures import ARCHITECTURES, Architecture
from skae.base.fitted import FittedNetwork
from skae.base.n_components import resolve_n_components
from skae.base.named_parts import resolve_part
from skae.base.progress import EpochReport
from skae.kinds import KINDS, Kind
from skae.losses import LOSSES, FunctionLoss, Loss
from skae.training import defaults
from skae.training.batches import Batches
from skae.training.device import resolve_device
from skae.training.network import AutoencoderNetwork
from skae.training.optimizer import resolve_optimizer
from skae.training.precision import resolve_precision, tensor_dtype
from skae.training.principal_axes import PrincipalAxes, principal_axes
from skae.training.rows import Rows
from skae.training.scaling import Moments
from skae.training.schedule import constant, one_cycle
from skae.training.threads import threads_for
from skae.training.train import TrainingPlan, train

# Axes asked for where the number of components is to be read off the spectrum.
_SPECTRUM_AXES = 256
# Standard deviations below this share of the data's are those of rounding; codes along such
# axes are not blown up to unit variance.
_SMALLEST_SCALE = 1e-3
# Rows that select the best weights where no rows are held out.
_MOST_SELECTING = 5000
# Rows in a batch of those that select.
_SELECTION_BATCH = 1024


class Fit:
    """One fit of one estimator: resolves every "auto", builds the network, trains it.

    It changes nothing on the estimator. :meth:`attributes` is what a finished fit leaves there.

    Parameters
    ----------
    estimator : BaseAutoencoder
        Where the parameters are read.

    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Validated rows.

    sample_weight : ndarray of shape (n_samples,) or None
        Weights with mean 1.

    previous : dict or None
        Attributes of an earlier fit to go on from.
    """

    def __init__(self, estimator, X, sample_weight=None, previous: dict | None = None):
        self.parameters = estimator
        self.optimizer = resolve_optimizer(estimator.optimizer)
        self.device = resolve_device(estimator.device)
        self.split_seed, self.weights_seed, self.training_seed = _seeds(estimator.random_state)
        if sample_weight is not None and not sample_weight.all():
            X, sample_weight = X[sample_weight > 0], sample_weight[sample_weight > 0]
        self.X = X
        self.previous = previous or {}
        if previous is None:
            self._start(sample_weight)
        else:
            self._go_on(sample_weight)
        self.fitted.precision = resolve_precision(
            estimator.precision, self.device, count_parameters(self.network)
        )

    def _start(self, sample_weight) -> None:
        """Build a network for `X` and give it its first weights."""
        parts = resolve_parts(self.parameters)
        moments = Moments.of(self.X, sample_weight)
        parts["loss"].check(moments.minimum, moments.maximum)
        self.mean = moments.mean
        scaling = moments.scaling(rescales=parts["loss"].rescales)
        self._load(scaling, sample_weight)
        axes = self._principal_axes()
        n_features = self.X.shape[1]
        n_components = resolve_n_components(self.parameters.n_components, axes, n_features)
        parts["kind"].check(n_components, n_features)
        self.fitted = FittedNetwork(
            **parts,
            n_features=n_features,
            n_components=n_components,
            linear_path=self.parameters.init == "pca" and n_components <= n_features,
            scaling=scaling,
            precision=self.parameters.precision,
        )
        generator = torch.Generator().manual_seed(self.weights_seed)
        self.network = self.fitted.new_network(self.device, generator)
        if self.fitted.linear_path:
            start_at_pca(self.network, axes)

    def _go_on(self, sample_weight) -> None:
        """Take the network of the previous fit, with its scaling and its parts."""
        self.fitted = copy.copy(self.previous["_fitted"])
        self.mean = self.previous["mean_"]
        self._load(self.fitted.scaling, sample_weight)
        self.network = self.fitted.new_network(self.device)

    def _load(self, scaling, sample_weight) -> None:
        dtype = tensor_dtype(self.parameters.precision)
        self.rows = Rows(self.X, scaling, self.device, dtype)
        weight = np.ones(len(self.rows)) if sample_weight is None else sample_weight
        self.sample_weight = torch.from_numpy(weight).to(dtype).to(self.device)

    def _principal_axes(self) -> PrincipalAxes | None:
        """Return the principal axes where the start or the number of components needs them."""
        wanted = self.parameters.n_components
        from_spectrum = isinstance(wanted, str | float)
        if self.parameters.init != "pca" and not from_spectrum:
            return None
        generator = torch.Generator().manual_seed(self.weights_seed)
        n_axes = min(_SPECTRUM_AXES if from_spectrum else wanted, *self.X.shape)
        return principal_axes(self.rows, n_axes, generator, self.sample_weight)

    def train(self, *, one_pass: bool = False) -> None:
        """Train the network and keep the best weights by the rows that select.

        Parameters
        ----------
        one_pass : bool, default=False
            Pass over all rows once, at a constant learning rate, and keep the last weights.
        """
        self.one_pass = one_pass
        training, selecting = (self._all_rows(), None) if one_pass else self._split()
        plan = self._plan(len(training), one_pass=one_pass)
        report = EpochReport(self.parameters, plan.n_epochs, self.X)
        self.plan = replace(
            plan, on_epoch=lambda record, weights: report(record, lambda: self._so_far(weights()))
        )
        generator = torch.Generator(self.device).manual_seed(self.training_seed)
        batches = Batches(self.rows, training, self.sample_weight, plan.batch_size, generator)
        with threads_for(plan.batch_size, count_parameters(self.network)):
            self.result = train(
                self.network,
                batches,
                None
                if selecting is None
                else Batches(self.rows, selecting, self.sample_weight, _SELECTION_BATCH),
                self.plan,
                self.previous.get("_optimizer_state") if one_pass else None,
            )
        self.fitted.set_weights(self.result.weights)
        report.end(self.attributes)

    def attributes(self) -> dict:
        """Return what the finished fit leaves on the estimator."""
        history = self.result.history
        if self.one_pass and "history_" in self.previous:
            history = _joined(self.previous["history_"], history)
        return {
            **self._so_far(None),
            "batch_size_": self.plan.batch_size,
            "learning_rate_": self.plan.learning_rate,
            "history_": history,
            "best_epoch_": int(history["epoch"].iloc[-1])
            if self.one_pass
            else (self.result.best_epoch),
            "loss_": self.result.best_loss,
            "n_epochs_": int(history["epoch"].iloc[-1]),
            "_optimizer_state": self.result.optimizer_state if self.one_pass else None,
            "_fitted": self.fitted,
        }

    def _so_far(self, weights: dict[str, torch.Tensor] | None) -> dict:
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

    def _plan(self, n_training: int, *, one_pass: bool) -> TrainingPlan:
        p = self.parameters
        batch_size = given_or(p.batch_size, defaults.auto_batch_size(n_training))
        n_epochs = given_or(p.max_epochs, defaults.auto_epochs(n_training, batch_size))
        return TrainingPlan(
            n_epochs=1 if one_pass else n_epochs,
            batch_size=batch_size,
            learning_rate=given_or(p.learning_rate, defaults.auto_learning_rate(batch_size)),
            optimizer=self.optimizer,
            weight_decay=p.weight_decay,
            schedule=constant if one_pass else one_cycle,
            patience=p.patience,
            precision=self.fitted.precision,
            callbacks=list(p.callbacks or []),
        )

    def _all_rows(self) -> torch.Tensor:
        return torch.arange(len(self.rows), device=self.device)

    def _split(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return which rows to train on, and which select the best weights."""
        n = len(self.rows)
        order = np.random.RandomState(self.split_seed).permutation(n)
        n_held_out = max(1, round(self.parameters.validation_fraction * n))
        if not self.parameters.early_stopping or n - n_held_out < 2:
            training, selecting = order, order[:_MOST_SELECTING]
        else:
            training, selecting = order[n_held_out:], order[:n_held_out]
        return tuple(torch.from_numpy(np.sort(i)).to(self.device) for i in (training, selecting))


def resolve_parts(estimator) -> dict:
    """Return the kind, the architecture and the loss that the parameters stand for."""
    loss = estimator.loss
    if callable(loss) and not isinstance(loss, Loss | type):
        loss = FunctionLoss(loss)
    return {
        "kind": resolve_part(estimator.kind, "kind", KINDS, Kind),
        "architecture": resolve_part(
            estimator.architecture, "architecture", ARCHITECTURES, Architecture
        ),
        "loss": resolve_part(loss, "loss", LOSSES, Loss),
    }


def start_at_pca(network: AutoencoderNetwork, found: PrincipalAxes) -> None:
    """Set the linear path to the principal axes; axes that do not exist are left at zero."""
    n_components, n_features = network.n_components, network.n_features
    n_found = min(n_components, len(found.axes))
    axes = torch.zeros(n_components, n_features, dtype=found.axes.dtype)
    axes[:n_found] = found.axes[:n_found]
    scales = torch.ones(n_components, dtype=found.axes.dtype)
    smallest = _SMALLEST_SCALE * (found.total / n_features) ** 0.5
    if smallest > 0:
        scales[:n_found] = found.variances[:n_found].sqrt().clamp_min(smallest)
    network.set_linear_path(axes, scales, found.mean)


def _joined(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return the history of two trainings, the later without its row before the first epoch."""
    after = after[after["epoch"] > 0]
    after = after.assign(epoch=after["epoch"] + before["epoch"].iloc[-1])
    return pd.concat([before, after], ignore_index=True)


def given_or(value, automatic):
    """Return the value that "auto" stands for, or the one that was given."""
    return automatic if isinstance(value, str) and value == "auto" else value


def count_parameters(network: torch.nn.Module) -> int:
    """Return the number of weights of a network."""
    return sum(weights.numel() for weights in network.parameters())


def _seeds(random_state) -> tuple[int, int, int]:
    """Draw seeds for the split, the first weights and the training.

    ``random_state=None`` draws from fresh entropy, not from numpy's global generator: a fit
    neither reads nor changes global state.
    """
    if random_state is None:
        random_state = np.random.RandomState(np.random.SeedSequence().generate_state(4))
    return tuple(int(s) for s in check_random_state(random_state).randint(2**31 - 1, size=3))
