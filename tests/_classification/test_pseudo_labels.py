import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_wine, make_moons
from sklearn.preprocessing import StandardScaler

from skae._classification import pseudo_labels
from skae._classification.pseudo_labels import pseudo_targets


def few(y, n_each):
    numbers = np.full(len(y), -1)
    for label in np.unique(y):
        numbers[np.flatnonzero(y == label)[:n_each]] = label
    return numbers


@pytest.fixture
def moons():
    X, y = make_moons(400, noise=0.05, random_state=0)
    return X, y, few(y, 6)


def share_right(targets, y, numbers):
    unlabelled = numbers == -1
    return (targets.argmax(axis=1) == y)[unlabelled].mean()


def test_rows_with_a_label_keep_it(moons):
    X, _, numbers = moons
    targets = pseudo_targets(X, 1.0, X, numbers, 2, seed=0)
    labelled = numbers != -1
    assert (targets[labelled] == np.eye(2)[numbers[labelled]]).all()
    assert (targets.sum(axis=1) <= 1 + 1e-12).all()


def test_neighbours_are_asked_where_they_know_better(moons):
    X, y, numbers = moons
    assert share_right(pseudo_targets(X, 1.0, X, numbers, 2, seed=0), y, numbers) > 0.98


@pytest.mark.parametrize(("n_wrong", "asked"), [(0, "neighbours"), (1, "neighbours"), (3, "rows")])
def test_another_teacher_must_find_two_percent_more(n_wrong, asked, monkeypatch):
    """Of a hundred hidden labels: the linear model finds all, the neighbours all but some."""
    truth = np.arange(101) % 2
    of_neighbours = np.where(np.arange(101) < n_wrong, 1 - truth, truth)
    of_neighbours[100] = 1 - truth[100]  # the row without a label

    class Neighbours:
        def __init__(self, codes, numbers, seed):
            pass

        def spread(self, known):
            return 0.2 + 0.6 * np.eye(2)[of_neighbours]

    def linear(X, scale, numbers, n_classes, of, seed):
        return 0.1 + 0.8 * np.eye(2)[of[:][:, 0].astype(int)]

    monkeypatch.setattr(pseudo_labels, "Propagation", Neighbours)
    monkeypatch.setattr(pseudo_labels, "_linear", linear)
    numbers = np.where(np.arange(101) < 100, truth, -1)
    targets = pseudo_targets(truth[:, None].astype(float), 1.0, None, numbers, 2, seed=0)
    assert (targets[100].argmax() == truth[100]) == (asked == "rows")


@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix])
def test_the_linear_model_is_asked_where_neighbours_know_nothing(form):
    """Codes without any meaning; the rows themselves tell the classes."""
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    numbers = few(y, 10)
    codes = np.random.RandomState(0).randn(len(X), 3)
    targets = pseudo_targets(form(X), 1.0, codes, numbers, 3, seed=0)
    assert share_right(targets, y, numbers) > 0.85


def test_too_few_labels_to_hide_some(moons, monkeypatch):
    X, y, _ = moons
    numbers = few(y, 4)
    monkeypatch.setattr(pseudo_labels, "_linear", None)  # it is not asked
    targets = pseudo_targets(X, 1.0, X, numbers, 2, seed=0)
    assert share_right(targets, y, numbers) > 0.9


def test_folds_without_some_class(moons):
    X, y, numbers = moons
    numbers = np.where((numbers == 1) & (np.cumsum(numbers == 1) > 1), -1, numbers)
    numbers[np.flatnonzero(y == 0)[:12]] = 0
    targets = pseudo_targets(X, 1.0, X, numbers, 2, seed=0)
    assert np.isfinite(targets).all()
    assert share_right(targets, y, numbers) > 0.8


@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix])
def test_the_linear_model_of_classes_that_are_far_apart(form):
    X = np.repeat([[-1e3], [1e3]], 5, axis=0)
    numbers = np.repeat([0, 1], 5)
    found = pseudo_labels._linear(form(X), 1.0, numbers, 2, form(X), seed=0)
    np.testing.assert_allclose(found, np.eye(2)[numbers], atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0, 1e3, 1e6])
def test_the_linear_model_of_rows_far_from_zero(offset, dtype):
    """Wherever they are, it converges, without a warning of scikit-learn."""
    X = (np.random.RandomState(0).randint(-8, 9, size=(60, 5)) + offset).astype(dtype)
    numbers = np.random.RandomState(1).randint(0, 3, 60)
    known = np.where(np.arange(60) < 40, numbers, -1)
    found = pseudo_labels._linear(X, 5.0, known, 3, X, seed=0)
    expected = pseudo_labels._linear(X.astype(float) - offset, 5.0, known, 3, X - offset, seed=0)
    np.testing.assert_allclose(found, expected, atol=1e-3)
