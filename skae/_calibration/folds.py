"""Which rows calibrate the scores of a detector: rows that a network is not trained on."""

from __future__ import annotations

import numpy as np

# With at least this many rows, all networks have the same calibration rows. With fewer, each
# network leaves out another fold, so that every row is a calibration row of one network.
_MANY_ROWS = 500
CALIBRATION_FRACTION, MOST_CALIBRATION_ROWS = 0.2, 100_000
_FEWEST_FOLDS = 5
# With fewer rows, all of them are training and calibration rows.
FEWEST_ROWS = 10


def calibration_folds(
    rows: np.ndarray,
    n_networks: int,
    random: np.random.RandomState,
    groups: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Return the calibration rows of each network, on which it is not trained.

    Parameters
    ----------
    rows : ndarray of shape (n_rows,)
        Indices of the rows that may calibrate.

    n_networks : int
        Smallest number of networks.

    random : RandomState
        Chooses the rows.

    groups : ndarray of shape (n_samples,) or None, default=None
        Number of the group of each row of the table. The rows of a group stay together: what is
        said of the number of rows then holds for the number of groups.

    Returns
    -------
    list of ndarray
        Indices in ascending order for each network.
    """
    if len(rows) < FEWEST_ROWS:
        return [rows] * n_networks
    if groups is not None:
        return _folds_of_groups(rows, n_networks, random, groups[rows])
    order = rows[random.permutation(len(rows))]
    if len(rows) >= _MANY_ROWS:
        n_calibration = min(MOST_CALIBRATION_ROWS, round(CALIBRATION_FRACTION * len(rows)))
        return [np.sort(order[:n_calibration])] * n_networks
    return [np.sort(fold) for fold in np.array_split(order, max(n_networks, _FEWEST_FOLDS))]


def _folds_of_groups(
    rows: np.ndarray, n_networks: int, random: np.random.RandomState, groups: np.ndarray
) -> list[np.ndarray]:
    """Return calibration rows of whole groups."""
    groups, sizes = np.unique(groups, return_inverse=True, return_counts=True)[1:]
    order = random.permutation(len(sizes))
    if len(sizes) < 2:
        raise ValueError(
            "groups holds a single group, but some groups are held out for calibration: give at "
            "least two groups, better fifty, or none."
        )
    if len(sizes) >= _MANY_ROWS:
        n_calibration = round(CALIBRATION_FRACTION * len(sizes))
        within = np.searchsorted(np.cumsum(sizes[order]), MOST_CALIBRATION_ROWS, side="right")
        chosen = order[: max(1, min(n_calibration, within))]
        return [rows[np.isin(groups, chosen)]] * n_networks
    n_folds = min(max(n_networks, _FEWEST_FOLDS), len(sizes))
    fold_of, rows_in = np.empty(len(sizes), dtype=int), np.zeros(n_folds)
    # Large groups first, each into the smallest fold, so that folds have about as many rows.
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        fold_of[group] = rows_in.argmin()
        rows_in[fold_of[group]] += sizes[group]
    folds = [rows[fold_of[groups] == fold] for fold in range(n_folds)]
    return [folds[i % n_folds] for i in range(max(n_networks, n_folds))]


def enough_rows(n_calibration: int, unit: str) -> str:
    """Return what to do to get so many calibration rows, or groups of them."""
    given = f"give {n_calibration:,} normal rows as validation_set"
    if unit == "groups":
        return f"fit rows of at least {n_calibration:,} groups, or {given}"
    if n_calibration > MOST_CALIBRATION_ROWS:
        return given
    n_rows = round(n_calibration / CALIBRATION_FRACTION)
    return f"fit {n_rows:,} rows, a fifth of which calibrate, or {given}"
