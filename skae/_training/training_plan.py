"""The plan of a training: all its settings, resolved before it begins."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd
import torch

from skae._training.callbacks import NamedCallback


@dataclass(frozen=True)
class TrainingPlan:
    """The settings of a training, with every "auto" resolved.

    Parameters
    ----------
    n_epochs : int
        Number of epochs of the schedule.

    batch_size : int
        Rows in a batch.

    learning_rate : float
        Highest learning rate.

    optimizer : type or callable
        A class of ``torch.optim``, or one with some of its parameters.

    weight_decay : float
        Decay of the weights of the residual networks.

    schedule : callable
        Maps the completed fraction of the batches to a factor of `learning_rate`.

    jitter : float, default=0.0
        Noise on the inputs of the encoder, in units of PCA's residual.

    repelled : torch.Tensor of shape (n_rows, n_features) or None, default=None
        Scaled rows, known anomalies, that the network learns to reconstruct badly.

    begins : bool, default=True
        Whether warm-ups of the kind begin with this training; if not, they are over.

    start_counts : bool, default=False
        Whether the first weights, from PCA or an earlier fit, are worth keeping.

    stop_after : int or None, default=None
        The epoch after which to stop, before the end of the schedule.

    patience : int or None, default=None
        Epochs without a lower validation loss after which to stop, counted from the end of the
        warm-up.

    warm_up : float, default=0.0
        Fraction of the epochs in which the learning rate, or the weight of a term of the loss,
        rises. Meanwhile, the network has no fair chance to become better than its start.

    precision : {"float32", "float64", "bfloat16"}, default="float32"
        Precision of matrix products in training.

    draws_globally : bool, default=False
        Whether modules draw from torch's global generators.

    callbacks : list of Callback or (str, Callback)
        The user's callbacks.

    averages : bool, default=False
        Whether the weights of an epoch are a mean over the last epochs.

    selects : bool, default=True
        Whether validation rows, if there are any, choose the weights that are kept. If not, they
        are training rows whose loss only callbacks see.

    valid_losses : tuple of float, default=()
        Validation losses of all epochs that are known beforehand: those of the folds.

    verbose : int, default=0
        Whether callbacks that say something, such as ``EarlyStopping``, print it.

    on_epoch : callable
        Called after each epoch with the row of the history and a function that returns the current
        weights. Training stops if it returns True.
    """

    n_epochs: int
    batch_size: int
    learning_rate: float
    optimizer: Callable[..., torch.optim.Optimizer]
    weight_decay: float
    schedule: Callable[[float], float]
    jitter: float = 0.0
    repelled: torch.Tensor | None = None
    begins: bool = True
    start_counts: bool = False
    stop_after: int | None = None
    patience: int | None = None
    warm_up: float = 0.0
    precision: str = "float32"
    draws_globally: bool = False
    callbacks: list[NamedCallback] = field(default_factory=list)
    averages: bool = False
    selects: bool = True
    valid_losses: tuple[float, ...] = ()
    verbose: int = 0
    on_epoch: Callable[[dict, Callable], bool] = lambda record, weights: False

    @property
    def last_epoch(self) -> int:
        """Number of the last epoch to run."""
        return self.n_epochs if self.stop_after is None else self.stop_after

    @property
    def last_of_warm_up(self) -> int:
        """Number of the last epoch of the warm-up; 0 if there is none."""
        return math.ceil(self.warm_up * self.n_epochs)

    def n_steps(self, n_rows: int, history: pd.DataFrame) -> int:
        """Return the approximate number of training batches."""
        return int(history["epoch"].iloc[-1]) * max(1, n_rows // self.batch_size)
