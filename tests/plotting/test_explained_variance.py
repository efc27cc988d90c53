"""The picture of how much is rebuilt from codes of so many values."""

import pickle
import sys
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from matplotlib.colors import same_color
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae.plotting import ExplainedVarianceDisplay

pytestmark = pytest.mark.usefixtures("figures_are_closed")


class FirstColumns(TransformerMixin, BaseEstimator):
    """A code made of the first columns; the others are rebuilt as zeros."""

    def __init__(self, n_components=2, random_state=None):
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X, y=None):
        self.n_features_ = np.shape(X)[1]
        self.drawn_ = np.random.RandomState(self.random_state).rand()
        return self

    def transform(self, X):
        X = X.toarray() if sp.issparse(X) else np.asarray(X, dtype=float)
        return X[:, : self.n_components]

    def inverse_transform(self, X):
        return np.pad(X, ((0, 0), (0, self.n_features_ - X.shape[1])))


class Unfit(FirstColumns):
    """An estimator that must not come to be fitted."""

    def fit(self, X, y=None):
        raise AssertionError("it was fitted")


def draw(*args, name=None, **kwargs):
    display = ExplainedVarianceDisplay(*args, estimator_name=name).plot(**kwargs)
    display.figure_.canvas.draw()
    return display


def from_estimator(*args, **kwargs):
    display = ExplainedVarianceDisplay.from_estimator(*args, **kwargs)
    display.figure_.canvas.draw()
    return display


def size_labels(display):
    return [label.get_text() for label in display.ax_.get_xticklabels()]


def entries(display):
    return [text.get_text() for text in display.legend_.get_texts()]


def test_lines_of_figures_already_computed():
    display = draw([4, 1, 2], [0.9, 0.5, 0.7], [0.8, 0.4, 0.6], name="mine")
    assert np.array_equal(display.line_.get_xydata(), [[1, 0.5], [2, 0.7], [4, 0.9]])
    assert np.array_equal(display.pca_line_.get_xydata(), [[1, 0.4], [2, 0.6], [4, 0.8]])
    assert entries(display) == ["mine", "PCA"]
    assert display.ax_.get_ylabel() == "explained variance"
    assert not same_color(display.line_.get_color(), display.pca_line_.get_color())


def test_legend_is_where_rising_lines_are_not():
    display = draw([1, 2, 4, 8, 16], [0.3, 0.45, 0.65, 0.8, 0.9], [0.15, 0.25, 0.45, 0.65, 0.85])
    box = display.legend_.get_window_extent()
    for line in (display.line_, display.pca_line_):
        assert not box.count_contains(display.ax_.transData.transform(line.get_xydata()))


def test_without_pca():
    display = draw([1, 2], [0.5, 0.7])
    assert display.pca_line_ is None
    assert entries(display) == ["autoencoder"]


def test_axes():
    display = draw([1, 2, 8], [0.8, 0.85, 0.9], [0.8, 0.82, 0.84])
    transformed = display.ax_.transData.transform([(1, 0), (2, 0), (4, 0)])[:, 0]
    assert np.ptp(np.diff(transformed)) == pytest.approx(0, abs=1e-6)
    assert display.ax_.get_xaxis().get_transform().base == 2
    assert list(display.ax_.get_xticks()) == [1, 2, 8]
    assert size_labels(display) == ["1", "2", "8"]
    assert not len(display.ax_.get_xticks(minor=True))
    low, high = display.ax_.get_ylim()
    assert 0.75 < low < 0.8 < 0.9 < high
    assert all(label.get_text().endswith("%") for label in display.ax_.get_yticklabels())


def test_labels_of_many_sizes_do_not_touch():
    display = draw(range(1, 65), np.linspace(0, 1, 64))
    assert list(display.ax_.get_xticks()) == list(range(1, 65))
    labels = [label for label in display.ax_.get_xticklabels() if label.get_text()]
    assert {"1", "2", "64"} <= {label.get_text() for label in labels}
    ends = [label.get_window_extent() for label in labels]
    assert all(left.x1 < right.x0 for left, right in pairwise(ends))


@pytest.mark.parametrize("shares", [[0.5], [1.0], [-3.0]])
def test_a_single_size(shares):
    display = draw([3], shares, shares)
    assert size_labels(display) == ["3"]


