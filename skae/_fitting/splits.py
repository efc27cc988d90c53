"""Which rows are held out, and what they say about the number of epochs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skae._utils.checks import is_auto

# Below this many rows not even folds say much.
FEWEST_ROWS = 8
_N_FOLDS = 4
_AUTO_FRACTION = 0.1
# Rows that select the best weights where none are held out: a part of them, since looking at all
# after each epoch would take a third as long as the epoch.
_SELECTING_SHARE, _FEWEST_SELECTING, _MOST_SELECTING = 0.05, 500, 5000
# A gain smaller than this share of the loss is taken for noise where there are few rows.
_SMALLEST_GAIN = 0.02


def split(n_rows: int, fraction: float | str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows to train on, and which to hold out, drawn at random.

    Where that would leave fewer than two rows to train on, none is held out, and all select.
    """
    order = np.random.RandomState(seed).permutation(n_rows)
    fraction = _AUTO_FRACTION if is_auto(fraction) else float(fraction)
    n_held_out = max(1, round(fraction * n_rows))
    if n_rows - n_held_out < 2:
        return no_split(n_rows, seed)
    return np.sort(order[n_held_out:]), np.sort(order[:n_held_out])


def no_split(n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return all rows to train on, and a twentieth to select by, at least 500, at most 5,000."""
    order = np.random.RandomState(seed).permutation(n_rows)
    n_selecting = np.clip(round(_SELECTING_SHARE * n_rows), _FEWEST_SELECTING, _MOST_SELECTING)
    return np.arange(n_rows), np.sort(order[:n_selecting])


def folds(n_rows: int, seed: int) -> list[np.ndarray]:
    """Return the rows of each of four folds, drawn at random."""
    order = np.random.RandomState(seed).permutation(n_rows)
    return [np.sort(fold) for fold in np.array_split(order, _N_FOLDS)]


def mean_history(histories: list[pd.DataFrame], weights: list[float]) -> pd.DataFrame:
    """Return the history of several trainings as one: weighted mean losses, seconds added up.

    Where one training ended early, its last row stands for those it did not run. One that diverged
    has an infinite loss from there on.
    """
    length = max(len(history) for history in histories)
    histories = [h.assign(valid_loss=h["valid_loss"].fillna(np.inf)) for h in histories]
    histories = [history.reindex(range(length)).ffill() for history in histories]
    mean = sum(h * weight for h, weight in zip(histories, weights, strict=True)) / sum(weights)
    longest = pd.Series(range(length), dtype="int64")
    return mean.assign(epoch=longest, seconds=sum(h["seconds"] for h in histories))


def best_epoch(valid_loss: pd.Series, *, from_pca: bool) -> int:
    """Return the epoch with the smallest loss; 0, PCA, unless the gain is more than noise."""
    best = int(valid_loss.to_numpy().argmin())
    gain = valid_loss[0] - valid_loss[best]
    return 0 if from_pca and gain < _SMALLEST_GAIN * abs(valid_loss[0]) else best
