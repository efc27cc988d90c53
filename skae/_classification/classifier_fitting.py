"""From rows, some of which have a label, to a network that knows the classes."""

from __future__ import annotations

import numpy as np
import torch

from skae._classification.label_propagation import one_hot
from skae._classification.labels import UNLABELLED
from skae._classification.pseudo_labels import pseudo_targets
from skae._data.validation import has_missing, output_dtype
from skae._data.views import Converted
from skae._fitting.fitting import Fit
from skae._fitting.progress import without_callbacks
from skae._fitting.splits import split
from skae._fitting.trainings import Trainings
from skae._network.head import HeadPlan
from skae._runtime.precision import tensor_dtype

# With fewer labels than this, beside rows without, none is spared to select the weights by.
_ENOUGH_LABELS = 2000
# Where rows without a label count nothing for the classification, the others are repeated until
# they are at least this share of all, so that each batch has some.
_LABELLED_SHARE = 0.25


class ClassifierFit(Fit):
    """A fit with a head on the code.

    Parameters
    ----------
    estimator, X, trainings, sample_weight, previous
        As in :class:`Fit`; no weight is zero.

    head : HeadPlan
        What stands on the code.

    targets : ndarray of shape (n_samples, n_classes) or None
        How likely each class is for each row, times how much that counts. None trains the
        autoencoder alone.

    labelled : ndarray of shape (n_samples,), dtype bool
        Which rows have a label.

    classes : ndarray of shape (n_classes,)
        The labels.

    knows_classes : bool, default=False
        Whether the head of the network to go on from has learned the classes.
    """

    def __init__(
        self,
        estimator,
        X,
        trainings: Trainings,
        sample_weight=None,
        previous: dict | None = None,
        *,
        head: HeadPlan,
        targets: np.ndarray | None = None,
        labelled: np.ndarray,
        classes: np.ndarray,
        knows_classes: bool = False,
    ):
        self.head, self.labelled, self.classes = head, labelled, classes
        self.knows_classes = knows_classes
        super().__init__(estimator, X, trainings, sample_weight, previous)
        if targets is not None:
            shown = self._shown(np.arange(len(targets)))
            weight = None if sample_weight is None else sample_weight[shown]
            mean = np.average(targets[shown].sum(axis=1), weights=weight)
            dtype = tensor_dtype(estimator.precision)
            self.targets = torch.from_numpy(targets / mean).to(dtype).to(self.device)

    @property
    def _starts_trained(self) -> bool:
        return super()._starts_trained if self.targets is None else self.knows_classes

    def _split(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Hold out rows with a label only, as they are judged by it."""
        p, everything = self.parameters, np.arange(len(self.rows))
        if self.targets is None:
            return super()._split()
        labelled = np.flatnonzero(self.labelled)
        few = len(labelled) < min(len(everything), _ENOUGH_LABELS)
        if not p.early_stopping or (few and p.validation_fraction == "auto"):
            return self._shown(everything), None
        _, chosen = split(len(labelled), p.validation_fraction, self.split_seed)
        if len(chosen) == len(labelled):  # too few to hold some out
            return self._shown(everything), None
        return self._shown(np.setdiff1d(everything, labelled[chosen])), labelled[chosen]

    def _so_far(self, weights: dict[str, torch.Tensor] | None = None) -> dict:
        return {**super()._so_far(weights), "classes_": self.classes}

    def _shown(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows that an epoch passes over: those with a label several times if few."""
        if self.parameters.pseudo_labels:
            return rows
        labelled = rows[self.labelled[rows]]
        n_missing = round(_LABELLED_SHARE * len(rows)) - len(labelled)
        n_more = max(0, n_missing // max(1, len(labelled)))
        return np.concatenate([rows, np.tile(labelled, n_more)])


def fit_classifier(
    estimator,
    X,
    trainings: Trainings,
    sample_weight,
    classes: np.ndarray,
    numbers: np.ndarray,
    weights: np.ndarray,
    previous: dict | None,
) -> dict:
    """Return what the fit of a classifier leaves on it.

    With rows that have no label, the autoencoder is trained alone first: its codes say which rows
    are neighbours.

    Parameters
    ----------
    estimator : AutoencoderClassifier
        Where the parameters are read.

    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Validated rows.

    trainings : Trainings
        By which networks are trained.

    sample_weight : ndarray of shape (n_samples,) or None
        Weights above zero with mean 1.

    classes : ndarray of shape (n_classes,)
        The labels.

    numbers : ndarray of shape (n_samples,)
        Numbers of the classes, -1 where not known.

    weights : ndarray of shape (n_classes,)
        How much each class counts.

    previous : dict or None
        Attributes of an earlier fit to go on from.
    """
    labelled = numbers != UNLABELLED
    head = head_plan(estimator, len(classes))
    common = {"head": head, "labelled": labelled, "classes": classes}
    knows_classes = previous is not None
    if not labelled.all() and previous is None:
        alone = without_callbacks(estimator)
        first = ClassifierFit(alone, X, trainings, sample_weight, **common)
        first.train()
        if first.interruption is not None:
            raise KeyboardInterrupt(
                "in the training of the autoencoder alone: no class was learned yet"
            )
        previous = first.attributes()
    targets = known_targets(estimator, X, numbers, weights, previous)
    common |= {"targets": targets, "knows_classes": knows_classes}
    fit = ClassifierFit(estimator, X, trainings, sample_weight, previous, **common)
    fit.train()
    if fit.interruption is not None:
        trainings.interrupt(f"interrupted the training {fit.interruption}")
    return fit.attributes()


def known_targets(
    estimator, X, numbers: np.ndarray, weights: np.ndarray, previous: dict | None
) -> np.ndarray:
    """Return how likely each class is for each row, times how much that counts."""
    labelled = numbers != UNLABELLED
    if labelled.all() or not estimator.pseudo_labels:
        return one_hot(numbers, len(weights)) * weights
    fitted = previous["_fitted"]
    codes = neighbourly_codes(fitted, X, previous["device_"])
    if has_missing(X):
        device, dtype = previous["device_"], output_dtype(X)
        X = Converted(X, lambda rows: fitted.filled(rows, device, dtype))
    found = pseudo_targets(X, fitted.scaling.scale, codes, numbers, len(weights), seed=0)
    return found * weights


def neighbourly_codes(fitted, X, device: str) -> np.ndarray:
    r"""Return codes in which neighbours are looked for, of shape (n_samples, n_components).

    Codes of unit variance, each value times the root of what it moves in the reconstruction,

    .. math:: \frac{z_j - \bar z_j}{\sigma_j} \sqrt{
              \lVert \text{decode}(\bar z + \sigma_j e_j) - \text{decode}(\bar z) \rVert}.

    This is halfway between codes in which all values count alike, those that are mostly noise as
    well, and reconstructions, in which the largest ones drown the others.
    """
    codes = fitted.encode(X, device, np.dtype(np.float64))
    mean, deviations = codes.mean(axis=0), codes.std(axis=0)
    moved = fitted.decode(np.vstack([mean, mean + np.diag(deviations)]), device, codes.dtype)
    lengths = np.linalg.norm((moved[1:] - moved[0]) / fitted.scaling.scale, axis=1)
    steps = np.divide(np.sqrt(lengths), deviations, out=np.zeros_like(mean), where=deviations > 0)
    return ((codes - mean) * steps).astype(np.float32)


def head_plan(estimator, n_classes: int) -> HeadPlan:
    """Return what the parameters say of the head."""
    return HeadPlan(
        n_classes, tuple(estimator.head_layer_sizes), float(estimator.classification_weight)
    )


def class_logits(fitted, X, device: str) -> np.ndarray:
    """Return the logits of validated rows, of shape (n_samples, n_classes), float64."""
    network = fitted.network(device)
    logits = np.empty((X.shape[0], fitted.head.n_classes))
    for rows, block in fitted.computed(lambda x: network.head(network.encode(x)), X, network):
        logits[rows] = block
    return logits