@pytest.mark.parametrize("shares", [[0.5, -2.0], [1.0, 1.0], [-1e9, 1.0], [0, 1]])
def test_extremes_can_be_drawn(shares):
    assert list(draw([1, 1024], shares, shares).line_.get_ydata()) == shares


def test_shares_are_those_of_the_estimator(X):
    centred = X - X[:40].mean(axis=0)
    estimator = FirstColumns()
    estimator.n_components = 1
    display = from_estimator(estimator, X[:40], X[40:], n_components=(1, 2, 4))
    total = np.square(centred[40:]).sum()
    for size, share in zip(display.n_components, display.explained_variance, strict=True):
        assert share == pytest.approx(1 - np.square(X[40:, size:]).sum() / total)
    assert estimator.n_components == 1
    assert not hasattr(estimator, "n_features_")
    assert entries(display) == ["FirstColumns", "PCA"]


@pytest.mark.parametrize("held_out", [True, False])
def test_pca_is_that_of_each_size(X, held_out):
    train, test = (X[:40], X[40:]) if held_out else (X, X)
    display = from_estimator(FirstColumns(), train, test if held_out else None)
    assert list(display.n_components) == [1, 2, 4]
    total = np.square(test - train.mean(axis=0)).sum()
    for size, share in zip(display.n_components, display.pca_explained_variance, strict=True):
        pca = PCA(size).fit(train)
        errors = np.square(test - pca.inverse_transform(pca.transform(test))).sum()
        assert share == pytest.approx(1 - errors / total)


def test_pca_beside_itself(X):
    display = from_estimator(PCA(), X)
    np.testing.assert_allclose(display.explained_variance, display.pca_explained_variance)


@pytest.mark.parametrize("kind", ["undercomplete", "sparse"])
def test_shares_are_scores_of_autoencoders(X, kind):
    ae = AutoencoderTransformer(kind=kind, max_epochs=2)
    display = from_estimator(ae, X[:40], X[40:], n_components=(2, 3), random_state=3)
    for size, share in zip((2, 3), display.explained_variance, strict=True):
        fitted = AutoencoderTransformer(size, kind=kind, max_epochs=2, random_state=3).fit(X[:40])
        assert share == pytest.approx(fitted.score(X[40:]), abs=1e-6)


def test_images(X):
    images = X.reshape(60, 2, 3).astype(np.float32)
    ae = AutoencoderTransformer(max_epochs=2, random_state=0)
    display = from_estimator(ae, images, n_components=(2,))
    flat = from_estimator(ae, X.astype(np.float32), n_components=(2,))
    np.testing.assert_allclose(display.explained_variance, flat.explained_variance, atol=1e-6)


def test_sizes_without_room_are_left_out(X):
    assert list(from_estimator(FirstColumns(), X, n_components=[7, 6, 2]).n_components) == [2, 6]
    assert list(from_estimator(FirstColumns(), X[:3], n_components=range(1, 6)).n_components) == [
        1,
        2,
        3,
    ]
    with pytest.raises(
        ValueError, match=r"n_components must contain .* at most 6, .*, got \[7, 9\]"
    ):
        from_estimator(Unfit(), X, n_components=(7, 9))


@pytest.mark.parametrize(
    "convert",
    [
        pd.DataFrame,
        np.ndarray.tolist,
        sp.csr_array,
        torch.from_numpy,
        lambda X: pl.DataFrame(X, list("abcdef")),
    ],
)
def test_containers(X, convert):
    expected = from_estimator(FirstColumns(), X[:40], X[40:])
    display = from_estimator(FirstColumns(), convert(X[:40]), convert(X[40:]))
    np.testing.assert_allclose(display.explained_variance, expected.explained_variance)
    np.testing.assert_allclose(display.pca_explained_variance, expected.pca_explained_variance)


def test_data_frames_with_names(X):
    table = pd.DataFrame(X, columns=list("abcdef"))
    ae = AutoencoderTransformer(max_epochs=1, random_state=0).set_output(transform="pandas")
    assert len(from_estimator(ae, table, n_components=(1, 2)).explained_variance) == 2


def test_random_state(X):
    class Remembers(FirstColumns):
        seen = []

        def fit(self, X, y=None):
            self.seen.append(self.random_state)
            return super().fit(X)

    from_estimator(Remembers(random_state=1), X)
    from_estimator(Remembers(random_state=1), X, random_state=2)
    assert Remembers.seen == [1, 1, 1, 2, 2, 2]
    assert from_estimator(PCA(), X, random_state=np.random.RandomState(0)).line_


