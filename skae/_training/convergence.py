"""Warnings and errors for training that diverges or learns nothing."""

from __future__ import annotations

import math
import warnings

import torch
from sklearn.exceptions import ConvergenceWarning

from skae._data.batches import Batches
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._runtime.memory import FittingBatches

# A network with random first weights has learned something if its loss fell by this fraction.
_SMALLEST_GAIN = 1e-3
# With fewer batches, no warning: so short a training is not expected to learn much.
_FEWEST_STEPS = 50
# Training has diverged from a good start if the final loss exceeds the first one by this factor.
_RUNAWAY = 10.0
# With a smaller loss at the start, only rounding errors, or nothing worth learning, are left.
_ROUNDING, _NOTHING = 1e-6, 1e-2


class TrainingDivergedError(ValueError):
    """The loss of the training is no longer a finite number."""


def refuse_divergence(row: dict) -> None:
    """Raise an error if a loss of an epoch is not finite.

    Parameters
    ----------
    row : dict
        The epoch's row in skorch's history.

    Raises
    ------
    TrainingDivergedError
        If a loss is not finite.
    """
    for name in ("train_loss", "valid_loss"):
        if name in row and not math.isfinite(row[name]):
            raise TrainingDivergedError(
                f"The {name} became {row[name]} in epoch {row['epoch']}, and nothing was fitted. "
                f"Try a smaller learning_rate, precision='float32' if it was 'bfloat16', or "
                f"look for extreme values in X (sklearn.preprocessing.RobustScaler helps)."
            )


def warn_of_divergence(row: dict, best_epoch: int) -> None:
    """Warn that a training diverged, and say which weights are kept."""
    warnings.warn(
        f"The training diverged in epoch {row['epoch']}: its loss became "
        f"{row.get('train_loss', math.nan)}. The weights of epoch {best_epoch} are kept"
        f"{', the start' if best_epoch == 0 else ''}. Try a smaller learning_rate, or look for "
        f"extreme values in X (sklearn.preprocessing.RobustScaler helps).",
        ConvergenceWarning,
        stacklevel=2,
    )


def warn_of_no_gain(
    before: float, kept: float, last: float, start_counts: bool, n_steps: int
) -> None:
    """Warn if training did not improve the network.

    Parameters
    ----------
    before, kept, last : float
        The loss before the first epoch, of the weights that are kept, and after the last epoch.
        The last one is the smaller of the training loss and the validation loss.

    start_counts : bool
        Whether the network started from PCA or an earlier fit, not from random weights.

    n_steps : int
        Number of training batches.

    Warns
    -----
    ConvergenceWarning
        If the weights that are kept are hardly better than random first weights, or if training
        that started from PCA or an earlier fit ends with a much larger loss.
    """
    if start_counts:
        if math.inf > last > _RUNAWAY * before and before > _ROUNDING:  # infinity is warned of
            warnings.warn(
                f"The training made the network worse: the loss was {before:.3g} at the start and "
                f"{last:.3g} at the end. Weights with the loss {kept:.3g} are kept. Try a smaller "
                f"learning_rate.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return
    hardly_better = kept > before - _SMALLEST_GAIN * abs(before) and abs(before) > _NOTHING
    if hardly_better and n_steps >= _FEWEST_STEPS:
        warnings.warn(
            f"The training learned nothing: the loss was {before:.6g} before it and is "
            f"{kept:.6g} with the weights that are kept. Try another learning_rate (smaller if the "
            f"losses in history_ are large, larger if they hardly move), or more epochs.",
            ConvergenceWarning,
            stacklevel=2,
        )


def mean_loss(network: AutoencoderNetwork, batches: Batches, seed: int) -> float:
    """Return the mean objective of some rows in evaluation mode, like the validation loss.

    Parameters
    ----------
    network : AutoencoderNetwork
        The network, on the device of the rows.

    batches : Batches
        The rows.

    seed : int
        Seed of the kind's draws.
    """
    generator = torch.Generator(batches.index.device).manual_seed(seed)
    was_training = network.training
    network.eval()
    total = weights = 0.0
    fitting = FittingBatches(batches.index.device)

    def losses_of(X: torch.Tensor, targets: torch.Tensor | None = None) -> torch.Tensor:
        return network.sample_losses(X, generator, targets=targets)

    with torch.no_grad():
        for X, weight, *targets in batches:
            losses = fitting.call(losses_of, X, *targets)
            total += float(torch.dot(losses.to(weight.dtype), weight))
            weights += float(weight.sum())
    network.train(was_training)
    return total / weights
