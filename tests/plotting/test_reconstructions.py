"""The picture of what an estimator makes of samples."""

import pickle
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pyarrow
import pytest
import scipy.sparse as sp
import torch
from matplotlib.colors import same_color
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae.architectures import Convolutional, Recurrent, Transformer
from skae.plotting import ReconstructionsDisplay

pytestmark = pytest.mark.usefixtures("figures_are_closed")

ROWS = np.random.default_rng(0).uniform(size=(20, 64))


class Half(BaseEstimator):
    """An estimator whose reconstructions are half of what it is shown."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def reconstruct(self, X):
        if sp.issparse(X):
            X = X.toarray()
        return np.asarray(X.detach() if isinstance(X, torch.Tensor) else X) / 2


class Parts(Half):
    """The same by way of a code."""

    reconstruct = property()

    def transform(self, X):
        return np.asarray(X) / 8

    def inverse_transform(self, Z):
        return 4 * Z


class Architecture:
    def __init__(self, input_shape, channel_axis=0):
        self.input_shape, self.channel_axis = input_shape, channel_axis


def half(architecture=None, sample_shape=None):
    estimator = Half().fit(None)
    if architecture is not None:
        estimator.architecture_ = architecture
    if sample_shape is not None:
        estimator.sample_shape_ = sample_shape
    return estimator


def draw(X, estimator=None, **kwargs):
    estimator = half() if estimator is None else estimator
    display = ReconstructionsDisplay.from_estimator(estimator, X, **kwargs)
    display.figure_.canvas.draw()
    return display


def images(display, row):
    return np.array([np.asarray(ax.images[0].get_array()) for ax in display.axes_[row]])


def titles(display):
    return [row[0].get_title(loc="left") for row in display.axes_]


def lines(ax):
    return [line.get_ydata() for line in ax.lines]


def entries(display):
    return [text.get_text() for text in display.figure_.legends[0].get_texts()]


def test_images_are_originals_and_reconstructions():
    X = ROWS[:5].reshape(5, 4, 16)
    display = draw(X, series=False)
    assert display.axes_.shape == (2, 5)
    assert titles(display) == ["original", "reconstruction"]
    np.testing.assert_array_equal(images(display, 0), X)
    np.testing.assert_array_equal(images(display, 1), X / 2)


def test_corrupted_samples_are_shown_to_the_estimator():
    X, noise = ROWS[:3].reshape(3, 8, 8), np.ones((3, 8, 8))
    display = draw(X, corrupted=noise, series=False)
    assert titles(display) == ["original", "corrupted input", "reconstruction"]
    for row, expected in enumerate([X, noise, noise / 2]):
        np.testing.assert_array_equal(images(display, row), expected)


@pytest.mark.slow
def test_samples_are_drawn_at_random():
    def positions(**kwargs):
        shown = draw(ROWS, n_samples=6, **kwargs).originals.reshape(6, 64)
        return [int(np.flatnonzero((row == ROWS).all(axis=1))[0]) for row in shown]

    first = positions(random_state=0)
    assert first == sorted(set(first))
    assert first == positions(random_state=0)
    assert first == positions(random_state=np.random.RandomState(0))
    assert first != positions(random_state=1)
    assert len({tuple(positions()) for _ in range(5)}) > 1


def test_corrupted_samples_are_those_of_the_originals():
    display = draw(ROWS, corrupted=ROWS + 1, n_samples=6, random_state=3)
    np.testing.assert_array_equal(display.corrupted, display.originals + 1)
    np.testing.assert_array_equal(display.reconstructions, display.corrupted / 2)


@pytest.mark.parametrize("n_samples", [20, 21, 500])
def test_all_samples_in_order(n_samples):
    display = draw(ROWS, n_samples=n_samples)
    np.testing.assert_array_equal(display.originals.reshape(20, 64), ROWS)


def test_one_sample():
    assert draw(ROWS[:1]).axes_.shape == (2, 1)
    assert draw(ROWS[:1], sample_shape=(64,)).axes_.shape == (1, 1)


@pytest.mark.parametrize(
    "convert",
    [
        pd.DataFrame,
        np.ndarray.tolist,
        sp.csr_array,
        sp.csc_matrix,
        sp.coo_array,
        torch.tensor,
        lambda X: torch.tensor(X, requires_grad=True),
        lambda X: pl.DataFrame(X, [f"p{j}" for j in range(64)]),
        lambda X: pd.DataFrame(X, index=np.arange(20)[::-1] + 5),
    ],
)
def test_containers(convert):
    display = draw(convert(ROWS), corrupted=convert(ROWS), n_samples=4, random_state=0)
    expected = draw(ROWS, n_samples=4, random_state=0)
    np.testing.assert_array_equal(display.originals, expected.originals)
    np.testing.assert_array_equal(display.corrupted, expected.originals)
    np.testing.assert_array_equal(display.reconstructions, expected.reconstructions)


def test_nested_lists():
    X = ROWS.reshape(20, 8, 8).tolist()
    np.testing.assert_array_equal(draw(X, series=False).originals.shape, (8, 8, 8))


@pytest.mark.parametrize(
    ("shape", "estimator", "parameters", "panel"),
    [
        ((64,), None, {}, (8, 8)),
        ((9,), None, {}, None),
        ((49,), None, {}, None),
        ((4,), None, {}, None),
        ((30,), None, {}, None),
        ((64,), None, {"sample_shape": (64,)}, None),
        ((64,), None, {"sample_shape": [4, 16]}, (4, 16)),
        ((64,), None, {"sample_shape": (1, 4, 16)}, (4, 16)),
        ((4, 16), None, {}, (4, 16)),
        ((8, 2), None, {}, None),
        ((8, 2), None, {"series": False}, (8, 2)),
        ((8, 3), None, {}, None),
        ((8, 4), None, {}, (8, 4)),
        ((4, 16), None, {"series": True}, None),
        ((1, 4, 16), None, {}, (4, 16)),
        ((4, 16, 1), None, {}, (4, 16)),
        ((3, 5, 7), None, {}, (5, 7, 3)),
        ((5, 7, 3), None, {}, (5, 7, 3)),
        ((3, 5, 3), None, {}, (5, 3, 3)),
        ((64,), {"sample_shape": (4, 16)}, {}, (4, 16)),
        ((64,), {"sample_shape": (64,)}, {}, (8, 8)),
        ((4, 16), {"sample_shape": (1, 16, 4)}, {}, (4, 16)),
        ((64,), {"architecture": Architecture((1, 4, 16))}, {}, (4, 16)),
        ((64,), {"architecture": Architecture((4, 16), None)}, {}, (4, 16)),
        ((64,), {"architecture": Architecture((1, 64))}, {}, None),
        ((64,), {"architecture": Architecture((64, 1), -1)}, {}, None),
        ((8, 2), {"architecture": Architecture((8, 2), None)}, {}, (8, 2)),
        ((64,), {"architecture": Architecture("auto")}, {}, (8, 8)),
        ((64,), {"architecture": Architecture((1, 64))}, {"sample_shape": (8, 8)}, (8, 8)),
        ((4, 4), {"architecture": Architecture((4, 4))}, {}, None),
        ((4, 16), {"architecture": Architecture((4, 16))}, {"series": False}, (4, 16)),
        ((6, 8), {"architecture": Architecture((6, 8), "auto")}, {}, (6, 8)),
        ((8, 3), {"architecture": Architecture((8, 3), "auto")}, {}, None),
        ((64,), {"architecture": Architecture((64,))}, {}, (8, 8)),
        ((64,), {"architecture": Architecture((1, 4, 16))}, {"sample_shape": (4, 4, 4)}, "refused"),
    ],
)
def test_shape_of_a_sample(shape, estimator, parameters, panel):
    X = np.random.default_rng(0).uniform(size=(3, *shape))
    if panel == "refused":
        with pytest.raises(ValueError, match=r"samples must be images .* got shape \(4, 4, 4\)"):
            draw(X, half(**estimator or {}), **parameters)
        return
    display = draw(X, half(**estimator or {}), **parameters)
    if panel is None:
        assert display.axes_.shape == (1, 3)
        assert not display.axes_[0, 0].images
    else:
        assert images(display, 0).shape == (3, *panel)


@pytest.mark.parametrize("channel_axis", [0, -1])
def test_channels_of_series(channel_axis):
    X = np.random.default_rng(0).uniform(size=(3, 5, 7))
    display = draw(X, half(Architecture((5, 7), channel_axis)))
    channels = X[1] if channel_axis == 0 else X[1].T
    expected = [*channels, *channels / 2]
    for drawn, line in zip(lines(display.axes_[0, 1]), expected, strict=True):
        np.testing.assert_array_equal(drawn, line)
    colours = [line.get_color() for line in display.axes_[0, 1].lines]
    n = len(channels)
    assert colours[:n] == colours[n:]
    assert len(set(colours[:n])) == n


def test_colours_are_taken_apart_by_channels():
    X = np.random.default_rng(0).uniform(size=(2, 3, 4, 5))
    np.testing.assert_array_equal(images(draw(X), 0), np.moveaxis(X, 1, -1))


@pytest.mark.slow
def test_grey_images_share_a_scale():
    X = ROWS.reshape(20, 8, 8) * 7 - 3
    display = draw(X, corrupted=X * 100, series=False, n_samples=20)
    limits = {ax.images[0].get_clim() for ax in display.axes_.ravel()}
    assert limits == {(X.min(), X.max())}


@pytest.mark.parametrize(
    ("low", "high", "dtype", "black", "white"),
    [
        (0, 0.5, float, 0, 1),
        (0, 1, np.float32, 0, 1),
        (0, 200, float, 0, 255),
        (0, 255, np.uint8, 0, 255),
        (0, 1, np.uint8, 0, 255),
        (-2, 2, float, -2, 2),
        (0, 1000, float, 0, 1000),
        (-3, -3, float, -3, -2),
    ],
)
def test_range_of_colours(low, high, dtype, black, white):
    X = np.full((2, 4, 4, 3), low, dtype=dtype)
    X[:, :2] = high
    noise = np.linspace(-500, 1500, X.size).reshape(X.shape)
    display = draw(X, corrupted=noise)
    np.testing.assert_allclose(images(display, 0), (X - float(black)) / (white - black))
    expected = np.clip((noise - black) / (white - black), 0, 1)
    np.testing.assert_allclose(images(display, 1), expected)


def test_nothing_is_logged_of_colours_out_of_range(caplog):
    X = np.random.default_rng(0).uniform(size=(2, 4, 4, 3))
    draw(X, corrupted=9 * X - 4)
    assert not caplog.records


@pytest.mark.parametrize("n_features", [4, 9, 15, 49])
def test_rows_are_series_of_one_channel(n_features):
    display = draw(ROWS[:, :n_features])
    assert len(display.axes_[0, 0].lines) == 2
    assert display.originals.shape == (8, n_features)


def test_rows_of_another_length_are_refused_by_the_estimator():
    ae = AutoencoderTransformer(n_components=2, max_epochs=1, random_state=0)
    with pytest.raises(ValueError, match="X has 15 features, but AutoencoderTransformer is expect"):
        draw(ROWS[:, :15], ae.fit(ROWS.reshape(20, 4, 16)))


def test_constant_grey_images():
    assert draw(np.zeros((2, 4, 4)), series=False).axes_.shape == (2, 2)


def test_series_have_a_panel_each():
    X = np.random.default_rng(0).normal(size=(6, 10))
    display = draw(X, corrupted=-X)
    assert display.axes_.shape == (1, 6)
    assert entries(display) == ["original", "corrupted input", "reconstruction"]
    for ax, row in zip(display.axes_[0], X, strict=True):
        for drawn, expected in zip(lines(ax), [row, -row, -row / 2], strict=True):
            np.testing.assert_array_equal(drawn, expected)
    assert len({ax.get_ylim() for ax in display.axes_[0]}) == 1
    assert len(display.figure_.axes) == 6  # no empty panels


def test_steps_are_written_below_the_last_panel_of_each_column():
    display = draw(np.random.default_rng(0).normal(size=(6, 10)))
    written = [
        any(label.get_visible() for label in ax.get_xticklabels()) for ax in display.axes_[0]
    ]
    assert written == [False, False, True, True, True, True]


def test_titles_do_not_overlap_images():
    display = draw(ROWS, corrupted=ROWS)
    for above, below in zip(display.axes_[:-1], display.axes_[1:], strict=True):
        title = below[0]._left_title.get_window_extent()
        assert title.y1 <= above[0].get_window_extent().y0
        assert title.x1 <= display.figure_.bbox.x1


def test_figure_of_the_user():
    figure = plt.figure()
    upper, lower = figure.subfigures(2, 1)
    display = draw(ROWS, fig=lower)
    assert display.figure_ is lower
    assert not upper.axes
    assert display.plot(fig=upper) is display
    assert display.figure_ is upper
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("layout", [None, "tight", "constrained"])
@pytest.mark.parametrize("sample_shape", [(64,), (8, 8)])
def test_layouts_of_the_user(layout, sample_shape):
    draw(ROWS, fig=plt.figure(layout=layout), sample_shape=sample_shape)


def test_keywords_go_to_the_images():
    display = draw(ROWS, cmap="viridis", vmax=2)
    assert display.axes_[1, 0].images[0].get_cmap().name == "viridis"
    assert display.axes_[1, 0].images[0].get_clim()[1] == 2


@pytest.mark.parametrize("keywords", [{"color": "red", "linewidth": 5}, {"c": "red", "lw": 5}])
def test_keywords_go_to_the_lines(keywords):
    for line in draw(ROWS, sample_shape=(64,), **keywords).axes_[0, 0].lines:
        assert same_color(line.get_color(), "red")
        assert line.get_linewidth() == 5


def test_plot_of_arrays():
    X = ROWS[:3].reshape(3, 8, 8)
    assert ReconstructionsDisplay(X, X / 2).plot().axes_.shape == (2, 3)
    assert ReconstructionsDisplay(X.tolist(), X / 2, X, series=True).plot().axes_.shape == (1, 3)
    assert ReconstructionsDisplay(ROWS[:3], ROWS[:3]).plot().axes_.shape == (1, 3)


@pytest.mark.parametrize("sample_shape", [(64,), (8, 8)])
def test_display_can_be_pickled(sample_shape):
    display = draw(ROWS, sample_shape=sample_shape)
    again = pickle.loads(pickle.dumps(display))
    assert again.axes_.shape == display.axes_.shape
    again.figure_.canvas.draw()


def test_global_generator_is_left_alone():
    before = np.random.get_state()[1].copy()
    draw(ROWS)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("n_samples", [0, -1, 2.0, True, None, "all"])
def test_n_samples_out_of_range(n_samples):
    with pytest.raises(ValueError, match="n_samples must be an integer >= 1, got"):
        draw(ROWS, n_samples=n_samples)
    assert not plt.get_fignums()


@pytest.mark.parametrize("sample_shape", [(4, 5), 16, (8.0, 8.0), (-8, -8), (True, 64), "ab", ()])
def test_sample_shape_out_of_range(sample_shape):
    sentence = "sample_shape must be a tuple of integers >= 1 whose product is .* 64, got"
    with pytest.raises(ValueError, match=sentence):
        draw(ROWS, sample_shape=sample_shape)


def test_series_of_another_type():
    with pytest.raises(ValueError, match="series must be True, False or None, got 'yes'"):
        draw(ROWS, series="yes")


@pytest.mark.parametrize("shape", [(2, 4, 4), (4, 4, 2), (2, 2, 3, 4)])
def test_samples_that_are_neither_images_nor_series(shape):
    with pytest.raises(ValueError, match=r"samples must be images of shape .* got shape \("):
        draw(np.ones((2, *shape)))
    assert not plt.get_fignums()


def test_corrupted_of_another_number():
    with pytest.raises(ValueError, match="corrupted must have as many samples as X, got 3 and 20"):
        draw(ROWS, corrupted=ROWS[:3])


def test_corrupted_of_another_size():
    with pytest.raises(ValueError, match=r"must contain samples of 64 values, .* got .* \(8, 9\)"):
        draw(ROWS, corrupted=ROWS[:, :9])


def test_words():
    table = pd.DataFrame({"a": list("xyz"), "b": 1.0})

    class Words(Half):
        def reconstruct(self, X):
            return np.ones((3, 2))

    with pytest.raises(ValueError, match="X must contain numbers to be drawn, but could not"):
        draw(table, Words().fit(None))


@pytest.mark.parametrize("name", ["originals", "reconstructions", "corrupted"])
@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_samples_that_are_not_finite(name, broken):
    X = {each: np.ones((2, 4, 4)) for each in ("originals", "reconstructions", "corrupted")}
    X[name][1, 0, 0] = broken
    with pytest.raises(ValueError, match=f"{name} must be finite .* {broken} at position 16"):
        ReconstructionsDisplay(**X).plot()


def test_arrays_of_unlike_shapes():
    with pytest.raises(ValueError, match=r"reconstructions must be of shape .* got \(2, 9\)"):
        ReconstructionsDisplay(np.ones((2, 8)), np.ones((2, 9))).plot()
    with pytest.raises(ValueError, match=r"originals must be of shape .* got \(8,\)"):
        ReconstructionsDisplay(np.ones(8), np.ones(8)).plot()
    with pytest.raises(ValueError, match=r"originals must be .* not empty"):
        ReconstructionsDisplay(np.ones((0, 8)), np.ones((0, 8))).plot()


def test_estimator_without_reconstructions():
    with pytest.raises(
        TypeError, match="got LinearRegression without transform and inverse_transform"
    ):
        ReconstructionsDisplay.from_estimator(LinearRegression(), ROWS)


@pytest.mark.parametrize("estimator", [Half(), PCA(2), AutoencoderTransformer()])
def test_estimator_not_fitted(estimator):
    with pytest.raises(NotFittedError):
        ReconstructionsDisplay.from_estimator(estimator, ROWS)


def test_figure_that_is_none():
    with pytest.raises(TypeError, match="fig must be None or a matplotlib Figure, got Axes"):
        draw(ROWS, fig=plt.subplots()[1])


@pytest.mark.parametrize("sample_shape", [(64,), (8, 8)])
def test_matplotlib_is_not_installed(sample_shape, monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "skae\[plots\]"'):
        draw(ROWS, sample_shape=sample_shape)


def test_matplotlib_is_not_imported_before_it_is_needed():
    program = "import sys, skae.plotting; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_nothing_is_shown(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("shown"))
    draw(ROWS)


def test_code_and_back_without_reconstruct():
    display = draw(ROWS, Parts().fit(None))
    np.testing.assert_array_equal(display.reconstructions, display.originals / 2)


@pytest.mark.parametrize("estimator", [PCA(2), make_pipeline(StandardScaler(), PCA(2))])
@pytest.mark.parametrize("output", ["default", "pandas"])
def test_estimators_of_scikit_learn(estimator, output):
    estimator.set_output(transform=output).fit(ROWS)
    display = draw(ROWS, estimator, n_samples=20)
    expected = estimator.inverse_transform(estimator.transform(ROWS))
    np.testing.assert_allclose(display.reconstructions.reshape(20, 64), expected)


@pytest.mark.parametrize(
    "estimator",
    [
        AutoencoderTransformer(n_components=2, max_epochs=1, random_state=0),
        AutoencoderOutlierDetector(max_epochs=1, random_state=0),
    ],
)
@pytest.mark.parametrize(
    "convert",
    [
        np.asarray,
        lambda X: pd.DataFrame(X, columns=[f"p{j}" for j in range(64)]),
        lambda X: pl.DataFrame(X, [f"p{j}" for j in range(64)]),
        sp.csr_array,
        torch.tensor,
    ],
)
def test_autoencoders(estimator, convert):
    rows = convert(ROWS)
    display = draw(rows, estimator.fit(rows), n_samples=20)
    np.testing.assert_array_equal(images(display, 0).reshape(20, 64), ROWS)
    np.testing.assert_array_equal(
        display.reconstructions.reshape(20, 64), estimator.reconstruct(rows)
    )


@pytest.mark.slow
def test_autoencoder_in_a_pipeline():
    ae = AutoencoderTransformer(n_components=2, max_epochs=1, random_state=0)
    pipeline = make_pipeline(StandardScaler(), ae).fit(ROWS)
    display = draw(ROWS, pipeline, n_samples=20)
    expected = pipeline.inverse_transform(pipeline.transform(ROWS))
    np.testing.assert_allclose(display.reconstructions.reshape(20, 64), expected)


@pytest.mark.parametrize(
    ("architecture", "shape", "panels"),
    [
        (Convolutional(channels=(2,)), (3, 6, 8), (2, 8)),
        (Convolutional(input_shape=(1, 8, 8), channels=(2,)), (64,), (2, 8)),
        (Convolutional(input_shape=(1, 64), channels=(2,)), (64,), (1, 8)),
        (Convolutional(channels=(2,)), (12, 5), (1, 8)),
        (Convolutional(channels=(2,), channel_axis=None), (12, 4), (2, 8)),
        (Recurrent(hidden_size=4), (12, 6), (1, 8)),
        (Transformer(d_model=8, n_heads=2, n_layers=1), (64,), (2, 8)),
        (Transformer(d_model=8, n_heads=2, n_layers=1), (16, 2), (1, 8)),
        ("dense", (6, 6), (2, 8)),
        ("dense", (12, 2), (1, 8)),
    ],
)
def test_architectures(architecture, shape, panels):
    X = np.random.default_rng(0).uniform(size=(20, *shape))
    ae = AutoencoderTransformer(
        n_components=2, architecture=architecture, max_epochs=1, random_state=0
    ).fit(X)
    display = draw(X, ae, corrupted=None, random_state=0)
    assert display.axes_.shape == panels
    flat = draw(X.reshape(20, -1), ae, random_state=0)
    assert flat.axes_.shape == panels
    np.testing.assert_array_equal(flat.reconstructions, display.reconstructions)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.uint8])
def test_tensors_that_numpy_has_no_dtype_for_and_bytes(dtype):
    class Ones(Half):
        def reconstruct(self, X):
            return torch.ones(X.shape, dtype=dtype)

    display = draw(torch.ones(2, 64, dtype=dtype), Ones().fit(None))
    np.testing.assert_array_equal(images(display, 1), np.ones((2, 8, 8)))


def test_tables_of_pyarrow():
    table = pyarrow.table({f"pixel {i}": ROWS[:, i] for i in range(ROWS.shape[1])})
    ae = AutoencoderTransformer(2, max_epochs=1, random_state=0).fit(table)
    display = ReconstructionsDisplay.from_estimator(ae, table, n_samples=3, random_state=0)
    assert {tuple(np.ravel(sample)) for sample in display.originals} <= set(map(tuple, ROWS))
