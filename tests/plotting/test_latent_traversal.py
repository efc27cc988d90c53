"""The picture of what the values of a code stand for."""

import pickle
import sys

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
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.architectures import Convolutional
from skae.plotting import LatentTraversalDisplay
from skae.plotting.matrices import as_matrix

pytestmark = pytest.mark.usefixtures("figures_are_closed")

MINUS = "\N{MINUS SIGN}"


class Identity(TransformerMixin, BaseEstimator):
    """An estimator whose code is the row itself."""

    def fit(self, X, y=None):
        self.sample_shape_ = np.shape(X)[1:]
        return self

    def transform(self, X):
        X = X.toarray() if sp.issparse(X) else np.asarray(X, dtype=float)
        return X.reshape(len(X), -1)

    def inverse_transform(self, X):
        return np.asarray(X).reshape(len(X), *self.sample_shape_)


@pytest.fixture(name="images")
def small_images():
    return np.random.default_rng(0).random((30, 8, 8))


def draw(reconstructions, values=None, components=None, fig=None, cmap=None, **kwargs):
    shape = np.shape(reconstructions)
    values = np.tile(np.arange(shape[1]), (shape[0], 1)) if values is None else values
    components = range(shape[0]) if components is None else components
    display = LatentTraversalDisplay(reconstructions, values, components, **kwargs)
    display.plot(fig, cmap=cmap).figure_.canvas.draw()
    return display


def from_estimator(estimator, X, **kwargs):
    display = LatentTraversalDisplay.from_estimator(estimator, X, **kwargs)
    display.figure_.canvas.draw()
    return display


def row_names(display):
    return [ax.get_ylabel() for ax in display.axes_]


def ticks(ax):
    return [label.get_text() for label in ax.get_xticklabels()]


def shown(artist):
    """Return the numbers or colours in a row of images."""
    return np.asarray(artist.get_array())


def test_one_value_changes_at_a_time(X):
    display = from_estimator(Identity().fit(X), X, components=[4, 1], n_steps=3)
    assert display.reconstructions.shape == (2, 3, 6)
    for component, rows, values in zip(
        [4, 1], display.reconstructions, display.values, strict=True
    ):
        low, high = np.quantile(X[:, component], [0.05, 0.95])
        np.testing.assert_allclose(values, [low, (low + high) / 2, high])
        expected = np.tile(X.mean(axis=0), (3, 1))
        expected[:, component] = values
        np.testing.assert_allclose(rows, expected)
    assert row_names(display) == ["component 4", "component 1"]


def test_percentiles(X):
    display = from_estimator(Identity().fit(X), X, components=[0], percentiles=(0, 1), n_steps=2)
    np.testing.assert_allclose(display.values, [[X[:, 0].min(), X[:, 0].max()]])


@pytest.mark.parametrize("start", [0, 7, -1, np.int64(3)])
def test_start_at_a_row(X, start):
    display = from_estimator(Identity().fit(X), X, components=[2], start=start)
    others = np.delete(display.reconstructions[0], 2, axis=1)
    np.testing.assert_allclose(others, np.tile(np.delete(X[start], 2), (9, 1)))


@pytest.mark.slow
def test_components_with_the_largest_effect_come_first():
    X = np.random.default_rng(0).uniform(size=(100, 4)) * [1, 50, 3, 20]
    identity = Identity().fit(X)
    assert list(from_estimator(identity, X).components) == [1, 3, 2, 0]
    assert list(from_estimator(identity, X, n_components=2).components) == [1, 3]
    assert list(from_estimator(PCA(3).fit(X), X).components) == [0, 1, 2]


def test_effects_on_tables_are_in_units_of_ranges():
    X = np.c_[np.linspace(0, 1, 101), 1e4 * np.linspace(0, 1, 101) ** 9]
    identity = Identity().fit(X)
    assert list(from_estimator(identity, X).components) == [1, 0]
    assert list(from_estimator(identity, pd.DataFrame(X, columns=["a", "b"])).components) == [0, 1]


def test_five_rows_and_nine_steps_by_default(X):
    display = from_estimator(Identity().fit(X), X)
    assert display.reconstructions.shape == (5, 9, 6)


