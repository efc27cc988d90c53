"""Splits into training and validation rows, and the best number of epochs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skae._utils.checks import is_auto

# With fewer rows, not even cross-validation gives reliable results.
FEWEST_ROWS = 8
_N_FOLDS = 4
_AUTO_FRACTION = 0.1
# Without separate validation rows, some training rows choose the best weights. Evaluating all
# of them after each epoch would add a third to the time of the epoch.
_CHOOSING_FRACTION, _FEWEST_CHOOSING, _MOST_CHOOSING = 0.05, 500, 5000
# In cross-validation, a smaller relative gain is considered noise.
_SMALLEST_GAIN = 0.02


def split(
    n_rows: int, fraction: float | str, seed: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return training rows and validation rows, drawn at random.

    If fewer than two training rows would be left, all rows are training and validation rows. With
    several `groups`, a number for each row, the validation rows are whole groups.
    """
    fraction = _AUTO_FRACTION if is_auto(fraction) else float(fraction)
    if groups is not None and (groups != groups[0]).any():
        names, groups = np.unique(groups, return_inverse=True)
        held_out = split(len(names), fraction, seed)[1] if len(names) > 2 else np.array([seed % 2])
        of_validation = np.isin(groups, held_out)
        return np.flatnonzero(~of_validation), np.flatnonzero(of_validation)
    order = np.random.RandomState(seed).permutation(n_rows)
    n_validation = max(1, round(fraction * n_rows))
    if n_rows - n_validation < 2:
        return no_split(n_rows, seed)
    return np.sort(order[n_validation:]), np.sort(order[:n_validation])


def no_split(n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return all rows for training, and 5% of them, from 500 to 5,000, to choose the weights by."""
    order = np.random.RandomState(seed).permutation(n_rows)
    n_choosing = np.clip(round(_CHOOSING_FRACTION * n_rows), _FEWEST_CHOOSING, _MOST_CHOOSING)
    return np.arange(n_rows), np.sort(order[:n_choosing])


def folds(n_rows: int, seed: int) -> list[np.ndarray]:
    """Return the validation rows of each of four folds, drawn at random."""
    order = np.random.RandomState(seed).permutation(n_rows)
    return [np.sort(fold) for fold in np.array_split(order, _N_FOLDS)]


def mean_history(histories: list[pd.DataFrame], weights: list[float]) -> pd.DataFrame:
    """Return the joint history of several trainings: weighted mean losses, and sums of seconds.

    If a training ended early, its last row is repeated for the missing epochs. After a training
    diverged, its loss is infinite.
    """
    length = max(len(history) for history in histories)
    histories = [h.assign(valid_loss=h["valid_loss"].fillna(np.inf)) for h in histories]
    histories = [history.reindex(range(length)).ffill() for history in histories]
    mean = sum(h * weight for h, weight in zip(histories, weights, strict=True)) / sum(weights)
    longest = pd.Series(range(length), dtype="int64")
    return mean.assign(epoch=longest, seconds=sum(h["seconds"] for h in histories))


def with_columns_of(final: pd.DataFrame, mean: pd.DataFrame) -> pd.DataFrame:
    """Return the mean history of the folds, with columns that the final training alone has.

    Callbacks that write, print or log act in the final training only, and may record something.
    """
    missing = final.columns.difference(mean.columns, sort=False)
    return mean.join(final[missing]) if len(missing) else mean


def best_epoch(valid_loss: pd.Series, *, from_pca: bool) -> int:
    """Return the epoch with the lowest loss, or 0 if the gain over PCA is within the noise."""
    best = int(valid_loss.to_numpy().argmin())
    gain = valid_loss[0] - valid_loss[best]
    return 0 if from_pca and gain < _SMALLEST_GAIN * abs(valid_loss[0]) else best
