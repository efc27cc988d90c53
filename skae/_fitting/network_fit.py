"""The outcome of a fit: the fitted network, and the fitted attributes of the estimator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from skae._fitting.prepared import Prepared
from skae._network.fitted_network import FittedNetwork, arrays_of
from skae._training.training_plan import TrainingPlan


@dataclass(frozen=True)
class NetworkFit:
    """The outcome of the fit of one network.

    Parameters
    ----------
    prepared : Prepared
        The prepared fit.

    network : FittedNetwork
        The network with the weights that were kept.

    plan : TrainingPlan
        The plan of its training.

    history : pandas.DataFrame
        One row per epoch.

    best_epoch : int
        The epoch whose weights were kept.

    code_sample : ndarray of shape (n_codes, n_components)
        Latent codes of some training rows.

    of_kind : dict of str to object
        The kind's own fitted attributes.

    optimizer_state : dict or None
        The state of the optimizer, if training may continue from it.

    interruption : str or None
        If Ctrl-C ended the training: the epoch, and which weights are kept.
    """

    prepared: Prepared
    network: FittedNetwork
    plan: TrainingPlan
    history: pd.DataFrame
    best_epoch: int
    code_sample: np.ndarray
    of_kind: dict
    optimizer_state: dict | None = None
    interruption: str | None = None

    @property
    def common_attributes(self) -> dict:
        """The fitted attributes that all networks of an estimator have in common."""
        spec = self.network.spec
        return {
            "n_components_": spec.n_components,
            "kind_": spec.kind,
            "architecture_": spec.architecture,
            "device_": str(self.prepared.device),
            "precision_": spec.precision,
            "batch_size_": self.plan.batch_size,
            "learning_rate_": self.plan.learning_rate,
            "n_epochs_": int(self.history["epoch"].iloc[-1]),
            "history_": self.history,
        }

    @property
    def attributes(self) -> dict:
        """The fitted attributes of an estimator with this network only."""
        return {
            **attributes_so_far(self.prepared, self.network),
            **self.common_attributes,
            "best_epoch_": self.best_epoch,
            "loss_": final_loss(self.history, self.best_epoch),
            "_optimizer_state": self.optimizer_state,
            "_of_kind": list(self.of_kind),
            **self.of_kind,
        }


def attributes_so_far(prepared: Prepared, network: FittedNetwork) -> dict:
    """Return the fitted attributes that are known before the training ends."""
    spec = network.spec
    return {
        "_fitted": network,
        "_n_features_out": spec.n_components,
        "n_components_": spec.n_components,
        "kind_": spec.kind,
        "architecture_": spec.architecture,
        "mean_": prepared.mean,
        "scale_": spec.scaling.scale,
        "device_": str(prepared.device),
        "precision_": spec.precision,
    }


def attributes_with(prepared: Prepared, weights: dict[str, torch.Tensor]) -> dict:
    """Return the fitted attributes that an estimator would have with these weights."""
    return attributes_so_far(prepared, FittedNetwork(prepared.spec, arrays_of(weights)))


def final_loss(history: pd.DataFrame, epoch: int) -> float:
    """Return the validation loss of an epoch, or the training loss if there is none."""
    row = history.iloc[epoch]
    return float(row["train_loss"] if np.isnan(row["valid_loss"]) else row["valid_loss"])