@pytest.mark.parametrize("random_state", [None, 0])
def test_randomized_pca_leaves_global_state_alone(random_state):
    # More than 500 rows and features: the solver of PCA is the randomized one.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3)) @ rng.normal(size=(3, 600))
    display = from_estimator(FirstColumns(), X, n_components=(3,), random_state=random_state)
    assert display.pca_explained_variance == pytest.approx([1])


def test_axes_of_the_user(X):
    figure, (left, right) = plt.subplots(1, 2)
    display = from_estimator(FirstColumns(), X, ax=right)
    assert display.ax_ is right
    assert display.figure_ is figure
    assert not left.lines
    assert display.plot(left) is display
    assert display.ax_ is left
    assert plt.get_fignums() == [figure.number]


def test_keywords_go_to_the_line_of_the_estimator(X):
    display = from_estimator(FirstColumns(), X, color="red", linewidth=3, label="first")
    assert same_color(display.line_.get_color(), "red")
    assert display.line_.get_linewidth() == 3
    assert same_color(display.pca_line_.get_color(), "C1")
    assert entries(display) == ["first", "PCA"]


def test_display_can_be_pickled():
    display = draw([1, 2], [0.5, 0.7], [0.4, 0.6])
    again = pickle.loads(pickle.dumps(display))
    again.figure_.canvas.draw()
    assert size_labels(again) == size_labels(display)


@pytest.mark.parametrize(
    "sizes", [(), 3, None, "ab", (0, 1), (2.0,), (True, 2), (2, 2), [[1], [2]], (-1,)]
)
def test_sizes_out_of_range(X, sizes):
    sentence = r"n_components must be a sequence of different integers >= 1, got"
    with pytest.raises(ValueError, match=sentence):
        from_estimator(Unfit(), X, n_components=sizes)
    with pytest.raises(ValueError, match=sentence):
        draw(sizes, [0.5, 0.6])
    assert not plt.get_fignums()


@pytest.mark.parametrize("name", ["explained_variance", "pca_explained_variance"])
def test_shares_that_cannot_be_drawn(name):
    for broken, words in (
        ([0.5], "have one value for each of 2 n_components, got 1"),
        ([0.5, np.nan], "be finite numbers, got nan at position 1"),
        ([[0.5, 0.6]], "be one-dimensional and not empty"),
    ):
        shares = {"explained_variance": [0.1, 0.2], name: broken}
        with pytest.raises(ValueError, match=f"^{name} must {words}"):
            ExplainedVarianceDisplay([1, 2], **shares).plot()
    assert not plt.get_fignums()


def test_x_test_with_other_features(X):
    with pytest.raises(ValueError, match="X_test must have the 6 features of X, got 5"):
        from_estimator(Unfit(), X, X[:, :5])


@pytest.mark.parametrize("level", [0.0, 0.1, -7e9])
def test_rows_without_variance(X, level):
    with pytest.raises(ValueError, match="X must vary, got 9 rows that are all at the mean"):
        from_estimator(Unfit(), np.full((9, 3), level))
    with pytest.raises(ValueError, match="X_test must vary, got 1 rows"):
        from_estimator(Unfit(), X, X.mean(axis=0, keepdims=True))


@pytest.mark.parametrize(
    ("estimator", "lacks"),
    [
        (LinearRegression(), "LinearRegression without transform and inverse_transform"),
        (AutoencoderOutlierDetector(), "AutoencoderOutlierDetector without transform"),
        (make_pipeline(FirstColumns()), "Pipeline without the parameter n_components"),
        (PCA, "PCA without get_params"),
        ("pca", "str without get_params"),
    ],
)
def test_estimators_that_have_no_code(X, estimator, lacks):
    with pytest.raises(TypeError, match=f"estimator must be a transformer .*, got {lacks}"):
        from_estimator(estimator, X)


def test_axes_that_are_none_are_refused_before_the_fits(X):
    with pytest.raises(TypeError, match="ax must be None or matplotlib Axes, got str"):
        from_estimator(Unfit(), X, ax="left")


def test_matplotlib_is_not_installed(X, monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot", "matplotlib.axes"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "skae\[plots\]"'):
        from_estimator(Unfit(), X)
    with pytest.raises(ImportError, match=r'pip install "skae\[plots\]"'):
        draw([1], [0.5])


def test_nothing_is_shown(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("the picture was shown"))
    draw([1], [0.5])
