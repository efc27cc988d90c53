"""Labels for rows that have none: from neighbour to neighbour among the codes."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from sklearn.neighbors import NearestNeighbors

from skae._classification.labels import UNLABELLED

# Neighbours of a row, and how much a row takes from them in each step.
_N_NEIGHBOURS, _SHARE = 10, 0.9
_N_STEPS = 50
# Rows that are neighbours of one another; all others take their labels from these.
_MOST_ANCHORS = 20_000
# Shares of classes that rows take from their neighbours at once.
_MOST_ENTRIES = 2**22


class Propagation:
    r"""Labels spread from neighbour to neighbour among codes.

    Label spreading [1]_ among the codes, as in [2]_: with the weights
    :math:`w_{ij} = \exp(-\lVert z_i - z_j \rVert^2 / s_i^2)` of the ten nearest neighbours, where
    :math:`s_i` is the distance of the tenth, made symmetric,

    .. math:: F \leftarrow \alpha D^{-1/2} W D^{-1/2} F + (1 - \alpha) Y

    with :math:`\alpha = 0.9`, 50 times. With more than 20,000 rows, those beyond them take the
    weighted mean of their nearest neighbours.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        Codes of all rows.

    numbers : ndarray of shape (n_samples,)
        Numbers of their classes, -1 where not known.

    seed : int
        Decides which rows are neighbours of one another where there are many.

    References
    ----------
    .. [1] D. Zhou, O. Bousquet, T. N. Lal, J. Weston and B. Schölkopf, "Learning with local and
       global consistency", NIPS 2003.
    .. [2] A. Iscen, G. Tolias, Y. Avrithis and O. Chum, "Label propagation for deep
       semi-supervised learning", CVPR 2019.
    """

    def __init__(self, codes: np.ndarray, numbers: np.ndarray, seed: int):
        codes = codes.astype(np.float32, copy=False)
        self.anchors = _anchors(numbers, seed)
        self.others = np.setdiff1d(np.arange(len(codes)), self.anchors)
        self.graph = _graph(codes[self.anchors])
        if len(self.others):
            self.nearest = _neighbours(codes[self.anchors], codes[self.others])

    def spread(self, known: np.ndarray) -> np.ndarray:
        """Return how likely each class is for each row.

        Parameters
        ----------
        known : ndarray of shape (n_samples, n_classes)
            1 at the class of a row with a label, 0 elsewhere.

        Returns
        -------
        likely : ndarray of shape (n_samples, n_classes), dtype float64
            Rows that add up to one; all classes alike where nothing leads there.
        """
        start = known[self.anchors]
        of_anchors = start
        for _ in range(_N_STEPS):
            of_anchors = _SHARE * (self.graph @ of_anchors) + (1 - _SHARE) * start
        likely = np.empty(known.shape)
        likely[self.anchors] = normalised(of_anchors)
        if len(self.others):
            likely[self.others] = self._of_others(likely[self.anchors])
        return likely

    def _of_others(self, of_anchors: np.ndarray) -> np.ndarray:
        index, weights = self.nearest
        step = max(1, _MOST_ENTRIES // (_N_NEIGHBOURS * of_anchors.shape[1]))
        parts = (slice(start, start + step) for start in range(0, len(index), step))
        taken = (np.einsum("ij,ijk->ik", weights[p], of_anchors[index[p]]) for p in parts)
        return normalised(np.concatenate(list(taken)))


def certainty(likely: np.ndarray) -> np.ndarray:
    r"""Return :math:`1 - H(F_i) / \log K` of each row [1]_, from 0, all alike, to 1.

    References
    ----------
    .. [1] A. Iscen, G. Tolias, Y. Avrithis and O. Chum, "Label propagation for deep
       semi-supervised learning", CVPR 2019.
    """
    if likely.shape[1] == 1:
        return np.ones(len(likely))
    logs = np.log(likely, where=likely > 0, out=np.zeros_like(likely))
    return np.clip(1 + (likely * logs).sum(axis=1) / np.log(likely.shape[1]), 0, 1)


def one_hot(numbers: np.ndarray, n_classes: int) -> np.ndarray:
    """Return 1 at the class of each row and 0 elsewhere, (n_samples, n_classes), float64."""
    known = np.zeros((len(numbers), n_classes))
    labelled = np.flatnonzero(numbers != UNLABELLED)
    known[labelled, numbers[labelled]] = 1
    return known


def normalised(likely: np.ndarray) -> np.ndarray:
    """Return rows that add up to one; those of zeros become all alike."""
    total = likely.sum(axis=1, keepdims=True)
    alike = np.full_like(likely, 1 / likely.shape[1])
    return np.divide(likely, total, out=alike, where=total > 0)


def _anchors(numbers: np.ndarray, seed: int) -> np.ndarray:
    """Return up to so many rows, labelled ones first, drawn at random."""
    order = np.random.RandomState(seed).permutation(len(numbers))
    order = order[np.argsort(numbers[order] == UNLABELLED, kind="stable")]
    n_labelled = min((numbers != UNLABELLED).sum(), _MOST_ANCHORS // 2)
    labelled, others = order[:n_labelled], order[(numbers[order] == UNLABELLED)]
    return np.sort(np.concatenate([labelled, others[: _MOST_ANCHORS - n_labelled]]))


def _graph(codes: np.ndarray) -> sp.csr_matrix:
    """Return the weights of neighbours, symmetric, divided by the roots of their sums."""
    n_rows = len(codes)
    index, weights = _neighbours(codes, None)
    rows = np.repeat(np.arange(n_rows), index.shape[1])
    graph = sp.csr_matrix((weights.ravel(), (rows, index.ravel())), (n_rows, n_rows))
    graph = graph.maximum(graph.T)
    degree = np.asarray(graph.sum(axis=1)).ravel()
    root = sp.diags(1 / np.sqrt(np.maximum(degree, np.finfo(float).tiny)))
    return sp.csr_matrix(root @ graph @ root)


def _neighbours(codes: np.ndarray, of: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest codes and their weights; of the codes themselves, each without itself."""
    most = len(codes) - 1 if of is None else len(codes)
    search = NearestNeighbors(n_neighbors=max(1, min(_N_NEIGHBOURS, most)), algorithm="brute")
    distances, index = search.fit(codes).kneighbors(of)
    reach = np.maximum(distances[:, -1:], np.finfo(distances.dtype).tiny).astype(np.float64)
    return index.astype(np.int32), np.exp(-np.square(distances / reach))
