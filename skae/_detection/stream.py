"""Rows that a detector keeps of a stream: to fit its score, to calibrate, and known anomalies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from skae._calibration.folds import FEWEST_ROWS

# One row of every five is kept for calibration.
_EVERY = 5
# Steps on a few rows only would make a trained network worse: rows wait until they are this many.
_FEWEST_NEW = 100
# After a fit, the score is fitted again once this many training rows are kept.
_ENOUGH_ROWS = 1000
# Largest numbers of rows of each sort, and of their entries.
_MOST_ROWS, _MOST_ANOMALIES, _MOST_ENTRIES = 5000, 1000, 2**23


@dataclass(frozen=True)
class Stream:
    """What is kept of the batches of ``partial_fit``, the most recent rows last.

    Parameters
    ----------
    training, calibration, anomalies : ndarray of shape (n_rows, n_features)
        Rows that networks were trained on and their score is fitted to; rows that no network was
        trained on; and known anomalies.

    n_seen : int
        Number of rows so far that were no known anomalies.

    earlier_scores : ndarray of shape (n_rows,)
        Anomaly scores of the calibration rows of a `fit` before the stream, which are not kept.
        They are used until as many rows are kept.

    after_fit : bool
        Whether there was a `fit` before the stream, whose score is used until enough rows are kept.

    n_waiting : int, default=0
        Number of training rows since the last pass.
    """

    training: np.ndarray
    calibration: np.ndarray
    anomalies: np.ndarray
    n_seen: int
    earlier_scores: np.ndarray
    after_fit: bool
    n_waiting: int = 0

    @classmethod
    def empty(cls, n_features: int, earlier_scores: np.ndarray | None = None) -> Stream:
        """Return a stream without rows, after a fit with these scores or after none."""
        after_fit = earlier_scores is not None
        earlier = earlier_scores if earlier_scores is not None else np.empty(0)
        none = np.empty((0, n_features))
        return cls(none, none, none, 0, earlier, after_fit)

    @property
    def keeps_enough(self) -> bool:
        """Whether enough rows are kept to do without the scores of an earlier fit."""
        enough = len(self.calibration) >= len(self.earlier_scores)
        return not self.after_fit or (enough and len(self.training) >= _ENOUGH_ROWS)

    @property
    def awaits_more(self) -> bool:
        """Whether there are too few new training rows for a pass, which would do harm."""
        return self.n_waiting < _FEWEST_NEW

    def after_pass(self) -> Stream:
        """Return the stream without training rows that wait for a pass."""
        return replace(self, n_waiting=0)

    @property
    def calibrates_on_training_rows(self) -> bool:
        """Whether there are so few rows that all of them train and calibrate, as in `fit`."""
        sizes = len(self.training), len(self.calibration)
        return sum(sizes) < FEWEST_ROWS or min(sizes) < 2

    def held_out(self, n_rows: int) -> np.ndarray:
        """Return the mask of the next rows that calibrate: one of every five, in irregular order.

        A regular order would keep the same machine always, if five machines take turns.
        """
        places = self.n_seen + np.arange(n_rows, dtype=np.uint64)
        run, place = np.divmod(places, np.uint64(_EVERY))
        scrambled = (run * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
        return np.asarray(place == scrambled % np.uint64(_EVERY))

    def without(self, anomalies: np.ndarray) -> Stream:
        """Return the stream without kept rows that turned out to be anomalies."""
        if not len(anomalies):
            return self
        known = {row.tobytes() for row in anomalies}

        def others(rows: np.ndarray) -> np.ndarray:
            return rows[[row.tobytes() not in known for row in rows]] if len(rows) else rows

        return replace(self, training=others(self.training), calibration=others(self.calibration))

    def extended(
        self, training: np.ndarray, calibration: np.ndarray, anomalies: np.ndarray, n_rows: int
    ) -> Stream:
        """Return the stream with further rows, without the oldest ones if they are too many."""
        return replace(
            self,
            training=_recent(_MOST_ROWS, self.training, training),
            calibration=_recent(_MOST_ROWS, self.calibration, calibration),
            anomalies=_recent(_MOST_ANOMALIES, self.anomalies, anomalies),
            n_seen=self.n_seen + n_rows,
            n_waiting=self.n_waiting + len(training),
        )

    def calibrated_on(self, rows: np.ndarray) -> Stream:
        """Return the stream with these calibration rows in place of those so far."""
        return replace(self, calibration=_recent(_MOST_ROWS, rows), earlier_scores=np.empty(0))


def _recent(most: int, *rows: np.ndarray) -> np.ndarray:
    """Return the last rows, as many as may be kept."""
    joined = np.concatenate(rows)
    most = max(1, min(most, _MOST_ENTRIES // max(1, joined.shape[1])))
    return joined[-most:].copy() if len(joined) > most else joined