@pytest.mark.parametrize(
    ("fitted_on", "given", "shape"),
    [
        ((64,), None, (8, 8)),
        ((81,), None, (9, 9)),
        ((49,), None, (49,)),
        ((65,), None, (65,)),
        ((4,), None, (4,)),
        ((64,), (64,), (64,)),
        ((64,), (4, 16), (4, 16)),
        ((64,), [1, 8, 8], (1, 8, 8)),
        ((4, 16), None, (4, 16)),
        ((4, 16), (8, 8), (8, 8)),
        ((3, 4, 5), None, (3, 4, 5)),
        ((64, 1), None, (64, 1)),
        ((1, 64), None, (1, 64)),
        ((32, 2), None, (32, 2)),
        ((21, 3), None, (21, 3)),
        ((16, 4), None, (16, 4)),
    ],
)
def test_shape_of_samples(fitted_on, given, shape):
    X = np.random.default_rng(0).random((9, *fitted_on))
    display = from_estimator(Identity().fit(X), X, n_components=1, sample_shape=given)
    assert display.sample_shape == shape
    is_image = len(shape) == 3 or (len(shape) == 2 and shape[0] > 1 and shape[1] > 3)
    assert len(display.images_) == is_image
    assert len(display.lines_) == (not is_image)


@pytest.mark.parametrize("shape", [(4, 5), (1, 4, 5), (4, 5, 1)])
def test_grey_images_stand_side_by_side(shape):
    rows = np.random.default_rng(0).random((2, 3, 20))
    display = draw(rows, sample_shape=shape)
    for artist, row in zip(display.images_, rows, strict=True):
        strip = np.ma.masked_invalid(shown(artist))
        assert strip.shape == (4, 3 * 5 + 2)
        for step in range(3):
            assert np.array_equal(strip[:, 6 * step : 6 * step + 5], row[step].reshape(4, 5))
        assert strip.mask[:, [5, 11]].all()


def test_grey_images_share_a_scale(images):
    display = from_estimator(Identity().fit(images), images, n_components=3)
    scale = (images.min(), images.max())
    assert [artist.get_clim() for artist in display.images_] == [scale] * 3
    assert {artist.get_cmap().name for artist in display.images_} == {"gray"}
    rows = np.arange(8.0).reshape(2, 1, 4)
    assert [a.get_clim() for a in draw(rows, sample_shape=(1, 2, 2)).images_] == [(0, 7)] * 2


@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 5, 3)])
def test_colour_images(shape):
    rows = np.random.default_rng(0).random((1, 2, 60))
    display = draw(rows, sample_shape=shape, limits=(0.25, 0.75))
    strip = shown(display.images_[0])
    assert strip.shape == (4, 11, 3)
    image = rows[0, 1].reshape(shape)
    image = np.moveaxis(image, 0, -1) if shape[0] == 3 else image
    np.testing.assert_allclose(strip[:, 6:], np.clip(2 * image - 0.5, 0, 1))
    assert (strip[:, 5] == 1).all()


@pytest.mark.parametrize(
    ("shape", "dtype", "factor", "limits"),
    [
        ((4, 4, 3), np.float32, 0.9, (0, 1)),
        ((3, 4, 4), np.float64, 200, (0, 255)),
        ((4, 4, 3), np.uint8, 1.5, (0, 255)),
        ((4, 4, 3), np.float64, -2, None),
        ((4, 4, 3), np.float64, 999, None),
        ((4, 4), np.uint8, 200, None),
        ((1, 4, 4), np.float64, 0.9, None),
    ],
)
def test_scale_of_images(shape, dtype, factor, limits):
    X = (factor * np.random.default_rng(0).random((20, *shape))).astype(dtype)
    display = from_estimator(Identity().fit(X), X, n_components=1)
    assert tuple(display.limits) == ((X.min(), X.max()) if limits is None else limits)


def test_images_without_contrast():
    display = draw(np.full((1, 2, 12), 0.5), sample_shape=(2, 2, 3))
    assert np.isfinite(shown(display.images_[0])).all()
    draw(np.full((1, 2, 4), 0.5), sample_shape=(1, 2, 2))


def test_values_stand_below_images():
    display = draw(np.zeros((1, 5, 4)), [[-1.234, -1, 0.5, 1, 20]], sample_shape=(1, 2, 2))
    assert ticks(display.axes_[0]) == [f"{MINUS}1.2", "0.5", "20"]
    np.testing.assert_allclose(display.axes_[0].get_xticks(), [0.5, 6.5, 12.5])
    display = draw(np.zeros((1, 4, 4)), sample_shape=(1, 2, 2))
    assert ticks(display.axes_[0]) == ["0", "3"]


