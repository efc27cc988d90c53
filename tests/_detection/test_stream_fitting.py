"""One batch of a stream: each network of a detector makes a pass, and is calibrated again."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skae import AutoencoderOutlierDetector


def detector(**parameters):
    return AutoencoderOutlierDetector(
        **{"max_epochs": 10, "random_state": 0, "novelty": True, **parameters}
    )


def rows(n, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    factor = np.random.default_rng(99).normal(size=(2, 4))
    return rng.normal(size=(n, 2)) @ factor + shift + 0.1 * rng.normal(size=(n, 4))


def anomalies(n, seed=0):
    return np.random.default_rng(seed).permuted(rows(n, seed + 1), axis=0)


def streamed(n_batches, size=100, **parameters):
    found = detector(**parameters)
    for seed in range(n_batches):
        found.partial_fit(rows(size, seed))
    return found


def test_a_stream_learns_and_keeps_its_false_alarm_rate():
    found = streamed(4, 150)
    X, y = np.vstack([rows(500, 50), anomalies(500)]), np.repeat([0, 1], 500)
    assert roc_auc_score(y, -found.score_samples(X)) > 0.9
    assert len(found.calibration_scores_) == 120
    assert len(found._stream.training) == 480
    found.set_threshold(false_positive_rate=0.1)
    found.partial_fit(rows(150, 7))
    assert (found.predict(rows(2000, 51)) == -1).mean() < 0.17
    assert found.history_["epoch"].max() == 5


def test_calibration_rows_are_new_to_the_networks_and_scored_again():
    found = streamed(4)
    kept = found._stream
    trained = {row.tobytes() for row in kept.training}
    assert not trained & {row.tobytes() for row in kept.calibration}
    expected = np.sort(found.score_samples(kept.calibration))
    np.testing.assert_allclose(found.calibration_scores_, expected, rtol=1e-6)


def test_rows_wait_until_a_pass_is_worth_it():
    """Steps on a few rows would make a fitted network useless."""
    found = detector().fit(rows(600))
    X, y = np.vstack([rows(300, 50), anomalies(300)]), np.repeat([0, 1], 300)
    before = found.score_samples(X)
    n_epochs = len(found.history_)
    for seed in range(12):
        found.partial_fit(rows(5, seed))
    np.testing.assert_array_equal(found.score_samples(X), before)
    assert len(found.calibration_scores_) == 120 + 12
    for seed in range(10):
        found.partial_fit(rows(50, 20 + seed))
    assert len(found.history_) > n_epochs
    assert not np.array_equal(found.score_samples(X), before)
    assert roc_auc_score(y, -found.score_samples(X)) > roc_auc_score(y, -before) - 0.02


def test_all_networks_of_a_fit_go_on():
    found = detector(max_epochs=2).fit(rows(200))
    before = found._ensemble.scores(rows(50, 1), "cpu")
    found.partial_fit(rows(200, 2))
    after = found._ensemble.scores(rows(50, 1), "cpu")
    assert len(found._ensemble) == len(found._optimizer_states) == 5
    assert all(not np.array_equal(*of) for of in zip(before, after, strict=True))
    assert found.history_.groupby("network")["epoch"].max().tolist() == [3] * 5
    assert len(streamed(1, n_estimators=2)._ensemble) == 2


def test_confirmed_cases_are_reconstructed_badly():
    """Also if they were taken for normal when they arrived, and come alone."""
    cases = rows(8, 70) + np.array([0, 3, 0, 0])
    errors = {}
    for mark in (None, 1):
        found = detector(anomaly_label=mark, learning_rate=0.0025)
        found.partial_fit(np.vstack([rows(400), cases]))
        for _ in range(8):
            found.partial_fit(cases, np.ones(8))
        errors[mark] = np.square(cases - found.reconstruct(cases)).sum(axis=1).mean()
    assert errors[1] > 3 * errors[None]
    kept = np.vstack([found._stream.training, found._stream.calibration])
    assert not (kept[:, None] == cases).all(axis=2).any()
    np.testing.assert_array_equal(found._stream.anomalies[-8:], cases)


def test_cases_need_rows_to_learn_from():
    found = detector(anomaly_label=1, max_epochs=2).fit(rows(200))
    with pytest.raises(ValueError, match="partial_fit needs normal rows beside known anomalies"):
        found.partial_fit(anomalies(3), [1, 1, 1])
    with pytest.raises(ValueError, match="3 of 3 rows as anomalies"):
        detector(anomaly_label=1).partial_fit(anomalies(3), [1, 1, 1])
    found.partial_fit(rows(3, 1), ["no", "labels", "here"])


def test_outliers_in_the_batch_are_not_trained_on():
    batch = np.vstack([rows(200), np.full((20, 4), 30.0)])
    found = detector(novelty=False, contamination=0.1).partial_fit(batch)
    assert found._stream.training.max() < 20
    assert (found.predict(batch[200:]) == -1).all()


@pytest.mark.parametrize("n_rows", [2, 3, 9, 10, 11])
def test_few_rows(n_rows):
    found = detector().partial_fit(rows(n_rows))
    assert np.isfinite(found.offset_)
    for seed in range(3):
        found.partial_fit(rows(1, seed + 1))
    assert np.isfinite(found.score_samples(rows(5))).all()


def test_rows_with_missing_values_and_sparse_rows():
    import scipy.sparse as sp

    holes = np.where(np.random.default_rng(0).random((200, 4)) < 0.1, np.nan, rows(200))
    found = detector().partial_fit(holes).partial_fit(holes[:150])
    assert np.isfinite(found.score_samples(holes)).all()
    dense = detector().partial_fit(np.maximum(rows(200), 0))
    sparse = detector().partial_fit(sp.csr_matrix(np.maximum(rows(200), 0)))
    X = rows(9, 3)
    np.testing.assert_allclose(sparse.score_samples(X), dense.score_samples(X), rtol=1e-6)
