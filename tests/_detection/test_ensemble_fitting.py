"""Which rows each network of a detector is trained on, and which it is judged by."""

import numpy as np
import pytest

from skae import AutoencoderOutlierDetector
from skae._calibration import folds
from skae._checkpoints.trainings import Trainings
from skae._detection import ensemble_fitting
from skae._detection.ensemble_fitting import CORE_FRACTION, EnsembleFit, KnownRows
from skae._fitting.progress import EpochReport
from skae.scores import Residual

X = np.random.default_rng(0).normal(size=(700, 3))


@pytest.fixture
def seen(monkeypatch):
    """Collect the rows that networks are trained on, and those they are to rebuild badly."""
    seen = []

    prepare = ensemble_fitting.prepare

    def watched(X, *args, repelled=None, **kwargs):
        seen.append((X, repelled))
        return prepare(X, *args, repelled=repelled, **kwargs)

    monkeypatch.setattr(ensemble_fitting, "prepare", watched)
    return seen


def run(X, labels=None, groups=None, calibration=None, **parameters):
    model = AutoencoderOutlierDetector(max_epochs=1, random_state=0, **parameters)
    model.sample_shape_ = X.shape[1:]
    labels = np.zeros(len(X), dtype=int) if labels is None else labels
    rows = KnownRows(X, labels, model.novelty, groups=groups, calibration=calibration)
    score, n_networks = Residual(), model.n_estimators
    report = EpochReport(model)
    return EnsembleFit(rows, model._policy(), score, n_networks, Trainings(0), report).run()


def rows_of(some, X):
    """Return which rows of `X` these are."""
    places = {row.tobytes(): i for i, row in enumerate(X)}
    return {places[row.tobytes()] for row in some}


def test_many_rows_have_some_held_out_from_all_networks(seen):
    found = run(X, novelty=True, n_estimators=2)
    first, second = (rows_of(rows, X) for rows, _ in seen)
    assert first == second
    assert len(first) == 560
    (group,) = found.calibration.groups
    assert group.members == (0, 1)
    assert len(group.scores) == 140


def test_held_out_scores_are_those_of_the_rows_left_out(seen):
    found = run(X, novelty=True, n_estimators=2)
    left_out = sorted(set(range(700)) - rows_of(seen[0][0], X))
    scores = found.ensemble.scores(X[left_out], "cpu").mean(axis=0)
    np.testing.assert_allclose(found.calibration.scores, np.sort(scores), rtol=1e-6)


@pytest.mark.parametrize(("n_estimators", "n_networks"), [(1, 5), (5, 5), (8, 8)])
def test_few_rows_take_turns(seen, n_estimators, n_networks):
    some = X[:100]
    found = run(some, novelty=True, n_estimators=n_estimators)
    left_out = [set(range(100)) - rows_of(rows, some) for rows, _ in seen]
    assert len(left_out) == n_networks
    assert sum(map(len, left_out)) == 100
    assert set.union(*left_out) == set(range(100))
    assert [group.members for group in found.calibration.groups] == [
        (i,) for i in range(n_networks)
    ]


def test_most_rows_held_out(seen, monkeypatch):
    monkeypatch.setattr(folds, "MOST_CALIBRATION_ROWS", 50)
    assert len(run(X, novelty=True).calibration.scores) == 50


def test_with_fewer_than_ten_rows_all_are_trained_on(seen):
    found = run(X[:9])
    assert len(seen[0][0]) == 9
    assert len(found.calibration.scores) == 9


def test_outliers_are_not_trained_on(seen):
    mixed = X.copy()
    mixed[:100] += 30
    run(mixed)
    assert not rows_of(seen[0][0], mixed) & set(range(100))
    assert len(seen[0][0]) == pytest.approx(0.8 * CORE_FRACTION * 700, rel=0.1)
    seen.clear()
    run(mixed, novelty=True)
    assert len(rows_of(seen[0][0], mixed) & set(range(100))) > 60


def test_the_core_of_many_rows_is_looked_for_in_blocks(seen, monkeypatch):
    monkeypatch.setattr(ensemble_fitting, "_MOST_ENTRIES", 1)
    many = np.random.default_rng(1).normal(size=(2500, 3))
    many[:100] += 30
    many.sort(axis=0)  # the order does not matter
    outliers = set(np.flatnonzero(many.min(axis=1) > 15))
    run(many)
    assert len(outliers) == 100
    assert not rows_of(seen[0][0], many) & outliers


