"""The picture of what is lost at which rate."""

import pickle
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import same_color
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer
from skae.compression import rate_distortion_curve
from skae.plotting import RateDistortionDisplay

pytestmark = pytest.mark.usefixtures("figures_are_closed")

X = load_digits().data
TRAIN, TEST = X[:1500], X[1500:]


def draw(rate=(0.4, 0.1, 0.2), psnr=(30.0, 20.0, 26.0), ax=None, name=None, **line_kw):
    display = RateDistortionDisplay(rate, psnr, estimator_name=name).plot(ax, **line_kw)
    display.figure_.canvas.draw()
    return display


def entries(display):
    return [text.get_text() for text in display.legend_.get_texts()]


def test_line_goes_from_the_lowest_rate_on():
    display = draw()
    np.testing.assert_array_equal(display.line_.get_xdata(), [0.1, 0.2, 0.4])
    np.testing.assert_array_equal(display.line_.get_ydata(), [20, 26, 30])


def test_names():
    display = draw()
    assert display.ax_.get_xlabel() == "bits per value"
    assert display.ax_.get_ylabel() == "PSNR in dB"
    assert entries(display) == ["autoencoder"]
    assert entries(draw(name="a $ b $ " + 40 * "c"))[0].startswith(r"a \$ b \$")


def test_attributes_are_the_parameters():
    display = RateDistortionDisplay([1.0], [2.0], estimator_name="x")
    assert (display.rate, display.psnr, display.estimator_name) == ([1.0], [2.0], "x")


def test_several_on_the_same_axes():
    first = draw(name="one")
    second = draw(psnr=(29, 19, 25), ax=first.ax_, name="two")
    assert second.ax_ is first.ax_
    assert second.figure_ is first.figure_
    assert entries(second) == ["one", "two"]
    assert not same_color(first.line_.get_color(), second.line_.get_color())
    assert len(plt.get_fignums()) == 1


def test_looks_are_passed_on():
    display = draw(color="C5", linestyle=":", label="mine")
    assert same_color(display.line_.get_color(), "C5")
    assert display.line_.get_linestyle() == ":"
    assert entries(display) == ["mine"]


def test_from_estimator_draws_the_curve():
    pca = PCA(20, random_state=0).fit(TRAIN)
    display = RateDistortionDisplay.from_estimator(
        pca, TRAIN, TEST, steps=[4.0, 8.0], clip=False, data_range=20.0, linewidth=4
    )
    curve = rate_distortion_curve(
        pca, TRAIN, TEST, steps=[4.0, 8.0], clip=False, data_range=20.0
    ).sort_values("rate")
    np.testing.assert_array_equal(display.line_.get_xdata(), curve["rate"])
    np.testing.assert_array_equal(display.line_.get_ydata(), curve["psnr"])
    assert display.line_.get_linewidth() == 4
    assert entries(display) == ["PCA"]


def test_from_estimator_beside_pca():
    ae = AutoencoderTransformer(32, kind="compressive", max_epochs=5, random_state=0)
    display = RateDistortionDisplay.from_estimator(ae, TRAIN, name="mine")
    other = RateDistortionDisplay.from_estimator(PCA(32), TRAIN, ax=display.ax_)
    assert entries(other) == ["mine", "PCA"]
    assert len(display.line_.get_xdata()) == 9


def test_axes_are_checked_before_the_fit(monkeypatch):
    monkeypatch.setattr(PCA, "fit", lambda *args: pytest.fail("fitted"))
    with pytest.raises(TypeError, match="ax must be None or matplotlib Axes, got str"):
        RateDistortionDisplay.from_estimator(PCA(3), TRAIN, ax="axes")


@pytest.mark.parametrize(
    ("rate", "psnr", "message"),
    [
        ([1, 2], [3], "psnr must have one value for each of 2 rates, got 1"),
        ([], [], "rate must be one-dimensional and not empty"),
        ([[1]], [1], "rate must be one-dimensional"),
        ([np.nan], [1], "rate must be finite numbers"),
        ([1, 2], [3, np.inf], "psnr must be finite numbers, got inf at position 1"),
    ],
)
def test_bad_numbers(rate, psnr, message):
    with pytest.raises(ValueError, match=message):
        RateDistortionDisplay(rate, psnr).plot()


def test_nothing_is_shown(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("shown"))
    draw()


def test_display_can_be_pickled():
    loaded = pickle.loads(pickle.dumps(draw()))
    np.testing.assert_array_equal(loaded.line_.get_xdata(), [0.1, 0.2, 0.4])


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "skae\[plots\]"'):
        RateDistortionDisplay([1.0], [2.0]).plot()
