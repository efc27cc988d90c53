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
    rows: np.ndarray, n_networks: int, random: np.random.RandomState
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

    Returns
    -------
    list of ndarray
        Indices in ascending order for each network.
    """
    n_rows = len(rows)
    if n_rows < FEWEST_ROWS:
        return [rows] * n_networks
    order = rows[random.permutation(n_rows)]
    if n_rows >= _MANY_ROWS:
        n_calibration = min(MOST_CALIBRATION_ROWS, round(CALIBRATION_FRACTION * n_rows))
        return [np.sort(order[:n_calibration])] * n_networks
    return [np.sort(fold) for fold in np.array_split(order, max(n_networks, _FEWEST_FOLDS))]


def enough_rows(n_calibration: int, unit: str) -> str:
    """Return what to do to get so many calibration rows, or groups of them."""
    given = f"give {n_calibration:,} normal rows as validation_set"
    if unit == "groups":
        return f"fit rows of so many groups, or {given}"
    if n_calibration > MOST_CALIBRATION_ROWS:
        return given
    n_rows = round(n_calibration / CALIBRATION_FRACTION)
    return f"fit {n_rows:,} rows, a fifth of which calibrate, or {given}"
