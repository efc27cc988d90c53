"""The fit of a detector: networks trained on normal rows, and calibrated anomaly scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from skae._checkpoints.trainings import Trainings
from skae._data.blocks import densify
from skae._data.matrix import Matrix
from skae._data.validation import has_missing
from skae._data.views import rows_at
from skae._detection.calibration import Calibration, HeldOut
from skae._detection.core import core_rows
from skae._detection.ensemble import Ensemble, Member, fitted_score
from skae._detection.explanation import baselines_of
from skae._fitting.fit_network import fit_network
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.network_fit import NetworkFit
from skae._fitting.prepare import prepare
from skae._fitting.progress import EpochReport
from skae._fitting.several_fits import until_interrupted
from skae._missing.gaussian_fit import conditional_means
from skae._utils.random_state import own_random_state
from skae.scores import Score

# With at least this many rows, all networks have the same calibration rows. With fewer, each
# network leaves out another fold, so that every row is a calibration row of one network.
_MANY_ROWS = 500
_CALIBRATION_FRACTION, _MOST_CALIBRATION_ROWS = 0.2, 5000
_FEWEST_FOLDS = 5
# With fewer rows, all of them are training and calibration rows.
_FEWEST_ROWS = 10
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
    """

    X: Matrix
    labels: np.ndarray
    novelty: bool
    weight: np.ndarray | None = None


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
    """

    def __init__(
        self,
        rows: KnownRows,
        policy: FitPolicy,
        score: Score,
        n_networks: int,
        trainings: Trainings,
        report: EpochReport,
    ):
        self.X, self.labels, self.novelty = rows.X, rows.labels, rows.novelty
        self.weight = rows.weight
        self.policy, self.score, self.n_networks = policy, score, n_networks
        self.trainings, self.report = trainings, report
        score.check(policy.kind)
        self.random = own_random_state(trainings.random_state)
        self.takes_missing = has_missing(self.X)

    def run(self) -> FittedEnsemble:
        """Train all networks, and calibrate their scores."""
        normal, folds = self._normal_and_folds()
        shown = [self._shown(normal, fold) for fold in folds]
        fits = until_interrupted(map(self._fit_network, shown), len(folds), self.trainings)
        members: list[Member] = []
        calibration_folds: dict[bytes, tuple[np.ndarray, list[int]]] = {}
        # After Ctrl-C there are fewer networks than folds; only their folds calibrate.
        for fit, training, fold in zip(fits, shown, folds, strict=False):
            members.append(self._member(fit, training))
            of_fold = calibration_folds.setdefault(fold.tobytes(), (fold, []))
            of_fold[1].append(len(members) - 1)
        ensemble = Ensemble(members)
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
        if self.novelty or len(unknown) < _FEWEST_ROWS:
            normal[unknown] = True
        else:
            normal[unknown] = self._core(unknown)
        normal[self.labels == 1] = True
        return normal

    def _core(self, rows: np.ndarray) -> np.ndarray:
        """Return the mask of the robust core of these rows, computed block by block."""
        core = np.zeros(len(rows), dtype=bool)
        for chosen in self._blocks(len(rows)):
            block = densify(self.X[rows[chosen]]).astype(np.float64)
            core[chosen] = core_rows(self._complete(block), CORE_FRACTION)
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
        n_networks, n_rows = self.n_networks, len(rows)
        if n_rows < _FEWEST_ROWS:
            return [rows] * n_networks
        order = rows[self.random.permutation(n_rows)]
        if n_rows >= _MANY_ROWS:
            n_calibration = min(_MOST_CALIBRATION_ROWS, round(_CALIBRATION_FRACTION * n_rows))
            return [np.sort(order[:n_calibration])] * n_networks
        return [np.sort(f) for f in np.array_split(order, max(n_networks, _FEWEST_FOLDS))]

    def _fit_network(self, training: np.ndarray) -> NetworkFit:
        weight = None if self.weight is None else self.weight[training]
        prepared = prepare(
            rows_at(self.X, np.flatnonzero(training)),
            self.policy,
            int(self.random.randint(2**31 - 1)),
            sample_weight=None if weight is None else weight / weight.mean(),
            repelled=rows_at(self.X, np.flatnonzero(self.labels == -1)),
            takes_missing=self.takes_missing,
        )
        return fit_network(prepared, self.trainings, self.report)

    def _member(self, fit: NetworkFit, training: np.ndarray) -> Member:
        X = rows_at(self.X, np.flatnonzero(training))
        score = fitted_score(clone(self.score), fit.network, X, self._device)
        return Member(fit.network, score, baselines_of(fit.network, X, self._device))

    @property
    def _device(self) -> str:
        return str(self.policy.device)

    def _calibrated(self, ensemble: Ensemble, folds: list) -> Calibration:
        groups = []
        for fold, members in folds:
            some = Ensemble([ensemble.members[member] for member in members])
            scores = some.scores(rows_at(self.X, fold), self._device).mean(axis=0)
            groups.append(HeldOut(tuple(members), np.sort(scores)))
        return Calibration(groups)
