"""Whether a training led anywhere, and what is said where it did not."""

from __future__ import annotations

import math
import warnings

import torch
from sklearn.exceptions import ConvergenceWarning

from skae._data.batches import Batches
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._runtime.memory import FittingBatches

# A network that began at random has learned something if its loss fell by this share.
_SMALLEST_GAIN = 1e-3
# A training of fewer batches was not meant to lead far.
_FEWEST_STEPS = 50
# Training that ends with so many times the loss of a good start ran away from it.
_RUNAWAY = 10.0
# A start with so small a loss leaves hardly more than rounding, or nothing to learn.
_ROUNDING, _NOTHING = 1e-6, 1e-2


class TrainingDivergedError(ValueError):
    """The loss of the training is no longer a finite number."""


def refuse_divergence(row: dict) -> None:
    """Raise where a loss of an epoch is not finite.

    Parameters
    ----------
    row : dict
        The epoch's row in skorch's history.

    Raises
    ------
    TrainingDivergedError
        If it holds such a loss.
    """
    for name in ("train_loss", "valid_loss"):
        if name in row and not math.isfinite(row[name]):
            raise TrainingDivergedError(
                f"The {name} became {row[name]} in epoch {row['epoch']}, and nothing was fitted. "
                f"Try a smaller learning_rate, precision='float32' where it was 'bfloat16', or "
                f"look for extreme values in X (sklearn.preprocessing.RobustScaler helps)."
            )


def warn_of_divergence(row: dict, best_epoch: int) -> None:
    """Warn that a training ended early, and whose weights are kept."""
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
    """Warn where training found nothing.

    Parameters
    ----------
    before, kept, last : float
        The loss before the first epoch, of the weights that are kept, and after the last epoch,
        on rows held out or on those of the training, whichever is smaller there.

    start_counts : bool
        Whether the network began with something, PCA or an earlier fit, and not at random.

    n_steps : int
        Number of batches that were trained on.

    Warns
    -----
    ConvergenceWarning
        If the weights that are kept are hardly better than a start at random, or if the training
        ran away from a start that was not.
    """
    if start_counts:
        if math.inf > last > _RUNAWAY * before and before > _ROUNDING:  # infinity was said
            warnings.warn(
                f"The training went astray: its loss was {before:.3g} at the start and {last:.3g} "
                f"at the end; kept are weights with {kept:.3g}. Try a smaller learning_rate.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return
    hardly_better = kept > before - _SMALLEST_GAIN * abs(before) and abs(before) > _NOTHING
    if hardly_better and n_steps >= _FEWEST_STEPS:
        warnings.warn(
            f"The training learned nothing: the loss was {before:.6g} before it and is "
            f"{kept:.6g} with those that are kept. Try another learning_rate (smaller if the "
            f"losses in history_ are large, larger if they hardly move), or more epochs.",
            ConvergenceWarning,
            stacklevel=2,
        )


def mean_loss(network: AutoencoderNetwork, batches: Batches, seed: int) -> float:
    """Return the objective of some rows in evaluation mode, as the rows that select are judged.

    Parameters
    ----------
    network : AutoencoderNetwork
        On the device of the rows.

    batches : Batches
        The rows.

    seed : int
        Of what the kind draws.
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