def test_labels(seen):
    labels = np.zeros(700, dtype=int)
    labels[:20], labels[20:60] = -1, 1
    known_normal = X.copy()
    known_normal[20:60] += 30  # as outliers they would be left out
    found = run(known_normal, labels)
    trained_on, repelled = seen[0]
    assert rows_of(repelled, known_normal) == set(range(20))
    trained_on = rows_of(trained_on, known_normal)
    assert not trained_on & set(range(20))
    assert len(trained_on & set(range(20, 60))) > 20
    assert len(found.calibration.scores) == round(0.2 * 680)


def test_without_known_anomalies_nothing_is_pushed_away(seen):
    run(X)
    assert seen[0][1].shape == (0, 3)


def test_networks_are_unlike(seen):
    found = run(X, n_estimators=2)
    first, second = found.ensemble.scores(X[:50], "cpu")
    assert not np.allclose(first, second)


# Groups and given rows


@pytest.mark.parametrize("novelty", [True, False])
@pytest.mark.parametrize("n_rows", [60, 700])
def test_groups_are_left_out_as_wholes(seen, n_rows, novelty):
    some, groups = X[:n_rows], np.arange(n_rows) % 12
    found = run(some, novelty=novelty, groups=groups)
    all_trained_on = [rows_of(rows, some) for rows, _ in seen]
    assert len(all_trained_on) == 5
    n_left_out = np.zeros(12)
    for trained_on in all_trained_on:
        of_groups = set(groups[list(trained_on)])
        n_left_out[list(set(range(12)) - of_groups)] += 1
    assert (n_left_out == 1).all()
    assert found.calibration.size == 12
    assert len(found.calibration.scores) == n_rows


def test_scores_of_groups_are_those_of_the_network_that_left_them_out(seen):
    groups = np.arange(700) % 12
    found = run(X, novelty=True, groups=groups)
    for i, (rows, _) in enumerate(seen):
        left_out = sorted(set(range(700)) - rows_of(rows, X))
        scores = found.ensemble.scores(X[left_out], "cpu")[i]
        held_out = found.calibration.groups[i]
        assert held_out.members == (i,)
        np.testing.assert_allclose(held_out.scores, np.sort(scores), rtol=1e-6)
        sizes = np.bincount(groups)[groups[left_out]]
        np.testing.assert_allclose(held_out.weights, 1 / sizes[np.argsort(scores)])


def test_more_networks_than_groups(seen):
    found = run(X[:60], novelty=True, groups=np.arange(60) % 3, n_estimators=7)
    assert [group.members for group in found.calibration.groups] == [(0, 3, 6), (1, 4), (2, 5)]
    assert len(found.ensemble) == 7


def test_known_anomalies_of_groups_that_calibrate_are_not_shown(seen):
    groups, labels = np.arange(700) % 12, np.zeros(700, dtype=int)
    labels[:48] = -1
    run(X, labels, groups=groups, novelty=True)
    for rows, repelled in seen:
        shown = rows_of(repelled, X)
        assert shown <= set(range(48))
        assert set(groups[list(shown)]) == set(groups[list(rows_of(rows, X))])
    assert sum(len(repelled) for _, repelled in seen) == 4 * 48


def test_early_stopping_holds_out_whole_groups(seen, monkeypatch):
    splits = []
    fit_several = ensemble_fitting.fit_several

    def watched(prepared, *others):
        known = list(prepared)
        splits.extend(split for _, split in known)
        return fit_several(known, *others)

    monkeypatch.setattr(ensemble_fitting, "fit_several", watched)
    some, groups = X[:60], np.arange(60) % 12
    run(some, novelty=True, groups=groups, early_stopping=True, validation_fraction=0.3)
    assert len(splits) == 5
    for (rows, _), (training, validation) in zip(seen, splits, strict=True):
        of_rows = groups[[next(iter(rows_of(rows[[i]], some))) for i in range(len(rows))]]
        assert not set(of_rows[training]) & set(of_rows[validation])
        assert len(set(of_rows[validation])) == 3
    splits.clear()
    run(some, novelty=True, groups=groups)
    assert splits == [None] * 5


@pytest.mark.parametrize("n_rows", [8, 60, 700])
def test_given_rows_calibrate_and_all_others_train(seen, n_rows):
    given = X[:33] + 1
    found = run(X[:n_rows], novelty=True, calibration=given, n_estimators=2)
    assert [rows_of(rows, X) for rows, _ in seen] == [set(range(n_rows))] * 2
    (group,) = found.calibration.groups
    assert group.members == (0, 1)
    assert group.weights is None
    scores = found.ensemble.scores(given, "cpu").mean(axis=0)
    np.testing.assert_allclose(group.scores, np.sort(scores), rtol=1e-6)
