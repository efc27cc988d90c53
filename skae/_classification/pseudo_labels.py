"""Pseudo-labels: likely classes of the rows without a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from scipy.special import softmax
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from skae._classification.label_propagation import Propagation, certainty, one_hot
from skae._classification.labels import UNLABELLED
from skae._classification.teachers import LEAST, Teachers
from skae._data.blocks import densify
from skae._data.matrix import Matrix
from skae._network.fitted_network import FittedNetwork

# Folds of the cross-validation that weighs the teachers.
_N_FOLDS = 5
# Number of hidden labels by which one teacher must beat another to get e times its weight.
_STEP = 2.0
# Numbers of principal components among which neighbours are searched.
_SIZES = (2, 4, 8, 16, 32, 64)
# Entries of the rows from which principal components are computed, and the most rows.
_PCA_ENTRIES, _PCA_ROWS = 2**24, 5000
# Entries of the rows that the logistic regression is fitted to, and the most rows.
_LINEAR_ENTRIES, _LINEAR_ROWS = 2**24, 5000
# Steps of the logistic regression: many more than it takes, so that it never warns of too few.
_MOST_STEPS = 10_000
# Most training rows that are kept as neighbours of new rows.
_MOST_REFERENCES = 5000
# Fraction of the hidden labels that the codes have in advance: a network corrects single errors of
# their neighbours, but learns the systematic ones of a linear model.
_MARGIN = 0.02


@dataclass(frozen=True)
class KnownRows:
    """Rows as a network receives them, with the classes that are known.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        All rows.

    fitted : FittedNetwork
        The network, which scales rows and fills missing values.

    device : str
        The device to compute on.

    numbers : ndarray of shape (n_samples,)
        Numbers of the classes, -1 where unknown.

    class_weight : ndarray of shape (n_classes,)
        Weight of each class in the objective.

    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    """

    X: Matrix
    fitted: FittedNetwork
    device: str
    numbers: np.ndarray
    class_weight: np.ndarray
    sample_weight: np.ndarray | None = None

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_weight)

    @property
    def weight(self) -> np.ndarray:
        """Weights of the rows, 1 if none are given."""
        given = self.sample_weight
        return np.ones(len(self.numbers)) if given is None else given

    def at(self, index: np.ndarray) -> np.ndarray:
        """Return some rows, scaled and filled, dense, in float64."""
        network, block = self.fitted.network(self.device), densify(self.X[index])
        found = np.empty(block.shape)
        for rows, filled in self.fitted.computed(network.filled, block, network):
            found[rows] = filled
        return found

    def mapped(self, matrix: np.ndarray, constant: np.ndarray) -> np.ndarray:
        """Return ``rows @ matrix + constant`` of all rows, in float32."""
        network = self.fitted.network(self.device)
        like = next(network.parameters())
        by, plus = (torch.from_numpy(values).to(like) for values in (matrix, constant))
        found = np.empty((self.X.shape[0], matrix.shape[1]), dtype=np.float32)
        product = self.fitted.computed(lambda x: network.filled(x) @ by + plus, self.X, network)
        for rows, block in product:
            found[rows] = block
        return found


def pseudo_targets(rows: KnownRows, codes: np.ndarray, seed: int) -> tuple[np.ndarray, Teachers]:
    r"""Return class probabilities of each row, times how certain they are, and the teachers.

    The teachers are a logistic regression on the rows, and label propagation among neighbours, of
    the codes and of principal components. Each predicts labels that are hidden from it, and the
    pseudo-labels are the weighted geometric mean of the probabilities of all,

    .. math:: t_k \propto \prod_i p_{ik}^{w_i}, \qquad w_i \propto e^{n_i / 2},

    where :math:`n_i` is the number of hidden labels that teacher `i` found. Few labels cannot tell
    the teachers apart, and give them similar weights; with many labels the best teacher decides.

    Parameters
    ----------
    rows : KnownRows
        All rows.

    codes : ndarray of shape (n_samples, n_components)
        Their codes.

    seed : int
        Seed of the folds.

    Returns
    -------
    targets : ndarray of shape (n_samples, n_classes), dtype float64
        Rows with a label have 1 at their class and 0 elsewhere.

    teachers : Teachers
        Those that know new rows: all but that of the codes, which the training changes.
    """
    numbers, n_classes = rows.numbers, rows.n_classes
    labelled = np.flatnonzero(numbers != UNLABELLED)
    folds = _folds(numbers, labelled, seed)
    coefficients, intercept, n_found = _linear(rows, labelled, folds, seed)
    mean = _Mean(len(numbers), n_classes)
    mean.add(softmax(rows.mapped(coefficients, intercept), axis=1), n_found)
    axes, origin = _principal_axes(rows, seed)
    components = rows.mapped(axes, -origin)
    sizes = [s for s in _SIZES if s < axes.shape[1]] + [axes.shape[1]]
    references, tables = _references(numbers, seed), []
    for space in (*(components[:, :size] for size in sizes), codes):
        likely, n_found = _spread(rows, space, folds, seed)
        if space is codes:
            n_found += _MARGIN * rows.weight[labelled].sum()
        mean.add(likely, n_found)
        tables.append(likely[references].astype(np.float32))
    likely, weights = mean.result()
    likely[labelled] = one_hot(numbers[labelled], n_classes)
    teachers = Teachers(
        coefficients,
        intercept,
        axes,
        origin,
        components[references],
        tuple(sizes),
        np.stack(tables[:-1]),
        (weights[:-1] / weights[:-1].sum()).astype(np.float32),
        rows.class_weight.astype(np.float32),
        # The codes are the network's: by their weight it is known to be better than the others.
        float(1 + weights[-1]) / 2,
    )
    return likely * certainty(likely)[:, None], teachers


class _Mean:
    """A geometric mean of probabilities, weighted by the hidden labels that each teacher found."""

    def __init__(self, n_rows: int, n_classes: int):
        self.logs, self.merits = np.zeros((n_rows, n_classes)), np.zeros(0)

    def add(self, likely: np.ndarray, n_found: float) -> None:
        """Add the probabilities of a teacher, which are not kept."""
        self.merits = np.append(self.merits, n_found / _STEP)
        newest = softmax(self.merits)[-1]
        self.logs *= 1 - newest
        self.logs += newest * np.log(likely + LEAST)

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean, of rows that add up to 1, and the weights."""
        return softmax(self.logs, axis=1), softmax(self.merits)


