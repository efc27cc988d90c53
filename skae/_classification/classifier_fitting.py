"""The fit of a classifier, from rows of which some or all have a label."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from skae._checkpoints.trainings import Trainings
from skae._classification.label_propagation import one_hot
from skae._classification.labels import UNLABELLED
from skae._classification.pseudo_labels import KnownRows, pseudo_targets
from skae._classification.teachers import Blend, Teachers
from skae._data.matrix import Matrix
from skae._fitting.fit_network import Split, fit_network
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.network_fit import NetworkFit
from skae._fitting.prepare import prepare, prepare_again
from skae._fitting.prepared import Prepared
from skae._fitting.progress import EpochReport
from skae._fitting.splits import split
from skae._network.fitted_network import FittedNetwork
from skae._network.head import HeadPlan
from skae._runtime.interruption import NothingToKeepError
from skae._utils.checks import is_auto

# If some rows have no label and fewer than this many have one, none is used for validation.
_ENOUGH_LABELS = 2000
# Without pseudo-labels, labelled rows are repeated until they are at least this fraction of all
# rows, so that each batch contains some.
_LABELLED_FRACTION = 0.25


@dataclass(frozen=True)
class LabelledRows:
    """Rows, with the classes of those that have a label.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Validated rows.

    sample_weight : ndarray of shape (n_samples,) or None
        Positive weights with mean 1.

    numbers : ndarray of shape (n_samples,)
        Numbers of the classes, -1 for rows without a label.

    class_weight : ndarray of shape (n_classes,)
        Weight of each class.
    """

    X: Matrix
    sample_weight: np.ndarray | None
    numbers: np.ndarray
    class_weight: np.ndarray

    @property
    def labelled(self) -> np.ndarray:
        """The mask of the rows with a label."""
        return self.numbers != UNLABELLED


@dataclass(frozen=True)
class EarlierFit:
    """The network that a fit continues from, the mean of its rows, and whether it has classes."""

    network: FittedNetwork
    mean: np.ndarray
    knows_classes: bool


def fit_classifier(
    rows: LabelledRows,
    policy: FitPolicy,
    trainings: Trainings,
    report: EpochReport,
    *,
    head: HeadPlan,
    pseudo_labels: bool,
    earlier: EarlierFit | None = None,
) -> tuple[NetworkFit, Teachers | None]:
    """Fit an autoencoder with a head on its latent code, and its teachers.

    If some rows have no label, the autoencoder is trained alone first. Teachers then give these
    rows pseudo-labels.

    Parameters
    ----------
    rows : LabelledRows
        The training data.

    policy : FitPolicy
        The policy of the estimator.

    trainings : Trainings
        Runs the trainings.

    report : EpochReport
        Called after each epoch of the training with labels.

    head : HeadPlan
        The specification of the head.

    pseudo_labels : bool
        Whether rows without a label receive pseudo-labels.

    earlier : EarlierFit or None, default=None
        The fit to continue from.
    """
    if earlier is None and not rows.labelled.all():
        earlier = _without_labels(rows, policy, trainings, report, head)
    fitted = None if earlier is None else earlier.network
    targets, teachers = known_targets(rows, fitted, str(policy.device), pseudo_labels)
    prepared = _prepared(rows, policy, trainings, head, earlier)
    prepared = with_targets(prepared, rows, targets, pseudo_labels)
    if earlier is not None:
        prepared = replace(prepared, start_counts=earlier.knows_classes)
    chosen = labelled_split(prepared, rows.labelled, pseudo_labels)
    return fit_network(prepared, trainings, report.also(_teachers=teachers), chosen), teachers


def _without_labels(
    rows: LabelledRows, policy: FitPolicy, trainings: Trainings, report: EpochReport, head: HeadPlan
) -> EarlierFit:
    """Train the autoencoder alone, without callbacks, which act where classes are learned."""
    prepared = _prepared(rows, replace(policy, callbacks=[]), trainings, head, None)
    fit = fit_network(prepared, trainings, report.on_terminal())
    if fit.interruption is not None:
        raise NothingToKeepError(
            "in the training of the autoencoder alone: no class was learned yet"
        )
    return EarlierFit(fit.network, prepared.mean, knows_classes=False)


def _prepared(
    rows: LabelledRows,
    policy: FitPolicy,
    trainings: Trainings,
    head: HeadPlan,
    earlier: EarlierFit | None,
) -> Prepared:
    weight, random_state = rows.sample_weight, trainings.random_state
    if earlier is None:
        return prepare(rows.X, policy, random_state, sample_weight=weight, head=head)
    return prepare_again(
        rows.X, policy, random_state, earlier.network, earlier.mean, sample_weight=weight
    )


def with_targets(
    prepared: Prepared, rows: LabelledRows, targets: np.ndarray, pseudo_labels: bool
) -> Prepared:
    """Return the prepared fit with targets, scaled so that they sum to 1 per row on average."""
    everything = np.arange(len(targets))
    shown = everything if pseudo_labels else with_repeated(everything, rows.labelled)
    weight = None if rows.sample_weight is None else rows.sample_weight[shown]
    mean = np.average(targets[shown].sum(axis=1), weights=weight)
    tensor = torch.from_numpy(targets / mean).to(prepared.rows.dtype).to(prepared.device)
    return replace(prepared, targets=tensor, start_counts=False)  # no class is learned yet


def labelled_split(prepared: Prepared, labelled: np.ndarray, pseudo_labels: bool) -> Split | None:
    """Return training rows, and labelled validation rows.

    None if the fit uses cross-validation: with few rows, all of them labelled.

    Parameters
    ----------
    prepared : Prepared
        The prepared fit.

    labelled : ndarray of shape (n_samples,), dtype bool
        Mask of the rows with a label.

    pseudo_labels : bool
        Whether rows without a label receive pseudo-labels.
    """
    policy, everything, known = prepared.policy, np.arange(len(labelled)), np.flatnonzero(labelled)
    if prepared.takes_folds:
        return None
    few = len(known) < min(len(everything), _ENOUGH_LABELS)
    chosen = known[:0]
    if policy.early_stopping and not (few and is_auto(policy.validation_fraction)):
        _, places = split(len(known), policy.validation_fraction, prepared.seeds.split)
        if len(places) < len(known):  # otherwise too few for validation
            chosen = known[places]
    training = np.setdiff1d(everything, chosen)
    if not pseudo_labels:
        training = with_repeated(training, labelled)
    return training, chosen if len(chosen) else None


def with_repeated(rows: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Return the rows of an epoch, with labelled rows repeated if they are few."""
    known = rows[labelled[rows]]
    n_missing = round(_LABELLED_FRACTION * len(rows)) - len(known)
    n_more = max(0, n_missing // max(1, len(known)))
    return np.concatenate([rows, np.tile(known, n_more)])


def known_targets(
    rows: LabelledRows, fitted: FittedNetwork | None, device: str, pseudo_labels: bool
) -> tuple[np.ndarray, Teachers | None]:
    """Return the probability of each class for each row, times the weight of the class.

    Parameters
    ----------
    rows : LabelledRows
        The training data.

    fitted : FittedNetwork or None
        The network whose codes define neighbours; not needed if all rows have a label.

    device : str
        The device to compute on.

    pseudo_labels : bool
        Whether rows without a label receive pseudo-labels.

    Returns
    -------
    targets : ndarray of shape (n_samples, n_classes), dtype float64

    teachers : Teachers or None
        The teachers that gave pseudo-labels, if any did.
    """
    if rows.labelled.all() or not pseudo_labels:
        return one_hot(rows.numbers, len(rows.class_weight)) * rows.class_weight, None
    assert fitted is not None  # as some rows have no label
    known = KnownRows(rows.X, fitted, device, rows.numbers, rows.class_weight, rows.sample_weight)
    found, teachers = pseudo_targets(known, neighbourly_codes(fitted, rows.X, device), seed=0)
    return found * rows.class_weight, teachers


def neighbourly_codes(fitted: FittedNetwork, X: Matrix, device: str) -> np.ndarray:
    r"""Return codes in which to search for neighbours, of shape (n_samples, n_components).

    Each standardised code value is multiplied by the square root of its effect on the
    reconstruction:

    .. math:: \frac{z_j - \bar z_j}{\sigma_j} \sqrt{
              \lVert \text{decode}(\bar z + \sigma_j e_j) - \text{decode}(\bar z) \rVert}.

    This is a compromise between standardised codes, in which values that are mostly noise have the
    same weight as all others, and reconstructions, which the values with the largest effects
    dominate.
    """
    codes = fitted.encode(X, device, np.dtype(np.float64))
    mean, deviations = codes.mean(axis=0), codes.std(axis=0)
    moved = fitted.decode(np.vstack([mean, mean + np.diag(deviations)]), device, codes.dtype)
    effects = np.linalg.norm((moved[1:] - moved[0]) / fitted.scaling.scale, axis=1)
    steps = np.divide(np.sqrt(effects), deviations, out=np.zeros_like(mean), where=deviations > 0)
    return ((codes - mean) * steps).astype(np.float32)


def class_logits(
    fitted: FittedNetwork, teachers: Teachers | None, X: Matrix, device: str
) -> np.ndarray:
    """Return the logits of validated rows, of shape (n_samples, n_classes), float64."""
    network = fitted.network(device)
    head, plan = network.head, fitted.spec.head
    assert head is not None  # a classifier's
    assert plan is not None
    blend = None if teachers is None else Blend(teachers, next(network.parameters()))

    def of_rows(x: torch.Tensor) -> torch.Tensor:
        found = head(network.encode(x))
        return found if blend is None else blend(network.filled(x), found)

    logits = np.empty((X.shape[0], plan.n_classes))
    for rows, block in fitted.computed(of_rows, X, network):
        logits[rows] = block
    return logits
