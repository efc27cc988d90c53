"""From X to a network that is ready to be trained, and the plan of its training."""

from __future__ import annotations

import copy
from numbers import Integral

import numpy as np
import torch

from skae._data.batches import Batches
from skae._data.lost_digits import warn_of_lost_digits
from skae._data.moments import Moments
from skae._data.rows import Rows
from skae._data.views import rows_at
from skae._fitting import defaults
from skae._fitting.linear_part import LinearPart
from skae._fitting.n_components import resolve_n_components
from skae._fitting.principal_axes import PrincipalAxes
from skae._fitting.start import Start, check_kind, note_features, resolve_parts
from skae._fitting.trainings import Trainings
from skae._missing.filling import Filling, NormalDistribution
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.fitted_network import FittedNetwork
from skae._runtime.device import resolve_device
from skae._runtime.precision import resolve_precision, tensor_dtype
from skae._training.callbacks import checked_callbacks
from skae._training.optimizer import resolve_optimizer
from skae._training.schedule import one_cycle
from skae._training.train import TrainingPlan
from skae._utils.random_state import own_random_state
from skae.kinds.interface import Setting


class Preparation:
    """What comes before the training: resolves every "auto", and builds the network.

    It changes nothing on the estimator.

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

    gaussian : NormalDistribution or None, default=None
        What missing values are filled by, where an earlier fit of the same rows has found it.
    """

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
        gaussian: NormalDistribution | None = None,
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
        self, axes: PrincipalAxes | None, weight: torch.Tensor, gaussian: NormalDistribution | None
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

    @property
    def _starts_trained(self) -> bool:
        """Return whether the weights before the first epoch are of use."""
        return bool(self.previous) or self.fitted.linear_path

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
            start_counts=self._starts_trained,
            patience=p.patience,
            precision=self.fitted.precision,
            draws_globally=self.fitted.architecture.draws_globally,
            callbacks=self.callbacks,
        )


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
