"""One batch of a stream: each network of a detector makes a pass, and is calibrated again."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from skae._calibration.calibration import Calibration, HeldOut
from skae._checkpoints.trainings import Trainings
from skae._detection.ensemble import Ensemble
from skae._detection.ensemble_fitting import EnsembleFit, FittedEnsemble, KnownRows
from skae._detection.scales import with_known_values
from skae._detection.stream import Stream
from skae._fitting.fit_network import pass_once
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.network_fit import NetworkFit
from skae._fitting.progress import EpochReport
from skae.scores import Score


@dataclass(frozen=True)
class Continuation:
    """What a detector has before a batch.

    Parameters
    ----------
    ensemble : Ensemble or None
        Its networks with their scores; None before the first batch.

    history : pandas.DataFrame or None
        Their joint history.

    optimizer_states : list of dict or None
        The states of their optimizers; empty after `fit`.
    """

    ensemble: Ensemble | None
    history: pd.DataFrame | None
    optimizer_states: list[dict | None]

    def history_of(self, number: int) -> pd.DataFrame | None:
        """Return the history of one network, without its number."""
        if self.history is None:
            return None
        of_network = self.history[self.history["network"] == number]
        return of_network.drop(columns="network").reset_index(drop=True)

    def optimizer_state_of(self, number: int) -> dict | None:
        """Return the state of the optimizer of one network, if there is one."""
        return self.optimizer_states[number] if number < len(self.optimizer_states) else None


@dataclass(frozen=True)
class StreamedBatch:
    """What a detector has after a batch.

    Parameters
    ----------
    ensemble : Ensemble
        Its networks with their scores.

    calibration : Calibration
        Their calibration.

    fits : list of NetworkFit
        The passes of the networks; empty if there was none.

    stream : Stream
        What is kept.

    optimizer_states : list of dict or None
        The states of the optimizers.
    """

    ensemble: Ensemble
    calibration: Calibration
    fits: list[NetworkFit]
    stream: Stream
    optimizer_states: list[dict | None]


class StreamFit(EnsembleFit):
    """The fit of one batch.

    Parameters
    ----------
    rows : KnownRows
        The rows of the batch, dense float64.

    policy, score, n_networks, trainings, report
        As in :class:`EnsembleFit`; `n_networks` is for the first batch.

    stream : Stream
        What is kept of the batches before.

    before : Continuation
        The networks before the batch.
    """

    def __init__(
        self,
        rows: KnownRows,
        policy: FitPolicy,
        score: Score,
        n_networks: int,
        trainings: Trainings,
        report: EpochReport,
        stream: Stream,
        before: Continuation,
    ):
        anomalous = rows.labels == -1
        anomalies = np.asarray(rows.X[anomalous])
        kept = stream.without(anomalies)
        parts = [kept.training, kept.calibration, kept.anomalies, np.asarray(rows.X)]
        marks = [0, 0, -1]
        labels = [np.full(len(part), m) for part, m in zip(parts[:3], marks, strict=True)]
        joined = KnownRows(
            np.concatenate(parts), np.concatenate([*labels, rows.labels]), rows.novelty
        )
        members = [] if before.ensemble is None else before.ensemble.members
        start = [member.network for member in members]
        super().__init__(joined, policy, score, n_networks, trainings, report, start)
        self.kept, self.before, self.anomalies = kept, before, anomalies
        self.n_rows = len(joined.labels)
        self.n_kept = self.n_rows - len(anomalous)

    def take(self) -> StreamedBatch:
        """Keep rows of the batch, make a pass unless too few are waiting, and calibrate."""
        training, held_out = self._sorted()
        stream = self.kept.extended(
            self.X[training],
            self.X[held_out],
            self.anomalies,
            int((self.labels[self.n_kept :] != -1).sum()),
        )
        ensemble = self.before.ensemble
        if ensemble is not None and not len(self.anomalies) and stream.awaits_more:
            calibration = self._with_earlier_scores(ensemble, stream)
            return StreamedBatch(ensemble, calibration, [], stream, self.before.optimizer_states)
        fits = self._passes(self._shown_in_pass(training))
        states = [fit.optimizer_state for fit in fits]
        fitted = self._of_stream(fits, stream)
        return StreamedBatch(fitted.ensemble, fitted.calibration, fits, stream.after_pass(), states)

    def _passes(self, shown: np.ndarray) -> list[NetworkFit]:
        """Return the networks after a pass of each, or of those before Ctrl-C."""
        fits: list[NetworkFit] = []
        for number in range(len(self.start) or self.n_networks):
            fits.append(self._pass(number, shown))
            if fits[-1].interruption is not None:
                break
        self.trainings.warn_of_interruption(fits[-1].interruption)
        return fits

    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        """Return masks of the rows of the batch that train and that calibrate."""
        in_batch: np.ndarray = np.arange(self.n_rows) >= self.n_kept
        candidates = np.flatnonzero(in_batch & (self.labels != -1))
        held_out = self._no_row()
        held_out[candidates[self.kept.held_out(len(candidates))]] = True
        # The kept training rows are normal already, and would narrow the core of the others.
        n_trained = len(self.kept.training)
        unknown = np.flatnonzero((self.labels != -1) & (np.arange(self.n_rows) >= n_trained))
        normal = self._normal(unknown) & in_batch
        training = normal & ~held_out
        enough = n_trained + training.sum() >= (1 if self.start else 2)
        if not enough:  # there would be nothing to learn from
            training, held_out = normal, self._no_row()
        return training, held_out

    def _no_row(self) -> np.ndarray:
        return np.zeros(self.n_rows, dtype=bool)

    def _shown_in_pass(self, training: np.ndarray) -> np.ndarray:
        """Return the mask of the rows of the pass: those of the batch and all kept ones.

        On the rows of the batch alone, networks would forget others, and improve less.
        """
        shown = training.copy()
        shown[: len(self.kept.training)] = True
        if not shown.any():
            raise ValueError(
                "partial_fit needs normal rows beside known anomalies: of the rows of fit none are "
                "kept. Give some normal rows with them."
            )
        return shown

    def _pass(self, number: int, shown: np.ndarray) -> NetworkFit:
        start = self.start[number] if self.start else None
        return pass_once(
            self._prepared(shown, np.arange(0), start),
            self.trainings,
            self.report,
            self.before.history_of(number),
            self.before.optimizer_state_of(number),
        )

    def _of_stream(self, fits: list[NetworkFit], stream: Stream) -> FittedEnsemble:
        """Return the networks with their scores, calibrated on what is kept."""
        if self.before.ensemble is not None and not stream.keeps_enough:
            ensemble = _with_networks(self.before.ensemble, fits)
            return FittedEnsemble(ensemble, self._with_earlier_scores(ensemble, stream), fits)
        judge = EnsembleFit(
            KnownRows(
                np.concatenate([stream.training, stream.calibration]),
                np.zeros(len(stream.training) + len(stream.calibration), dtype=int),
                novelty=True,
            ),
            *(self.policy, self.score, self.n_networks, self.trainings, self.report),
            start=[fit.network for fit in fits],
        )
        everything = np.arange(len(judge.labels))
        training, fold = everything < len(stream.training), everything[len(stream.training) :]
        if stream.calibrates_on_training_rows:
            training, fold = everything >= 0, everything
        return judge._judged(fits, [training] * len(fits), [fold] * len(fits))

    def _with_earlier_scores(self, ensemble: Ensemble, stream: Stream) -> Calibration:
        """Return the calibration by kept rows, and by the scores of `fit` while they are few."""
        rows = stream.calibration
        if stream.calibrates_on_training_rows and not len(stream.earlier_scores):
            rows = np.concatenate([stream.training, rows])
        scores = np.empty(0)
        if len(rows):
            rows = rows[with_known_values(rows)]
            scores = ensemble.scores(rows, self._device).mean(axis=0)
        if not stream.keeps_enough:
            scores = np.concatenate([stream.earlier_scores, scores])
        return Calibration([HeldOut.of(range(len(ensemble)), scores)])


def _with_networks(ensemble: Ensemble, fits: list[NetworkFit]) -> Ensemble:
    """Return the ensemble with other networks, and all else as it is."""
    again = copy.copy(ensemble)
    pairs = zip(ensemble.members, fits, strict=False)
    again.members = [replace(member, network=fit.network) for member, fit in pairs]
    return again
