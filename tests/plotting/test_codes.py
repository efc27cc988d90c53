"""The picture of two values of codes."""

import pickle
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from matplotlib.colors import same_color
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.kinds import Sparse
from skae.plotting import CodesDisplay

pytestmark = pytest.mark.usefixtures("figures_are_closed")

CODES = np.random.default_rng(0).normal(size=(60, 2))


class Same(BaseEstimator):
    """A transformer whose codes are what it is given, without names."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return X


def draw(codes=CODES, labels=None, names=None, **kwargs):
    display = CodesDisplay(codes, labels, names).plot(**kwargs)
    display.figure_.canvas.draw()
    return display


def entries(display):
    return [text.get_text().strip() for text in display.legend_.get_texts()]


def places(display):
    return [np.asarray(points.get_offsets()) for points in display.points_]


def test_points_are_the_codes():
    display = draw()
    np.testing.assert_array_equal(places(display), [CODES])
    assert display.legend_ is None
    assert display.colorbar_ is None


def test_names():
    display = draw(names=["size", "$a$" + 40 * "x"])
    assert display.ax_.get_xlabel() == "size"
    assert display.ax_.get_ylabel() == r"\$a\$xxxxxxxxxxxx…xxxxxxxxxxxxxxx"
    assert draw().ax_.get_xlabel() == ""


def test_categories():
    y = np.resize(["b", "a", "c"], 60)
    display = draw(labels=y)
    assert entries(display) == ["a", "b", "c"]
    for drawn, name in zip(places(display), "abc", strict=True):
        np.testing.assert_array_equal(drawn, CODES[y == name])
    assert display.colorbar_ is None


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([10, 9, 1], ["1", "9", "10"]),
        ([True, False], ["False", "True"]),
        ([0.5, -1.0], ["-1.0", "0.5"]),
        (["_hidden", "$a$"], [r"\$a\$", "_hidden"]),
        (np.array(["a", 3, 20], dtype=object), ["20", "3", "a"]),
        (pd.Categorical(["high", "low"]), ["high", "low"]),
        ([7], ["7"]),
    ],
)
def test_names_of_categories(values, names):
    assert entries(draw(labels=np.resize(np.asarray(values), 60))) == names


def test_twenty_categories_are_told_apart():
    display = draw(labels=np.arange(60) % 20)
    looks = set()
    for points in display.points_:
        colour = tuple(points.get_facecolor()[0, :3])
        looks.add((colour, points.get_paths()[0].vertices.tobytes()))
    assert len(looks) == 20
    first = [points.get_paths()[0].vertices.tobytes() for points in display.points_[:10]]
    assert len(set(first)) == 1


def test_numbers_with_more_values_are_a_continuous_colour():
    display = draw(labels=np.arange(60) % 21)
    np.testing.assert_array_equal(display.points_[0].get_array(), np.arange(60) % 21)
    assert display.legend_ is None
    assert display.colorbar_.mappable is display.points_[0]
    assert display.colorbar_.solids.get_alpha() == 1
    np.testing.assert_array_equal(places(display), [CODES])


@pytest.mark.parametrize("convert", [list, np.float32, pd.Series, pl.Series, np.int64])
def test_containers_of_numbers(convert):
    y = convert(np.arange(60))
    np.testing.assert_array_equal(draw(labels=y).points_[0].get_array(), np.arange(60))
    with_objects = np.array(list(range(60)), dtype=object)
    np.testing.assert_array_equal(draw(labels=with_objects).points_[0].get_array(), np.arange(60))


@pytest.mark.parametrize(
    ("name", "title"), [("species", "species"), (None, ""), ("", ""), (0, "0"), ("$", r"\$")]
)
def test_name_of_a_series(name, title):
    assert (
        draw(labels=pd.Series(np.arange(60) % 3, name=name)).legend_.get_title().get_text() == title
    )
    colorbar = draw(labels=pd.Series(np.arange(60), name=name)).colorbar_
    assert colorbar.ax.get_ylabel() == title


def test_legend_is_beside_the_axes_and_in_the_figure():
    names = np.array(
        [f"a very long name of the class number {i} of all classes" for i in range(20)]
    )
    display = draw(labels=np.resize(names, 60))
    box = display.legend_.get_window_extent()
    assert box.x0 >= display.ax_.get_window_extent().x1
    assert box.x1 <= display.figure_.bbox.x1
    assert box.y0 >= 0
    assert display.ax_.get_window_extent().width > 0.4 * display.figure_.bbox.width


def test_markers_in_the_legend_are_seen():
    display = draw(np.tile(CODES, (500, 1)), np.arange(30_000) % 2)
    for handle in display.legend_.legend_handles:
        assert handle.get_alpha() == 1
        assert handle.get_sizes()[0] >= 20
    assert display.points_[0].get_alpha() < 0.5


def test_many_points_are_smaller_and_more_transparent():
    few, more, many = (draw(np.tile(CODES, (n, 1))).points_[0] for n in (1, 50, 1000))
    assert few.get_sizes()[0] > more.get_sizes()[0] > many.get_sizes()[0] > 0
    assert 1 > few.get_alpha() > more.get_alpha() > many.get_alpha() >= 0.2


@pytest.mark.parametrize("codes", [[[1.0, 2.0]], np.zeros((5, 2)), [[1e300, -1e300], [0, 0]]])
@pytest.mark.parametrize("labelled", [False, True])
def test_extremes_can_be_drawn(codes, labelled):
    draw(codes, [1] * len(codes) if labelled else None)


def test_axes_of_the_user():
    figure, (left, right) = plt.subplots(1, 2)
    display = draw(labels=np.arange(60), ax=right)
    assert display.ax_ is right
    assert display.figure_ is figure
    assert not left.collections
    display.labels = np.arange(60) % 2
    assert display.plot(left) is display
    assert display.ax_ is left
    assert display.colorbar_ is None
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("labels", [None, np.arange(60) % 2])
@pytest.mark.parametrize("colour", ["c", "color"])
def test_keywords_go_to_the_points(labels, colour):
    for points in draw(labels=labels, s=7, alpha=0.5, **{colour: "red"}).points_:
        assert same_color(points.get_facecolor()[0], ("red", 0.5))
        assert points.get_sizes() == [7]


def test_keywords_of_a_continuous_colour():
    assert draw(labels=np.arange(60), cmap="plasma").points_[0].get_cmap().name == "plasma"


@pytest.mark.parametrize("labels", [None, np.arange(60) % 2, np.arange(60)])
def test_markers_of_the_user(labels):
    for points in draw(labels=labels, marker="x").points_:
        assert points.get_linewidth()[0] > 0
    for points in draw(labels=labels).points_:
        assert points.get_linewidth()[0] == 0


@pytest.mark.parametrize("labels", [None, np.arange(60) % 2, np.arange(60)])
def test_display_can_be_pickled(labels):
    again = pickle.loads(pickle.dumps(draw(labels=labels)))
    again.figure_.canvas.draw()
    np.testing.assert_array_equal(again.codes, CODES)


@pytest.mark.parametrize("components", [(2, 0), [2, 0], np.array([2, 0]), (-1, -3)])
def test_components(components):
    X = np.random.default_rng(0).normal(size=(60, 3))
    pca = PCA().fit(X)
    display = CodesDisplay.from_estimator(pca, X, components=components)
    np.testing.assert_array_equal(display.codes, pca.transform(X)[:, [2, 0]])
    assert display.ax_.get_xlabel() == "pca2"
    assert display.ax_.get_ylabel() == "pca0"


@pytest.mark.parametrize(
    "convert",
    [
        pd.DataFrame,
        sp.csr_array,
        sp.csc_matrix,
        sp.coo_array,
        lambda X: pl.DataFrame(X, ["0", "1"]),
    ],
)
def test_containers_of_codes(convert):
    y = pd.Series(np.arange(60) % 2, index=np.arange(60)[::-1])
    display = CodesDisplay.from_estimator(Same().fit(None), convert(CODES), y)
    np.testing.assert_array_equal(display.codes, CODES)
    np.testing.assert_array_equal(places(display)[1], CODES[1::2])
    is_frame = not sp.issparse(convert(CODES))
    assert display.ax_.get_ylabel() == ("1" if is_frame else "")


def test_pipeline_of_which_a_step_has_no_names():
    pipeline = make_pipeline(StandardScaler(), Same()).fit(CODES)
    assert CodesDisplay.from_estimator(pipeline, CODES).ax_.get_xlabel() == ""


@pytest.mark.parametrize(
    "components", [(0, 2), (-3, 0), (0,), (0, 1, 1), 0, None, (0, 1.0), (True, 0), "01"]
)
def test_components_out_of_range(components):
    sentence = "components must be two positions in the code, integers from -2 to 1 for .* 2 values"
    with pytest.raises(ValueError, match=sentence):
        CodesDisplay.from_estimator(Same().fit(None), CODES, components=components)
    assert not plt.get_fignums()


def test_code_of_one_value():
    with pytest.raises(ValueError, match=r"integers from -1 to 0 for codes of 1 value, got \(0, 1"):
        CodesDisplay.from_estimator(Same().fit(None), CODES[:, :1])
    CodesDisplay.from_estimator(Same().fit(None), CODES[:, :1], components=(0, 0))


@pytest.mark.parametrize("y", [[1, -1], np.ones((60, 1)), np.ones((1, 60)), 1, "abc"])
def test_y_of_another_shape(y):
    with pytest.raises(
        ValueError, match=r"y must have one value for each of 60 samples, got .* shape"
    ):
        CodesDisplay.from_estimator(Same().fit(None), CODES, y)
    with pytest.raises(ValueError, match="labels must have one value for each of 60 samples, got"):
        draw(labels=y)
    assert not plt.get_fignums()


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
def test_labels_with_missing_values(missing):
    with pytest.raises(ValueError, match=r"labels must have no missing values, got one at .* 1"):
        draw(CODES[:3], [1, missing, 2])


def test_labels_that_are_not_finite():
    with pytest.raises(ValueError, match="labels must be finite, got inf at position 2"):
        draw(CODES[:3], [1.0, 2.0, np.inf])


@pytest.mark.parametrize("kind", [str, np.datetime64, object])
def test_too_many_categories(kind):
    y = [f"class {i}" for i in range(60)]
    if kind is np.datetime64:
        y = np.arange(60).astype("datetime64[D]")
    elif kind is object:
        y = np.array([*y[:-1], 3], dtype=object)
    sentence = "y must be numbers or have at most 20 different values, .*, got 60 of dtype"
    with pytest.raises(ValueError, match=sentence):
        CodesDisplay.from_estimator(Same().fit(None), CODES, y)
    assert not plt.get_fignums()


@pytest.mark.parametrize("codes", [CODES[:, :1], CODES[0], CODES[:0], np.ones((3, 3))])
def test_codes_of_another_shape(codes):
    with pytest.raises(ValueError, match=r"codes must be of shape \(n_samples, 2\), got \("):
        draw(codes)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_codes_that_are_not_finite(broken):
    with pytest.raises(ValueError, match=f"codes must be finite numbers, got {broken} in row 1"):
        draw([[1.0, 2.0], [3.0, broken]])


def test_estimator_without_codes():
    with pytest.raises(
        TypeError, match=r"estimator must be a transformer, .* got LinearRegression without trans"
    ):
        CodesDisplay.from_estimator(LinearRegression(), CODES)


@pytest.mark.parametrize("estimator", [Same(), PCA(2), AutoencoderTransformer()])
def test_estimator_not_fitted(estimator):
    with pytest.raises(NotFittedError):
        CodesDisplay.from_estimator(estimator, CODES)


def test_axes_that_are_none():
    with pytest.raises(TypeError, match="ax must be None or matplotlib Axes, got str"):
        draw(ax="left")


def test_matplotlib_is_not_installed(monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot", "matplotlib.axes"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "skae\[plots\]"'):
        draw(labels=np.arange(60))


def test_matplotlib_is_not_imported_before_it_is_needed():
    program = "import sys, skae.plotting; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_nothing_is_shown(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("shown"))
    draw(labels=np.arange(60) % 3)


@pytest.mark.parametrize("output", ["default", "pandas", "polars"])
@pytest.mark.parametrize(
    "estimator",
    [
        AutoencoderTransformer(n_components=3, max_epochs=1, random_state=0),
        PCA(3),
        make_pipeline(StandardScaler(), PCA(3)),
    ],
)
def test_transformers(X, estimator, output):
    estimator.set_output(transform=output).fit(X)
    display = CodesDisplay.from_estimator(estimator, X, np.arange(60) % 4, components=(1, 2))
    codes = np.asarray(estimator.transform(X))
    np.testing.assert_array_equal(display.codes, codes[:, [1, 2]])
    assert display.ax_.get_xlabel() == estimator.get_feature_names_out()[1]
    assert display.ax_.get_ylabel() == estimator.get_feature_names_out()[2]


@pytest.mark.parametrize(
    "convert",
    [np.asarray, pd.DataFrame, lambda X: pl.DataFrame(X, list("abcdef")), sp.csr_array],
)
def test_autoencoder(X, convert):
    rows = convert(X)
    if isinstance(rows, pd.DataFrame):
        rows.columns = list("abcdef")
    ae = AutoencoderTransformer(n_components=2, max_epochs=1, random_state=0).fit(rows)
    display = CodesDisplay.from_estimator(ae, rows)
    np.testing.assert_array_equal(display.codes, ae.transform(rows))
    assert display.ax_.get_xlabel() == "autoencodertransformer0"


def test_sparse_codes(X):
    kind = Sparse(sparse_output=True)
    ae = AutoencoderTransformer(n_components=8, kind=kind, max_epochs=2, random_state=0).fit(X)
    codes = ae.transform(X)
    assert sp.issparse(codes)
    display = CodesDisplay.from_estimator(ae, X, components=(7, 3))
    np.testing.assert_array_equal(display.codes, codes.toarray()[:, [7, 3]])