@pytest.mark.parametrize("shape", [(8, 8), (64, 16), (4, 60)])
@pytest.mark.parametrize(("n", "n_steps"), [(1, 3), (4, 3), (4, 12)])
def test_nothing_of_the_images_is_cut_off(shape, n, n_steps):
    display = draw(np.zeros((n, n_steps, np.prod(shape))), sample_shape=shape)
    box = display.figure_.bbox
    below = None
    for ax in display.axes_:
        outside = ax.get_tightbbox()
        assert outside.x0 >= box.x0
        assert outside.x1 <= box.x1
        assert outside.y0 >= box.y0
        assert outside.y1 <= (box.y1 if below is None else below)
        below = outside.y0


@pytest.mark.parametrize("shape", [(8, 8), (200, 4), (2, 300)])
@pytest.mark.parametrize("n_steps", [2, 60])
def test_figures_fit_a_page(shape, n_steps):
    display = draw(np.zeros((3, n_steps, np.prod(shape))), sample_shape=shape)
    width, height = display.figure_.get_size_inches()
    assert width <= 12
    assert height <= 6


def test_lines_of_series():
    rows = np.random.default_rng(0).normal(size=(2, 3, 50))
    display = draw(rows, [[-1, 0, 1], [5, 7, 9]], [3, 0])
    assert row_names(display) == ["component 3", "component 0"]
    for lines, row in zip(display.lines_, rows, strict=True):
        assert len(lines) == 3
        for line, values in zip(lines, row, strict=True):
            assert np.array_equal(line.get_ydata(), values)
    texts = [[t.get_text() for t in ax.get_legend().get_texts()] for ax in display.axes_]
    assert texts == [["1", "0", f"{MINUS}1"], ["9", "7", "5"]]
    assert display.axes_[-1].get_xlabel() == "feature"


def test_channels_of_series_follow_one_another():
    rows = np.random.default_rng(0).normal(size=(1, 2, 20))
    display = draw(rows, sample_shape=(10, 2))
    for line, row in zip(display.lines_[0], rows[0], strict=True):
        values = line.get_ydata()
        assert np.array_equal(values[:10], row.reshape(10, 2)[:, 0])
        assert np.array_equal(values[11:], row.reshape(10, 2)[:, 1])
        assert np.isnan(values[10])
    assert ticks(display.axes_[0]) == ["channel 0", "channel 1"]
    assert list(display.axes_[0].get_xticks()) == [4.5, 15.5]


def test_lines_are_coloured_from_low_to_high():
    (lines,) = draw(np.ones((1, 5, 3))).lines_
    light = [np.mean(plt.matplotlib.colors.to_rgb(line.get_color())) for line in lines]
    assert light == sorted(light)
    assert len(set(light)) == 5


def test_tables_stand_between_the_limits_of_their_columns(X):
    table = pd.DataFrame(X, columns=[f"sensor {i}" for i in range(6)])
    display = from_estimator(Identity().fit(X), table, components=[3])
    low, high = X.min(axis=0), X.max(axis=0)
    scaled = (display.reconstructions[0] - low) / (high - low)
    for line, row in zip(display.lines_[0], scaled, strict=True):
        np.testing.assert_allclose(line.get_ydata(), row)
    assert [label.get_text() for label in display.axes_[0].get_yticklabels()] == ["min", "max"]
    assert ticks(display.axes_[-1]) == [f"sensor {i}" for i in range(6)]


def test_table_with_a_constant_column(X):
    table = pd.DataFrame(np.c_[X, np.full(60, 3.0)], columns=list("abcdefg"))
    display = from_estimator(Identity().fit(table), table, components=[0])
    assert {line.get_ydata()[6] for line in display.lines_[0]} == {0}


@pytest.mark.parametrize("n_features", [3, 15, 16, 40, 41])
def test_names_of_features(n_features):
    names = [f"a column with a long name {i}" for i in range(n_features)]
    display = draw(np.zeros((1, 2, n_features)), feature_names=names)
    (ax,) = display.axes_
    assert (len(ticks(ax)) == n_features) == (n_features <= 40)
    assert (ax.get_xlabel() == "feature") == (n_features > 40)
    outside = ax.get_tightbbox()
    assert outside.y0 >= 0
    assert outside.x0 >= 0
    assert ax.get_window_extent().height > 50


