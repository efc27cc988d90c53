import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import softmax
from sklearn.datasets import load_wine, make_moons
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae._classification import pseudo_labels
from skae._classification.pseudo_labels import KnownRows, pseudo_targets
from skae.architectures import Dense

WINE, CLASSES = load_wine(return_X_y=True)
WINE = StandardScaler().fit_transform(WINE)


def few(y, n_each):
    numbers = np.full(len(y), -1)
    for label in np.unique(y):
        numbers[np.flatnonzero(y == label)[:n_each]] = label
    return numbers


def known(X, numbers, weight=None):
    """Return rows with a network that scales them, and is not trained."""
    settings = {"architecture": Dense(()), "max_epochs": 1, "learning_rate": 1e-12}
    ae = AutoencoderTransformer(2, random_state=0, **settings).fit(X)
    return KnownRows(X, ae._fitted, "cpu", numbers, np.ones(numbers.max() + 1), weight)


def probabilities(rows, X, teacher):
    """Return what a teacher says of rows that need not be those of the fit."""
    teachers = pseudo_targets(rows, np.zeros((len(rows.numbers), 1), np.float32), seed=0)[1]
    scaled = rows.fitted.scaling.apply(X, np.float64)
    if teacher == "linear":
        return softmax(scaled @ teachers.coefficients + teachers.intercept, axis=1)
    return scaled @ teachers.axes - teachers.origin


@pytest.fixture(scope="module")
def moons():
    X, y = make_moons(400, noise=0.05, random_state=0)
    return X, y, few(y, 6)


def share_right(targets, y, numbers):
    unlabelled = numbers == -1
    return (targets.argmax(axis=1) == y)[unlabelled].mean()


def test_rows_with_a_label_keep_it(moons):
    X, _, numbers = moons
    targets, _ = pseudo_targets(known(X, numbers), X, seed=0)
    labelled = numbers != -1
    assert (targets[labelled] == np.eye(2)[numbers[labelled]]).all()
    assert (targets.sum(axis=1) <= 1 + 1e-12).all()


def test_neighbours_are_asked_where_they_know_better(moons):
    X, y, numbers = moons
    assert share_right(pseudo_targets(known(X, numbers), X, seed=0)[0], y, numbers) > 0.98


@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix])
def test_the_logistic_regression_is_that_of_scikit_learn(form):
    """Of the labelled rows in units of the network, for new rows, sparse or not."""
    numbers = few(CLASSES, 10)
    rows = known(form(WINE), numbers)
    labelled = numbers != -1
    scaled = rows.fitted.scaling.apply(WINE, np.float64)
    model = LogisticRegression(tol=1e-8).fit(scaled[labelled], numbers[labelled])
    found = probabilities(rows, WINE, "linear")
    np.testing.assert_allclose(found, model.predict_proba(scaled), atol=2e-3)


def test_the_logistic_regression_of_two_classes():
    two = CLASSES < 2
    numbers = few(CLASSES[two], 10)
    rows = known(WINE[two], numbers)
    scaled = rows.fitted.scaling.apply(WINE[two], np.float64)
    model = LogisticRegression(tol=1e-8).fit(scaled[numbers != -1], numbers[numbers != -1])
    found = probabilities(rows, WINE[two], "linear")
    np.testing.assert_allclose(found, model.predict_proba(scaled), atol=2e-3)


def test_the_components_are_those_of_all_rows():
    found = probabilities(known(WINE, few(CLASSES, 3)), WINE, "components")
    scale = WINE.std(axis=0).mean()
    expected = PCA(13).fit_transform(WINE) / scale
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-3)


def test_missing_values_are_filled():
    holes = np.where(np.random.RandomState(0).rand(*WINE.shape) < 0.2, np.nan, WINE)
    numbers = few(CLASSES, 10)
    rows = known(holes, numbers)
    index = np.arange(0, 178, 7)
    filled = rows.at(index)
    observed = ~np.isnan(holes[index])
    scaled = rows.fitted.scaling.apply(holes[index], np.float64)
    np.testing.assert_allclose(filled[observed], scaled[observed], atol=1e-5)
    targets, _ = pseudo_targets(rows, np.zeros((178, 1), np.float32), seed=0)
    assert share_right(targets, CLASSES, numbers) > 0.85


def test_codes_are_a_teacher():
    """Rows are noise; only the codes tell the classes."""
    y = np.arange(200) % 2
    numbers = few(y, 20)
    noise = np.random.RandomState(0).randn(200, 3)
    targets, _ = pseudo_targets(known(noise, numbers), 10.0 * y[:, None], seed=0)
    assert share_right(targets, y, numbers) == 1


def test_the_weights_are_those_of_the_hidden_labels(monkeypatch):
    """Of hidden labels the logistic regression finds 6, the first space 4, the others none."""
    found = iter([4.0, 0.0, 0.0])
    uniform = np.full((178, 3), 1 / 3)
    monkeypatch.setattr(pseudo_labels, "_spread", lambda *args: (uniform, next(found)))
    linear = (np.zeros((13, 3), np.float32), np.zeros(3, np.float32), 6.0)
    monkeypatch.setattr(pseudo_labels, "_linear", lambda *args: linear)
    monkeypatch.setattr(pseudo_labels, "_SIZES", (2, 64))
    numbers = few(CLASSES, 3)
    _, teachers = pseudo_targets(known(WINE, numbers), WINE, seed=0)
    expected = softmax(np.array([6.0, 4.0, 0.0]) / 2)
    np.testing.assert_allclose(teachers.weights, expected, rtol=1e-5)
    of_codes = softmax(np.array([6.0, 4.0, 0.0, 0.02 * 9]) / 2)[-1]  # with two percent in advance
    assert teachers.network_weight == pytest.approx((1 + of_codes) / 2)


