"""The fit of a detector: networks trained on normal rows, and calibrated anomaly scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from sklearn.base import clone

from skae._calibration.calibration import Calibration, HeldOut
from skae._calibration.folds import FEWEST_ROWS, calibration_folds
from skae._checkpoints.trainings import Trainings
from skae._data.blocks import densify
from skae._data.matrix import Matrix
from skae._data.validation import has_missing
from skae._data.views import rows_at
from skae._detection.dense_groups import core_with_groups
from skae._detection.ensemble import Ensemble, Member, fitted_score
from skae._detection.explanation import baselines_of
from skae._detection.ranges import Ranges
from skae._detection.scales import with_known_values, with_scales
from skae._fitting.fit_network import Split
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.network_fit import NetworkFit
from skae._fitting.prepare import prepare, prepare_again
from skae._fitting.prepared import Prepared
from skae._fitting.progress import EpochReport
from skae._fitting.several_fits import fit_several
from skae._fitting.splits import split
from skae._missing.gaussian_fit import conditional_means
from skae._network.fitted_network import FittedNetwork
from skae._utils.random_state import own_random_state
from skae.scores import Score

# Fraction of the rows that are treated as normal if there may be outliers among them.
CORE_FRACTION = 0.75
# Entries of a block in which the core is searched, and runs of adjacent rows in a block.
_MOST_ENTRIES, _RUNS = 2**23, 1024


@dataclass(frozen=True)
class FittedEnsemble:
    """The outcome of the fit of a detector: its networks, and their calibration."""

    ensemble: Ensemble
    calibration: Calibration
    fits: list[NetworkFit]


@dataclass(frozen=True)
class KnownRows:
    """Validated rows, with their labels.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Rows.

    labels : ndarray of shape (n_samples,)
        1 for rows known to be normal, -1 for known anomalies, 0 for all others.

    novelty : bool
        Whether all rows except known anomalies are normal.

    weight : ndarray of shape (n_samples,) or None, default=None
        Weights of the rows in the training of the networks, all above zero.

    groups : ndarray of shape (n_samples,) or None, default=None
        Number of the group of each row. Networks are calibrated on whole groups.

    calibration : ndarray or CSR matrix of shape (n_calibration, n_features) or None, default=None
        The calibration rows. None means that some of `X` are held out.
    """

    X: Matrix
    labels: np.ndarray
    novelty: bool
    weight: np.ndarray | None = None
    groups: np.ndarray | None = None
    calibration: Matrix | None = None


class EnsembleFit:
    """One fit of the networks of a detector.

    Parameters
    ----------
    rows : KnownRows
        The training data.

    policy : FitPolicy
        The policy of the estimator.

    score : Score
        The anomaly score; a copy is fitted to each network.

    n_networks : int
        Smallest number of networks to train.

    trainings : Trainings
        Runs the trainings.

    report : EpochReport
        Called after each epoch.

    start : list of FittedNetwork, default=()
        Networks of an earlier fit, from which the trainings continue, instead of new ones.
    """

    def __init__(
        self,
        rows: KnownRows,
        policy: FitPolicy,
        score: Score,
        n_networks: int,
        trainings: Trainings,
        report: EpochReport,
        start: Sequence[FittedNetwork] = (),
    ):
        self.X, self.labels, self.novelty = rows.X, rows.labels, rows.novelty
        self.weight, self.groups, self.calibration = rows.weight, rows.groups, rows.calibration
        self.policy, self.score, self.n_networks = policy, score, n_networks
        self.trainings, self.report = trainings, report
        score.check(policy.kind)
        self.random = own_random_state(trainings.random_state)
        self.start = start
        self.takes_missing = start[0].spec.takes_missing if start else has_missing(self.X)

    def run(self) -> FittedEnsemble:
        """Train all networks, and calibrate their scores."""
        normal, folds = self._normal_and_folds()
        if self.start and len(self.start) != len(folds):
            raise ValueError(
                f"warm_start=True continues from {len(self.start)} networks, but a fit of these "
                f"{self.X.shape[0]} rows trains {len(folds)}: with fewer than 500 rows there is "
                f"one for each fold, otherwise there are n_estimators. Fit as many rows as before, "
                f"or set warm_start=False."
            )
        shown = [self._shown(normal, fold) for fold in folds]
        start = self.start or cast(list, [None] * len(folds))
        fits = fit_several(
            map(self._prepared_and_split, shown, folds, start),
            len(folds),
            *(self.X, self.policy, self.trainings, self.report),
        )
        return self._judged(fits, shown, folds)

    def _judged(
        self, fits: list[NetworkFit], shown: list[np.ndarray], folds: list[np.ndarray]
    ) -> FittedEnsemble:
        """Return the trained networks with their scores and the calibration of these."""
        members: list[Member] = []
        calibration_folds: dict[bytes, tuple[np.ndarray, list[int]]] = {}
        # After Ctrl-C there are fewer networks than folds; only their folds calibrate.
        for fit, training, fold in zip(fits, shown, folds, strict=False):
            members.append(self._member(fit, training, fold))
            of_fold = calibration_folds.setdefault(fold.tobytes(), (fold, []))
            of_fold[1].append(len(members) - 1)
        ensemble = self._with_scales(Ensemble(members), list(calibration_folds.values()))
        calibration = self._calibrated(ensemble, list(calibration_folds.values()))
        return FittedEnsemble(ensemble, calibration, fits)

    def _normal_and_folds(self) -> tuple[np.ndarray, list[np.ndarray]]:
        unknown = np.flatnonzero(self.labels != -1)
        return self._normal(unknown), self._folds(unknown)

    def _shown(self, normal: np.ndarray, fold: np.ndarray) -> np.ndarray:
        """Return the mask of the training rows of a network: normal rows outside its fold."""
        training = normal.copy()
        training[fold] = False
        return training if training.sum() >= 2 else normal

    def _normal(self, unknown: np.ndarray) -> np.ndarray:
        """Return the mask of the rows that are treated as normal."""
        normal = np.zeros(self.X.shape[0], dtype=bool)
        if self.novelty or len(unknown) < FEWEST_ROWS:
            normal[unknown] = True
        else:
            normal[unknown] = self._core(unknown)
        normal[self.labels == 1] = True
        return normal

    def _core(self, rows: np.ndarray) -> np.ndarray:
        """Return the mask of the core of these rows and its groups, computed block by block."""
        core = np.zeros(len(rows), dtype=bool)
        for chosen in self._blocks(len(rows)):
            block = densify(self.X[rows[chosen]]).astype(np.float64)
            core[chosen] = core_with_groups(self._complete(block), CORE_FRACTION)
        return core

    def _blocks(self, n_rows: int) -> Iterator[np.ndarray]:
        """Yield the indices of the rows of each block, which consists of random runs of rows.

        Reading random single rows from disk would take several times as long.
        """
        most = max(1000, _MOST_ENTRIES // self.X.shape[1])
        n_blocks = -(-n_rows // most)
        length = max(1, most // _RUNS) if n_blocks > 1 else 1
        runs = self.random.permutation(-(-n_rows // length))
        for of_block in np.array_split(runs, n_blocks):
            places = np.sort(of_block)[:, None] * length + np.arange(length)
            yield places[places < n_rows]

    def _complete(self, block: np.ndarray) -> np.ndarray:
        """Return rows with missing values filled."""
        if not self.takes_missing:
            return block
        return conditional_means(block, int(self.random.randint(2**31 - 1)))

    def _folds(self, rows: np.ndarray) -> list[np.ndarray]:
        """Return the calibration rows of each network, on which it is not trained."""
        if self.calibration is not None:
            return [np.arange(0)] * self.n_networks
        return calibration_folds(rows, self.n_networks, self.random, self.groups)

    def _prepared_and_split(
        self, training: np.ndarray, fold: np.ndarray, start: FittedNetwork | None
    ) -> tuple[Prepared, Split | None]:
        prepared = self._prepared(training, fold, start)
        return prepared, self._split(prepared, training)

    def _prepared(
        self, training: np.ndarray, fold: np.ndarray, start: FittedNetwork | None
    ) -> Prepared:
        """Return the prepared training of a new network, or of one of an earlier fit."""
        weight = None if self.weight is None else self.weight[training]
        weight = None if weight is None else weight / weight.mean()
        X = rows_at(self.X, np.flatnonzero(training))
        seed = int(self.random.randint(2**31 - 1))
        repelled = rows_at(self.X, self._repelled(fold))
        given: dict[str, Any] = {"sample_weight": weight, "repelled": repelled}
        if start is None:
            return prepare(X, self.policy, seed, **given, takes_missing=self.takes_missing)
        return prepare_again(X, self.policy, seed, start, start.scaling.centre, **given)

    def _repelled(self, fold: np.ndarray) -> np.ndarray:
        """Return the known anomalies, without those of groups that calibrate."""
        anomalies = np.flatnonzero(self.labels == -1)
        if self.groups is None:
            return anomalies
        return anomalies[~np.isin(self.groups[anomalies], self.groups[fold])]

    def _split(self, prepared: Prepared, training: np.ndarray) -> Split | None:
        """Return the split for early stopping, into whole groups as well; None for the usual."""
        if self.groups is None or not self.policy.early_stopping:
            return None
        groups = self.groups[training]
        return split(len(groups), self.policy.validation_fraction, prepared.seeds.split, groups)

    def _member(self, fit: NetworkFit, training: np.ndarray, fold: np.ndarray) -> Member:
        X = rows_at(self.X, np.flatnonzero(training))
        score = fitted_score(clone(self.score), fit.network, X, self._device)
        baselines = baselines_of(fit.network, X, self._device)
        return Member(fit.network, score, baselines, Ranges.of(X, self._others(training, fold)))

    def _others(self, training: np.ndarray, fold: np.ndarray) -> Matrix | None:
        """Return the rows outside of the core, except known anomalies and calibration rows."""
        others = (self.labels != -1) & ~training
        others[fold] = False
        return None if self.novelty else rows_at(self.X, np.flatnonzero(others))

    @property
    def _device(self) -> str:
        return str(self.policy.device)

    def _with_scales(self, ensemble: Ensemble, folds: list) -> Ensemble:
        """Return the ensemble whose scores regard missing and far values."""
        held_out = [(members, self._calibration_rows(fold)[0]) for fold, members in folds]
        return with_scales(ensemble, held_out, self._device)

    def _calibrated(self, ensemble: Ensemble, folds: list) -> Calibration:
        return Calibration([self._held_out(ensemble, *of_fold) for of_fold in folds])

    def _held_out(self, ensemble: Ensemble, fold: np.ndarray, members: list[int]) -> HeldOut:
        X, groups = self._calibration_rows(fold)
        return HeldOut.of(members, ensemble.part(members).scores(X, self._device).mean(0), groups)

    def _calibration_rows(self, fold: np.ndarray) -> tuple[Matrix, np.ndarray | None]:
        """Return the rows of a fold, or the given ones, and their groups.

        Rows without any known value are left out.
        """
        X, groups = self.calibration, None
        if X is None:
            X = rows_at(self.X, fold)
            groups = None if self.groups is None else self.groups[fold]
        if not self.takes_missing:
            return X, groups
        known = np.flatnonzero(with_known_values(X))
        return rows_at(X, known), None if groups is None else groups[known]
