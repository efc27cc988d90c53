"""A fit that is ready for training: rows, first weights, and every "auto" resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from skae._data.batches import Batches
from skae._data.matrix import Matrix
from skae._data.moments import Moments
from skae._data.rows import Rows
from skae._fitting.defaults import FEW_ROWS, auto_jitter, auto_or
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.splits import FEWEST_ROWS
from skae._missing.filling import NormalDistribution
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.network_spec import NetworkSpec
from skae._start.first_network import first_network
from skae._start.linear_part import LinearPart
from skae._training.optimizer import rate_factor
from skae._training.schedule import WARM_UP, one_cycle
from skae._training.training_plan import TrainingPlan
from skae._utils.checks import is_auto
from skae._utils.random_state import own_random_state


class Seeds(NamedTuple):
    """The seeds of one fit: of the split, the first weights, and the training."""

    split: int
    weights: int
    training: int

    @classmethod
    def drawn(cls, random_state: Any) -> Seeds:
        """Draw the seeds from a parameter ``random_state``."""
        return cls(*(int(s) for s in own_random_state(random_state).randint(2**31 - 1, size=3)))


@dataclass(frozen=True)
class Prepared:
    """A prepared fit: everything that training needs.

    Parameters
    ----------
    policy : FitPolicy
        The policy of the estimator.

    X : ndarray, CSR matrix or view of shape (n_samples, n_features)
        Validated rows, without those with weight zero.

    rows : Rows
        The same rows, scaled, as tensors.

    sample_weight : torch.Tensor of shape (n_samples,)
        Weight of each row.

    spec : NetworkSpec
        The specification of the network.

    network : AutoencoderNetwork
        The network with its first weights, on the device.

    mean : ndarray of shape (n_features,)
        Mean of the rows, in the units of `X`.

    seeds : Seeds
        The seeds of all randomness.

    start_counts : bool
        Whether the first weights, from PCA or an earlier fit, are worth keeping.

    targets : torch.Tensor of shape (n_samples, n_classes) or None
        For a classifier: the probability of each class for each row, times the weight of the row.

    repelled : torch.Tensor of shape (n_rows, n_features) or None
        Scaled rows, known anomalies, that the network learns to reconstruct badly.

    moments : Moments or None
        Moments of the rows; None if the fit continues from an earlier one.

    linear_part : LinearPart
        Computes principal axes and normal distributions of weighted rows.

    gaussian : NormalDistribution or None
        The normal distribution that fills missing values.
    """

    policy: FitPolicy
    X: Matrix
    rows: Rows
    sample_weight: torch.Tensor
    spec: NetworkSpec
    network: AutoencoderNetwork
    mean: np.ndarray
    seeds: Seeds
    start_counts: bool
    linear_part: LinearPart
    moments: Moments | None = None
    gaussian: NormalDistribution | None = None
    targets: torch.Tensor | None = None
    repelled: torch.Tensor | None = None

    @property
    def device(self) -> torch.device:
        """Where to compute."""
        return self.policy.device

    @property
    def goes_on(self) -> bool:
        """Whether the fit continues from an earlier one."""
        return self.moments is None

    @property
    def takes_folds(self) -> bool:
        """Whether the fit uses cross-validation, as with few rows."""
        by_default = self.policy.early_stopping and is_auto(self.policy.validation_fraction)
        return by_default and not self.goes_on and FEWEST_ROWS <= len(self.rows) < FEW_ROWS

    def batches(
        self, index: np.ndarray, batch_size: int, generator: torch.Generator | None = None
    ) -> Batches:
        """Return batches of some rows, in an order drawn for each epoch or in that of `index`."""
        on_device = torch.from_numpy(index).to(self.device)
        return Batches(
            self.rows, on_device, self.sample_weight, batch_size, generator, self.targets
        )

    def plan(self, n_training: int) -> TrainingPlan:
        """Return the training plan for this many rows, with every "auto" resolved."""
        policy, spec, rules = self.policy, self.spec, self.policy.rules
        batch_size = auto_or(policy.batch_size, rules.batch_size(n_training, spec.n_features))
        learning_rate = rules.learning_rate(batch_size, spec.n_components)
        learning_rate *= rate_factor(policy.optimizer, spec.kind, spec.n_features)
        jitters = spec.linear_path and spec.kind.wants_jitter()
        return TrainingPlan(
            n_epochs=auto_or(policy.max_epochs, rules.epochs(n_training, batch_size)),
            batch_size=batch_size,
            learning_rate=auto_or(
                policy.learning_rate, learning_rate * spec.architecture.learning_rate_factor
            ),
            optimizer=policy.optimizer,
            weight_decay=float(policy.weight_decay),
            schedule=one_cycle,
            jitter=auto_or(policy.jitter, auto_jitter(n_training) if jitters else 0.0),
            repelled=self.repelled,
            start_counts=self.start_counts,
            patience=policy.patience,
            warm_up=max(WARM_UP, spec.kind.warmup),
            precision=spec.precision,
            draws_globally=spec.architecture.draws_globally,
            callbacks=policy.callbacks,
            verbose=int(policy.verbose),
        )

    def network_without(self, fold: np.ndarray) -> AutoencoderNetwork:
        """Return a network whose first weights do not depend on the rows of a fold."""
        assert self.moments is not None  # further passes have no folds
        weight = self._weight_without(fold)
        axes = gaussian = None
        if self.spec.takes_missing:
            gaussian = self.linear_part.gaussian(weight)
        if self.spec.linear_path:
            axes = self.linear_part.principal_axes(self.spec.n_components, weight, gaussian)
        return first_network(self.spec, self.linear_part, self.moments, weight, axes, gaussian)

    def _weight_without(self, fold: np.ndarray) -> torch.Tensor:
        weight = self.sample_weight.clone()
        weight[torch.from_numpy(fold)] = 0
        return weight
