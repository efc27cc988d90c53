"""Pseudo-labels: likely classes of the rows without a label."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae._classification.label_propagation import Propagation, certainty, normalised, one_hot
from skae._classification.labels import UNLABELLED
from skae._data.matrix import Matrix
from skae._data.views import rows_at

# Folds of the cross-validation that chooses between neighbours and linear model.
_N_FOLDS = 5
# Accuracy by which a mixture with the linear model must beat the neighbours alone. A network
# corrects single errors of the neighbours, but learns the systematic ones of a linear model.
_MARGIN = 0.02
# Weights of the neighbours in the mixture with the linear model.
_WEIGHTS = (1.0, 0.5, 0.0)
# Rows that the linear model is fitted to, and entries of the rows that it predicts at once.
_MOST_FITTED, _ENTRIES = 5000, 2**22
# Steps of the linear model: many more than it takes, so that it never warns of too few.
_MOST_STEPS = 10_000


def pseudo_targets(
    X: Matrix,
    scale: float | np.ndarray,
    codes: np.ndarray,
    numbers: np.ndarray,
    n_classes: int,
    seed: int,
) -> np.ndarray:
    """Return class probabilities of each row, times how certain they are.

    They come from label propagation among neighbours, from a logistic regression on the rows, or
    from the geometric mean of both, whichever is more accurate in cross-validation.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        All rows.

    scale : float
        Standard deviation of `X`, one for all features.

    codes : ndarray of shape (n_samples, n_components)
        Their codes.

    numbers : ndarray of shape (n_samples,)
        Numbers of their classes, -1 where unknown.

    n_classes : int
        Number of classes.

    seed : int
        Seed of the folds.

    Returns
    -------
    targets : ndarray of shape (n_samples, n_classes), dtype float64
        Rows with a label have 1 at their class and 0 elsewhere.
    """
    labelled = np.flatnonzero(numbers != UNLABELLED)
    propagation = Propagation(codes, numbers, seed)
    found = np.zeros(len(_WEIGHTS))
    for hidden in _folds(labelled, seed):
        fewer = numbers.copy()
        fewer[hidden] = UNLABELLED
        of_neighbours = propagation.spread(one_hot(fewer, n_classes))[hidden]
        of_rows = _linear(X, scale, fewer, n_classes, rows_at(X, hidden), seed)
        for i, weight in enumerate(_WEIGHTS):
            mixed = _mixed(of_neighbours, of_rows, weight)
            found[i] += (mixed.argmax(axis=1) == numbers[hidden]).sum()
    found[0] += _MARGIN * len(labelled)
    weight = _WEIGHTS[found.argmax()]
    likely = propagation.spread(one_hot(numbers, n_classes))
    if weight < 1:
        likely = _mixed(likely, _linear(X, scale, numbers, n_classes, X, seed), weight)
    likely[labelled] = one_hot(numbers[labelled], n_classes)
    return likely * certainty(likely)[:, None]


def _folds(labelled: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """Yield the labelled rows of each fold; no fold if there are too few rows for five."""
    if len(labelled) >= 2 * _N_FOLDS:
        order = np.random.RandomState(seed).permutation(labelled)
        yield from np.array_split(order, _N_FOLDS)


def _mixed(of_neighbours: np.ndarray, of_rows: np.ndarray, weight: float) -> np.ndarray:
    """Return the weighted geometric mean of two tables of probabilities."""
    if weight == 1:
        return of_neighbours
    return normalised(of_neighbours**weight * of_rows ** (1 - weight))


def _linear(
    X: Matrix,
    scale: float | np.ndarray,
    numbers: np.ndarray,
    n_classes: int,
    of: Matrix,
    seed: int,
) -> np.ndarray:
    """Return the class probabilities of rows by a logistic regression, 0 for absent classes."""
    rows = np.flatnonzero(numbers != UNLABELLED)
    rows = np.random.RandomState(seed).permutation(rows)[:_MOST_FITTED]
    likely = np.zeros((of.shape[0], n_classes))
    present = np.unique(numbers[rows])
    if len(present) == 1:
        likely[:, present] = 1
        return likely
    labelled = _scaled(X[rows], scale)
    # Rows far from zero would make the regression ill-conditioned: slow, and warning of it.
    centring = StandardScaler(with_mean=not issparse(labelled), with_std=False)
    model = make_pipeline(centring, LogisticRegression(max_iter=_MOST_STEPS))
    model.fit(labelled, numbers[rows])
    step = max(1, _ENTRIES // of.shape[1])
    for start in range(0, of.shape[0], step):
        block = model.predict_proba(_scaled(of[start : start + step], scale))
        likely[start : start + step, present] = block
    return likely


def _scaled(rows: Any, scale: float | np.ndarray) -> Any:
    return rows.astype(np.float64) / scale
