"""Rows that a detector keeps of a stream: to fit its score, to calibrate, and known anomalies."""

import numpy as np
import pytest

from skae._detection import stream
from skae._detection.stream import Stream


def rows(n, first=0):
    return np.arange(first, first + n, dtype=float)[:, None] * [1, 1]


def test_one_of_every_five_rows_calibrates_however_they_are_batched():
    """Also of every machine, if several machines take turns."""
    whole = Stream.empty(2).held_out(10_000)
    assert whole.reshape(-1, 5).sum(axis=1).tolist() == [1] * 2000
    by_batches, kept = [], Stream.empty(2)
    for n in (1, 3, 7, 989, 4000, 5000):
        by_batches.append(kept.held_out(n))
        kept = kept.extended(rows(0), rows(0), rows(0), n)
    np.testing.assert_array_equal(np.concatenate(by_batches), whole)
    for n_machines in (2, 5, 10, 25):
        rates = whole.reshape(-1, n_machines).mean(axis=0)
        assert rates.min() > 0.1
        assert rates.max() < 0.3


def test_the_last_rows_are_kept(monkeypatch):
    monkeypatch.setattr(stream, "_MOST_ROWS", 10)
    monkeypatch.setattr(stream, "_MOST_ANOMALIES", 3)
    kept = Stream.empty(2).extended(rows(8), rows(4, 100), rows(2, 200), 12)
    kept = kept.extended(rows(6, 8), rows(1, 104), rows(2, 202), 7)
    np.testing.assert_array_equal(kept.training[:, 0], np.arange(4, 14))
    np.testing.assert_array_equal(kept.calibration[:, 0], np.arange(100, 105))
    np.testing.assert_array_equal(kept.anomalies[:, 0], [201, 202, 203])
    assert kept.n_seen == 19


def test_wide_rows_are_kept_in_smaller_numbers(monkeypatch):
    monkeypatch.setattr(stream, "_MOST_ENTRIES", 8)
    assert len(Stream.empty(2).extended(rows(9), rows(3), rows(0), 12).training) == 4


def test_rows_that_turn_out_to_be_anomalies_are_removed():
    kept = Stream.empty(2).extended(rows(5), rows(5, 10), rows(0), 10)
    left = kept.without(np.array([[3.0, 3.0], [11.0, 11.0], [12.0, 99.0]]))
    assert left.training[:, 0].tolist() == [0, 1, 2, 4]
    assert left.calibration[:, 0].tolist() == [10, 12, 13, 14]
    assert kept.without(rows(0)) is kept


@pytest.mark.parametrize(
    ("n_training", "n_calibration", "n_earlier", "enough"),
    [(5, 5, None, True), (1000, 250, 250, True), (1000, 249, 250, False), (999, 250, 250, False)],
)
def test_when_the_scores_of_a_fit_are_no_longer_needed(
    n_training, n_calibration, n_earlier, enough
):
    earlier = None if n_earlier is None else np.zeros(n_earlier)
    kept = Stream.empty(2, earlier).extended(rows(n_training), rows(n_calibration), rows(0), 1)
    assert kept.keeps_enough is enough
    again = kept.calibrated_on(rows(30, 7))
    assert again.calibration[0, 0] == 7
    assert len(again.earlier_scores) == 0
    assert again.keeps_enough is (n_earlier is None or n_training >= 1000)


def test_few_rows_train_and_calibrate():
    def few(n, m):
        kept = Stream.empty(2).extended(rows(n), rows(m), rows(0), n + m)
        return kept.calibrates_on_training_rows

    assert few(7, 2)
    assert not few(8, 2)
    assert few(20, 1)
    assert few(1, 20)