def test_the_mean_is_geometric_and_weighted():
    likely = np.random.RandomState(0).dirichlet(np.ones(3), size=(4, 7))
    mean, n_found = pseudo_labels._Mean(7, 3), np.array([3.0, 5.0, 0.0, 1000.0])
    for n_teachers, (one, found) in enumerate(zip(likely, n_found, strict=True), start=1):
        mean.add(one, found)
        weights = softmax(n_found[:n_teachers] / 2)
        logs = np.einsum("i,ijk->jk", weights, np.log(likely[:n_teachers] + 1e-6))
        np.testing.assert_allclose(mean.result()[0], softmax(logs, axis=1))
        np.testing.assert_allclose(mean.result()[1], weights)


def test_hidden_labels_that_are_found_are_counted(moons):
    """Separate classes: each fold finds all of its labels, by their weights."""
    X = np.repeat([[-5.0, 0.0], [5.0, 1.0]], 30, axis=0) + np.random.RandomState(0).rand(60, 2)
    numbers = few(np.repeat([0, 1], 30), 5)
    rows = known(X, numbers, np.linspace(0.5, 1.5, 60))
    labelled = np.flatnonzero(numbers != -1)
    folds = pseudo_labels._folds(numbers, labelled, 0)
    assert sorted(np.concatenate(folds)) == labelled.tolist()
    assert all(len(set(numbers[fold])) == 2 for fold in folds)
    expected = rows.weight[labelled].sum()
    assert pseudo_labels._spread(rows, X, folds, 0)[1] == pytest.approx(expected)
    assert pseudo_labels._linear(rows, labelled, folds, 0)[2] == pytest.approx(expected)


def test_a_weight_is_a_repetition_of_a_label():
    """Two rows with opposite labels at one place: the heavier one decides."""
    X = np.concatenate([np.zeros((4, 2)), np.random.RandomState(0).randn(20, 2) + 4])
    numbers = np.array([0, 1, -1, -1, *[0] * 10, *[1] * 10])
    for heavy in (0, 1):
        weight = np.ones(24)
        weight[heavy] = 9
        likely, _ = pseudo_labels._spread(known(X, numbers, weight), X, [], 0)
        assert likely[2].argmax() == heavy


def test_folds_without_some_class(moons):
    X, y, numbers = moons
    numbers = np.where((numbers == 1) & (np.cumsum(numbers == 1) > 1), -1, numbers)
    numbers[np.flatnonzero(y == 0)[:12]] = 0
    targets, _ = pseudo_targets(known(X, numbers), X, seed=0)
    assert np.isfinite(targets).all()
    assert share_right(targets, y, numbers) > 0.8


@pytest.mark.parametrize("n_each", [1, 2])
def test_too_few_labels_to_hide_some(moons, n_each):
    X, y, _ = moons
    numbers = few(y, n_each)
    targets, teachers = pseudo_targets(known(X, numbers), X, seed=0)
    assert share_right(targets, y, numbers) > 0.6
    assert teachers.weights.sum() == pytest.approx(1)


def test_a_single_label_and_class():
    targets, _ = pseudo_targets(known(WINE, np.where(CLASSES, -1, 0)), WINE, seed=0)
    assert (targets == 1).all()


def test_rows_that_are_all_the_same():
    numbers = few(np.arange(40) % 2, 5)
    targets, teachers = pseudo_targets(known(np.ones((40, 3)), numbers), np.ones((40, 1)), seed=0)
    assert np.isfinite(targets).all()
    assert np.isfinite(teachers.references).all()


def test_references_are_few_and_hold_labels(monkeypatch):
    monkeypatch.setattr(pseudo_labels, "_MOST_REFERENCES", 20)
    few_labels, many = few(CLASSES, 2), CLASSES
    assert set(np.flatnonzero(few_labels != -1)) < set(pseudo_labels._references(few_labels, 0))
    for numbers in (few_labels, np.where(np.arange(178) < 90, many, -1)):
        index = pseudo_labels._references(numbers, 0)
        assert len(index) == 20
        assert (numbers[index] == -1).sum() >= 10


def test_the_linear_model_asks_some_of_many_labels(monkeypatch):
    monkeypatch.setattr(pseudo_labels, "_LINEAR_ROWS", 40)
    numbers = few(CLASSES, 40)
    rows, labelled = known(WINE, numbers), np.flatnonzero(numbers != -1)
    _, _, n_found = pseudo_labels._linear(rows, labelled, [labelled[::2], labelled[1::2]], 0)
    assert 100 < n_found <= 120


@pytest.mark.parametrize("offset", [0, 1e3, 1e6])
def test_the_linear_model_of_rows_far_from_zero(offset):
    """Wherever they are, it converges, without a warning of scikit-learn."""
    X = np.random.RandomState(0).randint(-8, 9, size=(60, 5)).astype(float)
    numbers = np.where(np.arange(60) < 40, np.random.RandomState(1).randint(0, 3, 60), -1)
    found = probabilities(known(X + offset, numbers), X + offset, "linear")
    np.testing.assert_allclose(found, probabilities(known(X, numbers), X, "linear"), atol=1e-3)
