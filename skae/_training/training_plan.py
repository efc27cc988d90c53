"""The plan of a training: every number it goes by, resolved before it begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd
import torch
from skorch.callbacks import Callback


@dataclass(frozen=True)
class TrainingPlan:
    """How to train: what "auto" stood for, and what the user chose.

    Parameters
    ----------
    n_epochs : int
        Number of epochs that the schedule is laid out for.

    batch_size : int
        Rows in a batch.

    learning_rate : float
        Highest learning rate.

    optimizer : type
        A class of ``torch.optim``.

    weight_decay : float
        Decay of the weights of the residual networks.

    schedule : callable
        From the fraction of the batches that is done to a factor of `learning_rate`.

    jitter : float, default=0.0
        Noise on what the encoder is given, in units of PCA's residual.

    repelled : torch.Tensor of shape (n_rows, n_features) or None, default=None
        Scaled rows that the network learns to reconstruct badly.

    begins : bool, default=True
        Whether warm-ups start here.

    start_counts : bool, default=False
        Whether the first weights are worth keeping: those of PCA or of an earlier fit.

    stop_after : int or None, default=None
        Epoch to end after, before the schedule does.

    patience : int or None, default=None
        Epochs without a better validation loss before the training ends.

    precision : {"float32", "float64", "bfloat16"}, default="float32"
        Precision of the products in training.

    draws_globally : bool, default=False
        Whether modules draw from torch's own generators.

    callbacks : list of skorch.callbacks.Callback
        The user's callbacks.

    on_epoch : callable
        Is given each row of the history, and a function that returns the weights of that moment;
        ends the training by returning True.
    """

    n_epochs: int
    batch_size: int
    learning_rate: float
    optimizer: type[torch.optim.Optimizer]
    weight_decay: float
    schedule: Callable[[float], float]
    jitter: float = 0.0
    repelled: torch.Tensor | None = None
    begins: bool = True
    start_counts: bool = False
    stop_after: int | None = None
    patience: int | None = None
    precision: str = "float32"
    draws_globally: bool = False
    callbacks: list[Callback] = field(default_factory=list)
    on_epoch: Callable[[dict, Callable], bool] = lambda record, weights: False

    @property
    def last_epoch(self) -> int:
        """Number of the last epoch to run."""
        return self.n_epochs if self.stop_after is None else self.stop_after

    def n_steps(self, n_rows: int, history: pd.DataFrame) -> int:
        """Return about how many batches were trained on."""
        return int(history["epoch"].iloc[-1]) * max(1, n_rows // self.batch_size)
