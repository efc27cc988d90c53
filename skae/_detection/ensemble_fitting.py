"""From rows, some of which may be outliers, to networks that know the normal ones."""

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
from skae._fitting.fit_network import fit_network
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.network_fit import NetworkFit
from skae._fitting.prepare import prepare
from skae._fitting.progress import EpochReport
from skae._fitting.several_fits import until_interrupted
from skae._missing.gaussian_fit import conditional_means
from skae._utils.random_state import own_random_state
from skae.scores import Score

# With at least this many rows some are held out from all networks; with fewer, networks take
# turns, so that each row is held out from one and known to the others.
_MANY_ROWS = 500
_HELD_OUT_SHARE, _MOST_HELD_OUT = 0.2, 5000
_FEWEST_FOLDS = 5
# Below this many rows none can be spared.
_FEWEST_ROWS = 10
# Share of the rows that is taken for normal where outliers may be among them.
CORE_SHARE = 0.75
# Entries of the rows that the core is looked for in at once, and runs of neighbours among them.
_MOST_ENTRIES, _RUNS = 2**23, 1024


@dataclass(frozen=True)
class FittedEnsemble:
    """What a fit of the networks of a detector returns."""

    ensemble: Ensemble
    calibration: Calibration
    fits: list[NetworkFit]


@dataclass(frozen=True)
class KnownRows:
    """Validated rows, and what is known of them.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Rows.

    labels : ndarray of shape (n_samples,)
        1 for rows known to be normal, -1 for known anomalies, 0 for all others.

    novelty : bool
        Whether all rows but the known anomalies are normal.
    """

    X: Matrix
    labels: np.ndarray
    novelty: bool


class EnsembleFit:
    """One fit of the networks of a detector.

    Parameters
    ----------
    rows : KnownRows
        The training data.

    policy : FitPolicy
        What the estimator decided.

    score : Score
        Fitted to each network, a copy for each.

    n_networks : int
        How many networks are trained, at least.

    trainings : Trainings
        Runs the trainings.

    report : EpochReport
        Is given each epoch.
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
        held_out: dict[bytes, tuple[np.ndarray, list[int]]] = {}
        # After Ctrl-C fewer folds than there are: their rows are those that calibrate.
        for fit, training, fold in zip(fits, shown, folds, strict=False):
            members.append(self._member(fit, training))
            held_out.setdefault(fold.tobytes(), (fold, []))[1].append(len(members) - 1)
        ensemble = Ensemble(members)
        return FittedEnsemble(ensemble, self._calibrated(ensemble, list(held_out.values())), fits)

    def _normal_and_folds(self) -> tuple[np.ndarray, list[np.ndarray]]:
        unknown = np.flatnonzero(self.labels != -1)
        return self._normal(unknown), self._folds(unknown)

    def _shown(self, normal: np.ndarray, fold: np.ndarray) -> np.ndarray:
        """Return which rows a network is shown that is not to see those of a fold, a mask."""
        training = normal.copy()
        training[fold] = False
        return training if training.sum() >= 2 else normal

    def _normal(self, unknown: np.ndarray) -> np.ndarray:
        """Return which rows the networks are to know, a mask."""
        normal = np.zeros(self.X.shape[0], dtype=bool)
        if self.novelty or len(unknown) < _FEWEST_ROWS:
            normal[unknown] = True
        else:
            normal[unknown] = self._core(unknown)
        normal[self.labels == 1] = True
        return normal

    def _core(self, rows: np.ndarray) -> np.ndarray:
        """Return which of these rows are the closest ones: looked for in blocks where many."""
        core = np.zeros(len(rows), dtype=bool)
        for chosen in self._blocks(len(rows)):
            block = densify(self.X[rows[chosen]]).astype(np.float64)
            core[chosen] = core_rows(self._complete(block), CORE_SHARE)
        return core

    def _blocks(self, n_rows: int) -> Iterator[np.ndarray]:
        """Yield the places of rows in as many blocks as it takes, runs of neighbours from anywhere.

        Single rows from anywhere would take a disk several times as long to read.
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
        """Return the rows that each network is not to see."""
        n_networks, n_rows = self.n_networks, len(rows)
        if n_rows < _FEWEST_ROWS:
            return [rows] * n_networks
        order = rows[self.random.permutation(n_rows)]
        if n_rows >= _MANY_ROWS:
            n_held_out = min(_MOST_HELD_OUT, round(_HELD_OUT_SHARE * n_rows))
            return [np.sort(order[:n_held_out])] * n_networks
        return [np.sort(f) for f in np.array_split(order, max(n_networks, _FEWEST_FOLDS))]

    def _fit_network(self, training: np.ndarray) -> NetworkFit:
        prepared = prepare(
            rows_at(self.X, np.flatnonzero(training)),
            self.policy,
            int(self.random.randint(2**31 - 1)),
            repelled=rows_at(self.X, np.flatnonzero(self.labels == -1)),
            takes_missing=self.takes_missing,
        )
        return fit_network(prepared, self.trainings, self.report)

    def _member(self, fit: NetworkFit, training: np.ndarray) -> Member:
        X = rows_at(self.X, np.flatnonzero(training))
        return Member(fit.network, fitted_score(clone(self.score), fit.network, X, self._device))

    @property
    def _device(self) -> str:
        return str(self.policy.device)

    def _calibrated(self, ensemble: Ensemble, held_out: list) -> Calibration:
        groups = []
        for fold, members in held_out:
            some = Ensemble([ensemble.members[member] for member in members])
            scores = some.scores(rows_at(self.X, fold), self._device).mean(axis=0)
            groups.append(HeldOut(tuple(members), np.sort(scores)))
        return Calibration(groups)
