import numpy as np
import pytest
from sklearn.datasets import make_moons

import skae._classification.label_propagation as module
from skae._classification.label_propagation import Propagation, certainty, normalised, one_hot


def two_groups(n_each=30):
    random = np.random.RandomState(0)
    codes = np.concatenate([random.randn(n_each, 2), random.randn(n_each, 2) + 20])
    numbers = np.full(2 * n_each, -1)
    numbers[[0, n_each]] = 0, 1
    return codes, numbers


def test_one_label_is_enough_for_a_group():
    codes, numbers = two_groups()
    likely = Propagation(codes, numbers, seed=0).spread(one_hot(numbers, 2))
    np.testing.assert_allclose(likely.sum(axis=1), 1)
    assert (likely.argmax(axis=1) == np.repeat([0, 1], 30)).all()
    assert likely.max(axis=1).min() > 0.99


def test_labels_follow_the_moons():
    X, y = make_moons(400, noise=0.05, random_state=0)
    numbers = np.full(400, -1)
    for label in (0, 1):
        numbers[np.flatnonzero(y == label)[:3]] = label
    likely = Propagation(X, numbers, seed=0).spread(one_hot(numbers, 2))
    assert (likely.argmax(axis=1) == y).mean() > 0.98


def test_it_is_the_fixed_point_of_label_spreading():
    """``(1 - a) (1 - a S)^-1 Y``, Zhou et al. 2003."""
    codes, numbers = two_groups()
    propagation = Propagation(codes, numbers, seed=0)
    known = one_hot(numbers, 2)
    S = propagation.graph.toarray()
    np.testing.assert_allclose(S, S.T)
    assert np.abs(np.linalg.eigvalsh(S)).max() == pytest.approx(1)
    exact = 0.1 * np.linalg.solve(np.eye(len(S)) - 0.9 * S, known)
    np.testing.assert_allclose(propagation.spread(known), normalised(exact), atol=1e-2)


def test_nine_tenths_come_from_the_neighbours():
    """Where classes meet, the fixed points of other shares are far from that of 0.9."""
    X, y = make_moons(200, noise=0.2, random_state=0)
    numbers = np.where(np.arange(200) % 10, -1, y)
    propagation, known = Propagation(X, numbers, seed=0), one_hot(numbers, 2)
    S = propagation.graph.toarray()
    likely = propagation.spread(known)
    for share, near in [(0.9, True), (0.8, False), (0.95, False)]:
        exact = normalised((1 - share) * np.linalg.solve(np.eye(200) - share * S, known))
        assert (np.abs(likely - exact).max() < 0.01) == near


def test_where_nothing_leads_all_classes_are_alike():
    codes, numbers = two_groups()
    numbers[30] = -1
    likely = Propagation(codes, numbers, seed=0).spread(one_hot(numbers, 2))
    assert (likely[:30, 0] == 1).all()
    assert (likely[30:] == 0.5).all()


def test_equal_codes(monkeypatch):
    numbers = np.array([0, -1, 1, -1])
    likely = Propagation(np.ones((4, 2)), numbers, seed=0).spread(one_hot(numbers, 2))
    np.testing.assert_allclose(likely.sum(axis=1), 1)


def test_rows_beyond_the_anchors_ask_their_neighbours(monkeypatch):
    monkeypatch.setattr(module, "_MOST_ANCHORS", 40)
    codes, numbers = two_groups(100)
    propagation = Propagation(codes, numbers, seed=0)
    assert len(propagation.anchors) == 40
    assert np.isin(np.flatnonzero(numbers != -1), propagation.anchors).all()
    likely = propagation.spread(one_hot(numbers, 2))
    assert (likely.argmax(axis=1) == np.repeat([0, 1], 100)).all()


def test_more_labels_than_anchors(monkeypatch):
    monkeypatch.setattr(module, "_MOST_ANCHORS", 40)
    codes, numbers = two_groups(100)
    numbers = np.where(np.arange(200) % 4, np.repeat([0, 1], 100), -1)
    propagation = Propagation(codes, numbers, seed=0)
    assert (numbers[propagation.anchors] != -1).sum() == 20
    likely = propagation.spread(one_hot(numbers, 2))
    assert (likely.argmax(axis=1) == np.repeat([0, 1], 100)).all()


def test_certainty_is_one_minus_the_relative_entropy():
    likely = np.array([[1.0, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0]])
    np.testing.assert_allclose(certainty(likely), [1, 0, 1 - np.log(2) / np.log(3)], atol=1e-12)
    assert certainty(np.ones((2, 1))).tolist() == [1, 1]