@pytest.mark.parametrize(
    "convert",
    [
        pd.DataFrame,
        np.ndarray.tolist,
        sp.csr_array,
        sp.coo_array,
        torch.from_numpy,
        lambda X: pl.DataFrame(X, list("abcdef")),
    ],
)
def test_containers(X, convert):
    expected = from_estimator(Identity().fit(X), X, components=[0, 1], start=4)
    display = from_estimator(Identity().fit(X), convert(X), components=[0, 1], start=4)
    np.testing.assert_allclose(display.reconstructions, expected.reconstructions)


def test_tensors_as_training_leaves_them():
    tensor = torch.ones(2, 3, 4, dtype=torch.bfloat16, requires_grad=True)
    assert np.array_equal(as_matrix(tensor), np.ones((2, 12)))


@pytest.mark.filterwarnings("ignore:Posterior collapse")
@pytest.mark.parametrize(
    "parameters",
    [{}, {"kind": "variational"}, {"kind": "sparse"}, {"kind": "denoising"}],
)
def test_autoencoders(X, parameters):
    table = pd.DataFrame(X, columns=list("abcdef"))
    ae = AutoencoderTransformer(4, max_epochs=1, random_state=0, **parameters).fit(table)
    display = from_estimator(ae, table, n_components=2, start=5)
    assert display.reconstructions.shape == (2, 9, 6)


def test_sparse_codes(X):
    from skae.kinds import Sparse

    ae = AutoencoderTransformer(kind=Sparse(sparse_output=True), max_epochs=1, random_state=0)
    assert from_estimator(ae.fit(X), X, percentiles=(0, 1)).lines_


def test_shape_from_the_architecture():
    rows = np.random.default_rng(0).random((30, 96))
    architecture = Convolutional(input_shape=(1, 8, 12), channels=(2,))
    ae = AutoencoderTransformer(2, architecture=architecture, max_epochs=1, random_state=0)
    assert from_estimator(ae.fit(rows), rows).sample_shape == (1, 8, 12)


def test_shape_from_the_rows(images):
    flat = Identity().fit(images.reshape(30, 64))
    assert from_estimator(flat, images.reshape(30, 4, 16)).sample_shape == (4, 16)


def test_images_of_an_autoencoder(images):
    ae = AutoencoderTransformer(3, max_epochs=1, random_state=0).fit(images)
    display = from_estimator(ae, images)
    assert display.sample_shape == (8, 8)
    assert len(display.images_) == 3


def test_pipeline_with_pandas_output(X):
    table = pd.DataFrame(X, columns=list("abcdef"))
    pipeline = make_pipeline(StandardScaler(), PCA(2)).fit(table)
    plain = from_estimator(pipeline, table)
    pipeline = make_pipeline(StandardScaler(), PCA(2)).set_output(transform="pandas").fit(table)
    display = from_estimator(pipeline, table)
    np.testing.assert_allclose(display.reconstructions, plain.reconstructions)


def test_figures_of_the_user(images):
    figure = plt.figure(layout="constrained")
    left, right = figure.subfigures(1, 2)
    identity = Identity().fit(images)
    display = from_estimator(identity, images, fig=right)
    assert display.figure_ is right
    assert list(right.axes) == list(display.axes_)
    assert not left.axes
    assert display.plot(left) is display
    assert plt.get_fignums() == [figure.number]


def test_colour_maps(images):
    display = from_estimator(Identity().fit(images), images, cmap="gray_r")
    assert {artist.get_cmap().name for artist in display.images_} == {"gray_r"}
    (lines,) = draw(np.ones((1, 2, 3)), cmap=plt.get_cmap("Reds")).lines_
    assert same_color(lines[0].get_color(), plt.get_cmap("Reds")(0.0))