def _folds(numbers: np.ndarray, labelled: np.ndarray, seed: int) -> list[np.ndarray]:
    """Return the labelled rows of each fold, the rows of a class in as many folds as possible."""
    order = np.random.RandomState(seed).permutation(labelled)
    order = order[np.argsort(numbers[order], kind="stable")]
    n_folds = min(_N_FOLDS, len(order))
    return [order[fold::n_folds] for fold in range(n_folds)] if n_folds > 1 else []


def _spread(
    rows: KnownRows, space: np.ndarray, folds: list[np.ndarray], seed: int
) -> tuple[np.ndarray, float]:
    """Return the probabilities of all rows in a space, and the weight of hidden labels found."""
    numbers, weight = rows.numbers, rows.weight
    propagation, n_found = Propagation(space, numbers, seed), 0.0
    known = one_hot(numbers, rows.n_classes) * weight[:, None]
    for hidden in folds:
        fewer = known.copy()
        fewer[hidden] = 0
        right = propagation.spread(fewer)[hidden].argmax(axis=1) == numbers[hidden]
        n_found += weight[hidden][right].sum()
    return propagation.spread(known), n_found


def _linear(
    rows: KnownRows, labelled: np.ndarray, folds: list[np.ndarray], seed: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return a logistic regression, and the weight of the hidden labels that it found."""
    most = max(2, min(_LINEAR_ROWS, _LINEAR_ENTRIES // rows.X.shape[1]))
    chosen = np.sort(np.random.RandomState(seed).permutation(labelled)[:most])
    scaling = rows.fitted.scaling
    if issparse(rows.X):  # zeros stay zeros: the centre goes into the constant
        X = rows.X[chosen].astype(np.float64) / scaling.scale
        centre = -scaling.centre / scaling.scale
    else:
        X = rows.at(chosen)
        centre = X.mean(axis=0)  # far from zero, the regression would converge slowly
        X = X - centre
    numbers, weight, n_found = rows.numbers[chosen], rows.weight[chosen], 0.0
    for hidden in folds:
        inside = np.isin(chosen, hidden)
        by, plus = _regression(X[~inside], numbers[~inside], weight[~inside], rows.n_classes)
        right = (X[inside] @ by + plus).argmax(axis=1) == numbers[inside]
        n_found += weight[inside][right].sum()
    if len(chosen) < len(labelled):  # as if all had been asked
        n_found *= rows.weight[labelled].sum() / weight.sum()
    by, plus = _regression(X, numbers, weight, rows.n_classes)
    plus = plus - centre @ by
    return by.astype(np.float32), plus.astype(np.float32), n_found


def _regression(
    X: Any, numbers: np.ndarray, weight: np.ndarray, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and constants of all classes; absent classes have no probability."""
    present = np.unique(numbers)
    by, plus = np.zeros((X.shape[1], n_classes)), np.full(n_classes, np.log(LEAST))
    plus[present] = 0
    if len(present) > 1:
        model = LogisticRegression(max_iter=_MOST_STEPS).fit(X, numbers, weight)
        places = present[1:] if len(present) == 2 else present
        by[:, places], plus[places] = model.coef_.T, model.intercept_
    return by, plus


def _principal_axes(rows: KnownRows, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first principal axes of rows, and the components of their mean."""
    n_rows, n_features = rows.X.shape
    most = max(2, min(_PCA_ROWS, _PCA_ENTRIES // n_features))
    chosen = np.sort(np.random.RandomState(seed).permutation(n_rows)[:most])
    size = min(max(_SIZES), n_features, len(chosen))
    solver = "randomized" if 4 * size < min(n_features, len(chosen)) else "full"
    with np.errstate(invalid="ignore"):  # the ratio of variances that are all zero, not used here
        model = PCA(size, svd_solver=solver, random_state=seed).fit(rows.at(chosen))
    axes = np.ascontiguousarray(model.components_.T)
    return axes.astype(np.float32), (model.mean_ @ axes).astype(np.float32)


def _references(numbers: np.ndarray, seed: int) -> np.ndarray:
    """Return the rows that are kept: a random subset, with the labelled ones first."""
    order = np.random.RandomState(seed).permutation(len(numbers))
    order = order[np.argsort(numbers[order] == UNLABELLED, kind="stable")]
    n_labelled = min((numbers != UNLABELLED).sum(), _MOST_REFERENCES // 2)
    others = order[numbers[order] == UNLABELLED][: _MOST_REFERENCES - n_labelled]
    return np.sort(np.concatenate([order[:n_labelled], others]))
