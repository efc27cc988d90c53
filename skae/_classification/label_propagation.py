"""Label spreading among nearest neighbours in the latent space."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from sklearn.neighbors import NearestNeighbors

from skae._classification.labels import UNLABELLED

# Number of neighbours of a row, and the weight of their labels in each step.
_N_NEIGHBOURS, _ALPHA = 10, 0.9
_N_STEPS = 50
# Largest number of rows in the graph; all others take their labels from these.
_MOST_ANCHORS = 20_000
# Largest number of class probabilities of neighbours that are averaged at once.
_MOST_ENTRIES = 2**22


class Propagation:
    r"""Label spreading on the nearest-neighbour graph of latent codes.

    Label spreading [1]_ among the codes, as in [2]_: with the symmetrised weights
    :math:`w_{ij} = \exp(-\lVert z_i - z_j \rVert^2 / s_i^2)` of the ten nearest neighbours, where
    :math:`s_i` is the distance of the tenth,

    .. math:: F \leftarrow \alpha D^{-1/2} W D^{-1/2} F + (1 - \alpha) Y

    is iterated 50 times with :math:`\alpha = 0.9`. With more than 20,000 rows, the graph is built
    on a random subset, and the other rows get the weighted mean of their nearest neighbours in it.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        Codes of all rows.

    numbers : ndarray of shape (n_samples,)
        Numbers of their classes, -1 if unknown.

    seed : int
        Seed of the random subset.

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
        """Return class probabilities of each row.

        Parameters
        ----------
        known : ndarray of shape (n_samples, n_classes)
            One-hot labels, with rows of zeros for unknown labels.

        Returns
        -------
        likely : ndarray of shape (n_samples, n_classes), dtype float64
            Rows that add up to 1; uniform for rows that no label reaches.
        """
        start = known[self.anchors]
        of_anchors = start
        for _ in range(_N_STEPS):
            of_anchors = _ALPHA * (self.graph @ of_anchors) + (1 - _ALPHA) * start
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
    r"""Return the certainty :math:`1 - H(F_i) / \log K` of each row [1]_; 0 for uniform rows.

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
    """Return one-hot labels, (n_samples, n_classes), float64; zeros for unknown labels."""
    known = np.zeros((len(numbers), n_classes))
    labelled = np.flatnonzero(numbers != UNLABELLED)
    known[labelled, numbers[labelled]] = 1
    return known


def normalised(likely: np.ndarray) -> np.ndarray:
    """Return rows normalised to a sum of 1; rows of zeros become uniform."""
    total = likely.sum(axis=1, keepdims=True)
    uniform = np.full_like(likely, 1 / likely.shape[1])
    return np.divide(likely, total, out=uniform, where=total > 0)


def _anchors(numbers: np.ndarray, seed: int) -> np.ndarray:
    """Return a random subset of the rows, at most half of it labelled if rows are many."""
    order = np.random.RandomState(seed).permutation(len(numbers))
    order = order[np.argsort(numbers[order] == UNLABELLED, kind="stable")]
    n_labelled = min((numbers != UNLABELLED).sum(), _MOST_ANCHORS // 2)
    labelled, others = order[:n_labelled], order[(numbers[order] == UNLABELLED)]
    return np.sort(np.concatenate([labelled, others[: _MOST_ANCHORS - n_labelled]]))


def _graph(codes: np.ndarray) -> sp.csr_matrix:
    """Return the symmetrically normalised weights of neighbours."""
    n_rows = len(codes)
    index, weights = _neighbours(codes, None)
    rows = np.repeat(np.arange(n_rows), index.shape[1])
    graph = sp.csr_matrix((weights.ravel(), (rows, index.ravel())), (n_rows, n_rows))
    graph = graph.maximum(graph.T)
    degree = np.asarray(graph.sum(axis=1)).ravel()
    root = sp.diags(1 / np.sqrt(np.maximum(degree, np.finfo(float).tiny)))
    return sp.csr_matrix(root @ graph @ root)


def _neighbours(codes: np.ndarray, of: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return nearest codes and weights of `of`, or of each code among all others for None."""
    most = len(codes) - 1 if of is None else len(codes)
    search = NearestNeighbors(n_neighbors=max(1, min(_N_NEIGHBOURS, most)), algorithm="brute")
    distances, index = search.fit(codes).kneighbors(of)
    reach = np.maximum(distances[:, -1:], np.finfo(distances.dtype).tiny).astype(np.float64)
    return index.astype(np.int32), np.exp(-np.square(distances / reach))
