"""What is taken for the classes of rows without a label."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skae._classification.label_propagation import Propagation, certainty, normalised, one_hot
from skae._classification.labels import UNLABELLED
from skae._classification.softmax_regression import SoftmaxRegression
from skae._data.views import rows_at

# Labels are hidden in so many folds, to see who finds them.
_N_FOLDS = 5
# Share of the hidden labels by which another teacher must be better than the neighbours. A network
# corrects what neighbours get wrong here and there, but learns what a linear model gets wrong.
_MARGIN = 0.02
# How much the neighbours say, beside the linear model.
_SHARES = (1.0, 0.5, 0.0)
# Rows that the linear model is fitted to, and entries of the rows that it judges at once.
_MOST_FITTED, _ENTRIES = 5000, 2**22


def pseudo_targets(
    X, scale: float, codes: np.ndarray, numbers: np.ndarray, n_classes: int, seed: int
) -> np.ndarray:
    """Return how likely each class is for each row, times how sure that is.

    Labels are spread among neighbours, or told by a logistic regression on the rows, or by the
    geometric mean of both, whichever finds hidden labels best.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        All rows.

    scale : float
        Standard deviation of `X`, one for all features.

    codes : ndarray of shape (n_samples, n_components)
        Their codes.

    numbers : ndarray of shape (n_samples,)
        Numbers of their classes, -1 where not known.

    n_classes : int
        How many classes there are.

    seed : int
        Decides which labels are hidden together.

    Returns
    -------
    targets : ndarray of shape (n_samples, n_classes), dtype float64
        Rows with a label have 1 at their class.
    """
    labelled = np.flatnonzero(numbers != UNLABELLED)
    propagation = Propagation(codes, numbers, seed)
    found = np.zeros(len(_SHARES))
    for hidden in _folds(labelled, seed):
        fewer = numbers.copy()
        fewer[hidden] = UNLABELLED
        of_neighbours = propagation.spread(one_hot(fewer, n_classes))[hidden]
        of_rows = _linear(X, scale, fewer, n_classes, rows_at(X, hidden), seed)
        for i, share in enumerate(_SHARES):
            mixed = _mixed(of_neighbours, of_rows, share)
            found[i] += (mixed.argmax(axis=1) == numbers[hidden]).sum()
    found[0] += _MARGIN * len(labelled)
    share = _SHARES[found.argmax()]
    likely = propagation.spread(one_hot(numbers, n_classes))
    if share < 1:
        likely = _mixed(likely, _linear(X, scale, numbers, n_classes, X, seed), share)
    likely[labelled] = one_hot(numbers[labelled], n_classes)
    return likely * certainty(likely)[:, None]


def _folds(labelled: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """Yield labelled rows to be hidden; none where that would hide too much."""
    if len(labelled) >= 2 * _N_FOLDS:
        order = np.random.RandomState(seed).permutation(labelled)
        yield from np.array_split(order, _N_FOLDS)


def _mixed(of_neighbours: np.ndarray, of_rows: np.ndarray, share: float) -> np.ndarray:
    """Return the geometric mean of what two say, rows that add up to one."""
    if share == 1:
        return of_neighbours
    return normalised(of_neighbours**share * of_rows ** (1 - share))


def _linear(X, scale: float, numbers: np.ndarray, n_classes: int, of, seed: int) -> np.ndarray:
    """Return what a logistic regression says of rows, in all classes."""
    rows = np.flatnonzero(numbers != UNLABELLED)
    rows = np.random.RandomState(seed).permutation(rows)[:_MOST_FITTED]
    likely = np.zeros((of.shape[0], n_classes))
    present, known = np.unique(numbers[rows], return_inverse=True)
    if len(present) == 1:
        likely[:, present] = 1
        return likely
    model = SoftmaxRegression(X[rows] / scale, known)
    step = max(1, _ENTRIES // of.shape[1])
    for start in range(0, of.shape[0], step):
        block = model.predict_proba(of[start : start + step] / scale)
        likely[start : start + step, present] = block
    return likely
