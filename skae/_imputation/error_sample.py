"""Rows on which the errors of imputed values are measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ErrorSample:
    """Rows of a fit, and what else is needed to measure errors on them later.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        All rows of the fit, or 2,000 drawn at random, with NaN for missing values.

    weight : ndarray of shape (n_samples,)
        Weight of each row.

    held_out : ndarray of shape (n_networks, n_samples), dtype bool
        Which rows each network was not trained on.

    n_rows : int
        Number of rows of the fit.

    simplicity : float or None
        Shrinkage or number of factors of the normal distribution.

    seed : int
        Seed of all randomness.

    device : str
        Where the networks compute.
    """

    X: np.ndarray
    weight: np.ndarray
    held_out: np.ndarray
    n_rows: int
    simplicity: float | None
    seed: int
    device: str

    @property
    def is_whole(self) -> bool:
        """Whether the rows are all rows of the fit."""
        return len(self.X) == self.n_rows