@pytest.mark.parametrize("keywords", [{}, {"sample_shape": (1, 2, 2)}])
def test_display_can_be_pickled(keywords):
    display = draw(np.ones((2, 3, 4)), **keywords)
    again = pickle.loads(pickle.dumps(display))
    again.figure_.canvas.draw()
    assert row_names(again) == row_names(display)


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"components": [6]}, "components must be a sequence of integers from 0 to 5, .* got"),
        ({"components": [-1]}, "components must be .* got"),
        ({"components": []}, "components must be .* got"),
        ({"components": 2}, "components must be .* got 2"),
        ({"components": [1.0]}, "components must be .* got"),
        ({"components": [True]}, "components must be .* got"),
        ({"n_components": 0}, "n_components must be an integer >= 1, got 0"),
        ({"n_components": 2.0}, "n_components must be an integer >= 1, got 2.0"),
        ({"n_steps": 1}, "n_steps must be an integer >= 2, got 1"),
        ({"n_steps": 3.0}, "n_steps must be an integer >= 2, got 3.0"),
        ({"n_steps": True}, "n_steps must be an integer >= 2, got True"),
        ({"percentiles": (0.9, 0.1)}, "percentiles must be two numbers, .* got"),
        ({"percentiles": (0.5, 0.5)}, "percentiles must be two numbers, .* got"),
        ({"percentiles": (5, 95)}, "percentiles must be two numbers, .* got"),
        ({"percentiles": (0, 0.5, 1)}, "percentiles must be two numbers, .* got"),
        ({"percentiles": 0.9}, "percentiles must be two numbers, .* got 0.9"),
        ({"percentiles": "ab"}, "percentiles must be two numbers, .* got 'ab'"),
        ({"percentiles": (np.nan, 1)}, "percentiles must be two numbers, .* got"),
        ({"start": 60}, "start must be 'mean' or .* from -60 to 59, got 60"),
        ({"start": -61}, "start must be 'mean' or .* got -61"),
        ({"start": "median"}, "start must be 'mean' or .* got 'median'"),
        ({"start": 1.0}, "start must be 'mean' or .* got 1.0"),
        ({"start": None}, "start must be 'mean' or .* got None"),
        ({"sample_shape": (2, 2)}, "sample_shape must be .* features, 6, got"),
        ({"sample_shape": 6}, "sample_shape must be .* got 6"),
        ({"sample_shape": (-2, -3)}, "sample_shape must be .* got"),
        ({"sample_shape": ()}, "sample_shape must be .* got"),
    ],
)
def test_parameters_out_of_range(X, keywords, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        from_estimator(Identity().fit(X), X, **keywords)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"reconstructions": np.ones((2, 3))}, "reconstructions must be of shape .* got"),
        ({"reconstructions": np.ones((0, 3, 4))}, "reconstructions must be of shape .* got"),
        ({"values": np.ones((3, 2))}, r"values must be of shape \(2, 3\), .* got \(3, 2\)"),
        (
            {"components": [1]},
            "components must have one index for each of 2 reconstructions, got 1",
        ),
        (
            {"feature_names": ["a"]},
            "feature_names must have one name for each of 4 features, got 1",
        ),
        ({"sample_shape": (5,)}, r"sample_shape must be .* 4, got \(5,\)"),
        ({"limits": (0, 1)}, r"limits of lines must be of shape \(2, 4\), got \(2,\)"),
        (
            {"limits": np.ones((2, 4)), "sample_shape": (1, 2, 2)},
            r"limits of images must be of shape \(2,\), got \(2, 4\)",
        ),
    ],
)
def test_arrays_that_do_not_fit(keywords, sentence):
    arrays = {
        "reconstructions": np.ones((2, 3, 4)),
        "values": np.ones((2, 3)),
        "components": [0, 1],
    }
    with pytest.raises(ValueError, match=f"^{sentence}"):
        LatentTraversalDisplay(**{**arrays, **keywords}).plot()
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("estimator", "lacks"),
    [
        (LinearRegression(), "LinearRegression without transform and inverse_transform"),
        (
            make_pipeline(LinearRegression()),
            "LinearRegression without transform and inverse_transform",
        ),
    ],
)
def test_estimators_that_do_not_decode(X, estimator, lacks):
    with pytest.raises(TypeError, match=f"estimator must have transform .*, got {lacks}"):
        from_estimator(estimator, X)


@pytest.mark.parametrize("estimator", [PCA(), AutoencoderTransformer()])
def test_estimators_not_fitted(X, estimator):
    with pytest.raises(NotFittedError):
        from_estimator(estimator, X)


@pytest.mark.parametrize("figure", ["left", 3, "axes"])
def test_figures_that_are_none(figure):
    figure = plt.subplots()[1] if figure == "axes" else figure
    with pytest.raises(TypeError, match="fig must be None or a matplotlib Figure, got"):
        draw(np.ones((1, 2, 4)), fig=figure)


def test_matplotlib_is_not_installed(X, monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot", "matplotlib.axes"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "skae\[plots\]"'):
        from_estimator(Identity().fit(X), X)


def test_nothing_is_shown(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("the picture was shown"))
    draw(np.ones((1, 2, 4)))
