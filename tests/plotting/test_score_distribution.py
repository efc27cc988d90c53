"""The picture of how the scores of rows are distributed."""

import pickle
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from matplotlib.colors import same_color
from sklearn.base import BaseEstimator
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

from skae import AutoencoderOutlierDetector
from skae.plotting import ScoreDistributionDisplay

pytestmark = pytest.mark.usefixtures("figures_are_closed")

MINUS = "\N{MINUS SIGN}"


class FirstColumn(BaseEstimator):
    """A detector whose anomaly score is the first column."""

    def fit(self, X, y=None):
        self.offset_ = -4.0
        return self

    def score_samples(self, X):
        X = X.toarray() if sp.issparse(X) else np.asarray(X)
        return -X[:, 0]


@pytest.fixture(name="scores")
def positive_scores():
    return np.random.default_rng(0).lognormal(size=500)


def draw(scores, threshold=4.0, labels=None, **kwargs):
    display = ScoreDistributionDisplay(scores, threshold, labels).plot(**kwargs)
    display.figure_.canvas.draw()
    return display


def entries(display):
    return [text.get_text() for text in display.legend_.get_texts()]


def counts(display):
    """Return the heights of the bars of each group, drawn with histtype="bar"."""
    return [[bar.get_height() for bar in bars] for bars in display.histograms_]


def ticks(axis):
    low, high = sorted(axis.get_view_interval())
    shown = zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)
    return [label.get_text() for place, label in shown if low <= place <= high]


def test_every_row_is_counted_once(scores):
    display = draw(scores, histtype="bar", bins=13)
    (heights,) = counts(display)
    assert len(heights) == 13
    assert sum(heights) == 500


def test_bins_are_equally_wide_on_a_logarithmic_axis(scores):
    display = draw(scores, histtype="bar", bins=7)
    assert display.ax_.get_xscale() == "log"
    ends = np.array(
        [[bar.get_x(), bar.get_x() + bar.get_width()] for bar in display.histograms_[0]]
    )
    np.testing.assert_allclose(np.diff(np.log10(ends)), np.log10(np.ptp(ends) / ends[0, 0] + 1) / 7)
    assert ends[0, 0] == pytest.approx(scores.min())
    assert ends[-1, 1] == pytest.approx(scores.max())


@pytest.mark.parametrize("least", [-3.0, 0.0])
def test_axis_is_linear_where_a_score_is_not_positive(scores, least):
    display = draw(np.append(scores, least), histtype="bar", bins=8)
    assert display.ax_.get_xscale() == "linear"
    widths = [bar.get_width() for bar in display.histograms_[0]]
    np.testing.assert_allclose(widths, (scores.max() - least) / 8)
    assert sum(counts(display)[0]) == 501


@pytest.mark.parametrize("histtype", ["stepfilled", "step", "bar"])
def test_kinds_of_histograms(scores, histtype):
    assert len(draw(scores, labels=scores > 1, histtype=histtype).histograms_) == 2


def test_threshold_line(scores):
    display = draw(scores, threshold=4.0)
    assert set(display.line_.get_xdata()) == {4.0}
    assert display.line_.get_linestyle() == "--"
    share = f"{100 * np.mean(scores > 4):.3g}%"
    assert entries(display) == [f"threshold 4: {share} of 500 rows beyond"]


def test_a_row_at_the_threshold_is_not_beyond():
    display = draw([1.0, 2.0, 4.0, 8.0], threshold=4.0)
    assert entries(display) == ["threshold 4: 25% of 4 rows beyond"]


def test_line_ends_below_the_legend(scores):
    display = draw(scores, labels=scores > 1)
    box = display.legend_.get_window_extent()
    top = display.ax_.transAxes.transform((0, display.line_.get_ydata()[1]))[1]
    assert 0 < top < box.y0


@pytest.mark.parametrize("log", [True, False])
def test_bars_end_below_the_legend(scores, log):
    display = draw(scores, labels=scores > 1, histtype="bar", log=log)
    box = display.legend_.get_window_extent()
    highest = max(map(max, counts(display)))
    assert display.ax_.transData.transform((1, highest))[1] < box.y0


def test_groups(scores):
    y = np.where(scores > 3, "odd", "plain")
    display = draw(scores, 4.0, y, histtype="bar")
    n_odd = int((scores > 3).sum())
    share = f"{100 * np.mean(scores[scores > 3] > 4):.3g}%"
    assert entries(display) == [
        f"odd: {n_odd} rows, {share} beyond",
        f"plain: {500 - n_odd} rows, 0% beyond",
        "threshold 4",
    ]
    assert [sum(heights) for heights in counts(display)] == [n_odd, 500 - n_odd]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([1, -1], ["normal", "anomaly"]),
        ([-1.0, 1.0], ["normal", "anomaly"]),
        ([-1, -1], ["anomaly"]),
        ([1, 1], ["1"]),
        ([0, 1], ["0", "1"]),
        ([1, 0], ["0", "1"]),
        ([-1, 0, 1], ["-1", "0", "1"]),
        ([True, False], ["False", "True"]),
        (["b", "a"], ["a", "b"]),
        (["_hidden", "$a$"], [r"\$a\$", "_hidden"]),
        (np.array(["a", 3, 20], dtype=object), ["20", "3", "a"]),
        (pd.Categorical(["high", "low"]), ["high", "low"]),
    ],
)
def test_names_of_groups(values, names):
    repeated = np.resize(np.asarray(values), 60)
    display = draw(np.linspace(1, 9, 60), labels=repeated)
    assert [entry.split(":")[0].strip() for entry in entries(display)[:-1]] == names
    assert len(display.histograms_) == len(names)


def test_groups_whose_short_names_are_the_same():
    names = [f"{'sensor ' * 9}{middle}{' of plant' * 9}" for middle in ("left", "right")]
    display = draw([1.0, 2.0, 3.0, 4.0], labels=names * 2)
    assert len(display.histograms_) == 2
    assert len(set(entries(display)[:2])) == 1


def test_a_group_of_one_row():
    display = draw([1.0, 2.0, 3.0], labels=[0, 0, 1])
    assert entries(display)[1] == "1: 1 row, 0% beyond"


def test_counts_are_logarithmic_where_groups_are_unlike():
    rng = np.random.default_rng(0)
    scores = np.r_[rng.lognormal(size=10_000), rng.lognormal(3, size=20)]
    display = draw(scores, labels=np.repeat([1, -1], [10_000, 20]))
    assert display.ax_.get_yscale() == "log"
    low, high = display.ax_.get_ylim()
    assert low < 1  # a bar of one row is seen
    assert high > 100
    assert display.ax_.get_ylabel() == "rows"


def test_counts_are_linear_where_all_bars_are_seen():
    display = draw(np.random.default_rng(0).uniform(1, 2, 1000))
    assert display.ax_.get_yscale() == "linear"
    assert display.ax_.get_ylim()[0] == 0


@pytest.mark.parametrize("log", [True, False])
def test_scale_of_the_counts_can_be_chosen(scores, log):
    assert draw(scores, log=log).ax_.get_yscale() == ("log" if log else "linear")


@pytest.mark.parametrize(("shift", "label"), [(0, "density per decade"), (-50, "density")])
def test_densities_have_the_same_area(scores, shift, label):
    y = np.arange(500) < 450
    display = draw(scores + shift, labels=y, density=True, histtype="bar", bins=20)
    assert display.ax_.get_yscale() == "linear"
    assert display.ax_.get_ylabel() == label
    for bars in display.histograms_:
        ends = np.array([[bar.get_x(), bar.get_x() + bar.get_width()] for bar in bars])
        widths = np.diff(np.log10(ends) if shift == 0 else ends)[:, 0]
        assert widths @ [bar.get_height() for bar in bars] == pytest.approx(1)


@pytest.mark.parametrize(
    ("scores", "n_bins"),
    [
        (np.linspace(0, 1, 50), 20),
        (np.r_[np.random.default_rng(0).normal(size=1000), 1e12], 80),
        (np.r_[np.zeros(100), 1.0], 20),
    ],
)
def test_limits_of_automatic_bins(scores, n_bins):
    assert len(draw(scores, histtype="bar").histograms_[0]) == n_bins


@pytest.mark.parametrize("size", [1000, 3000, 10_000])
def test_automatic_bins_follow_freedman_and_diaconis(size):
    scores = np.random.default_rng(0).normal(size=size)
    expected = np.histogram_bin_edges(scores, "fd")
    for shown in (scores, 10**scores):
        bars = draw(shown, histtype="bar", log=False).histograms_[0]
        np.testing.assert_allclose(len(bars), len(expected) - 1)


@pytest.mark.parametrize(
    "scores",
    [
        [3.0],
        [3.0, 3.0],
        [3.0, np.nextafter(3.0, 4)],
        [0.0, 0.0],
        [-5.0, -5.0],
        [1e300, 1e300],
        [-1e300, 1e300],
        [1e-300, 1e300],
        [1e16, 1e16 + 2],
        [5e-324, 1.0],
    ],
)
@pytest.mark.parametrize("threshold", [2.0, -np.inf, np.inf, 1e299, 0.0, -7.0])
def test_extremes_can_be_drawn(scores, threshold):
    display = draw(scores, threshold, histtype="bar")
    assert sum(counts(display)[0]) == len(scores)
    assert all(bar.get_width() > 0 for bar in display.histograms_[0])
    assert not np.isinf(display.line_.get_xdata()).any()
    beyond = f"{100 * np.mean(np.greater(scores, threshold)):.3g}%"
    assert f": {beyond} of {len(scores)} rows beyond" in entries(display)[0]


@pytest.mark.parametrize(
    ("factors", "texts"),
    [
        ([1.0, 1000.0], ["1", "10", "100", "1,000"]),
        ([1.0, 90.0], ["1", "2", "5", "10", "20", "50", "100"]),
        ([1.0, 3.0], ["1.0", "1.5", "2.0", "2.5", "3.0"]),
    ],
)
def test_ticks_are_numbers(factors, texts):
    display = draw(np.geomspace(*factors, 100), threshold=factors[1])
    assert ticks(display.ax_.xaxis) == texts
    assert not any(label.get_text() for label in display.ax_.get_xticklabels(minor=True))


def test_ticks_of_counts_are_whole_numbers():
    display = draw(np.r_[np.full(500, 1.0), np.geomspace(1, 100, 40)])
    assert display.ax_.get_yscale() == "log"
    assert ticks(display.ax_.yaxis)[:4] == ["1", "2", "5", "10"]


def test_axes_of_the_user(scores):
    figure, (left, right) = plt.subplots(1, 2)
    detector = FirstColumn().fit(scores[:, None])
    display = ScoreDistributionDisplay.from_estimator(detector, scores[:, None], ax=right)
    assert display.ax_ is right
    assert display.figure_ is figure
    assert not left.patches
    assert display.plot(left) is display
    assert display.ax_ is left
    assert plt.get_fignums() == [figure.number]


def test_groups_have_colours_of_their_own(scores):
    (one,), (other,) = draw(scores, labels=scores > 1).histograms_
    assert not same_color(one.get_facecolor(), other.get_facecolor())
    assert one.get_facecolor()[3] < 1  # they are seen through each other


def test_keywords_go_to_the_histograms(scores):
    display = draw(scores, color="red", alpha=0.5, linewidth=3)
    ((polygon,),) = [display.histograms_[0]]
    assert same_color(polygon.get_facecolor(), ("red", 0.5))
    assert polygon.get_linewidth() == 3


@pytest.mark.parametrize(
    "convert",
    [sp.csr_array, pd.DataFrame, np.ndarray.tolist, lambda X: pl.DataFrame(X, ["a", "b"])],
)
def test_containers(convert):
    X = np.array([[1.0, 0], [2.0, 3], [5.0, 0], [7.0, 2]])
    detector = FirstColumn().fit(X)
    y = pd.Series([1, 1, -1, -1], index=[7, 3, 9, 1])
    display = ScoreDistributionDisplay.from_estimator(detector, convert(X), y)
    assert np.array_equal(display.scores, X[:, 0])
    assert display.threshold == 4
    assert entries(display)[:2] == [
        "normal: 2 rows, 0% beyond",
        "anomaly: 2 rows, 100% beyond",
    ]


def test_parameters_reach_the_picture(scores):
    X = scores[:, None]
    display = ScoreDistributionDisplay.from_estimator(
        FirstColumn().fit(X), X, scores > 1, bins=5, histtype="bar", color="red"
    )
    assert [len(bars) for bars in display.histograms_] == [5, 5]
    assert same_color(display.histograms_[1][0].get_edgecolor(), "red")


def test_offset_in_an_array(scores):
    detector = FirstColumn().fit(None)
    detector.offset_ = np.array([-4.0])  # as in sklearn.svm.OneClassSVM
    assert ScoreDistributionDisplay.from_estimator(detector, scores[:, None]).threshold == 4.0


def test_display_can_be_pickled(scores):
    display = draw(scores, labels=scores > 1)
    assert entries(pickle.loads(pickle.dumps(display))) == entries(display)


@pytest.mark.parametrize("y", [[1, -1], np.ones((3, 1)), np.ones((1, 3)), 1, "abc"])
def test_y_of_another_shape(y):
    X = np.ones((3, 1))
    with pytest.raises(ValueError, match=r"y must have one value for each of 3 rows, got .* shape"):
        ScoreDistributionDisplay.from_estimator(FirstColumn().fit(X), X, y)
    with pytest.raises(ValueError, match="labels must have one value for each of 3 rows, got"):
        draw([1.0, 2.0, 3.0], labels=y)
    assert not plt.get_fignums()


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
def test_y_with_missing_values(missing):
    with pytest.raises(
        ValueError, match=r"labels must have no missing values, got (nan|None|<NA>) at position 1"
    ):
        draw([1.0, 2.0, 3.0], labels=[1, missing, -1])


def test_y_with_too_many_values():
    assert len(draw(np.ones(10), labels=np.arange(10)).histograms_) == 10
    X = np.ones((11, 1))
    with pytest.raises(ValueError, match=r"y must have at most 10 different values, .*, got 11"):
        ScoreDistributionDisplay.from_estimator(FirstColumn().fit(X), X, np.linspace(0, 1, 11))


@pytest.mark.parametrize("bins", [0, -1, 2.0, "fd", None, True, [1, 2, 3]])
def test_bins_out_of_range(scores, bins):
    sentence = "bins must be 'auto' or an integer >= 1, got"
    with pytest.raises(ValueError, match=sentence):
        draw(scores, bins=bins)
    with pytest.raises(ValueError, match=sentence):
        ScoreDistributionDisplay.from_estimator(FirstColumn().fit(None), scores[:, None], bins=bins)
    assert not plt.get_fignums()


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite(broken):
    with pytest.raises(ValueError, match=f"scores must be finite .* {broken} at position 1"):
        draw([1.0, broken])


@pytest.mark.parametrize("scores", [[], np.ones((2, 2)), 1.0])
def test_scores_of_another_shape(scores):
    with pytest.raises(ValueError, match="scores must be one-dimensional and not empty, got"):
        draw(scores)


def test_estimator_without_scores():
    with pytest.raises(
        TypeError, match=r"estimator must be .*, got LinearRegression without score"
    ):
        ScoreDistributionDisplay.from_estimator(LinearRegression(), np.ones((3, 1)))


@pytest.mark.parametrize("estimator", [FirstColumn(), AutoencoderOutlierDetector()])
def test_estimator_not_fitted(estimator):
    with pytest.raises(NotFittedError):
        ScoreDistributionDisplay.from_estimator(estimator, np.ones((3, 1)))


def test_axes_that_are_none(scores):
    with pytest.raises(TypeError, match="ax must be None or matplotlib Axes, got str"):
        draw(scores, ax="left")


def test_matplotlib_is_not_installed(scores, monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot", "matplotlib.axes"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "skae\[plots\]"'):
        draw(scores)


def test_nothing_is_shown(scores, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("shown"))
    draw(scores)


@pytest.mark.parametrize(
    "detector",
    [IsolationForest(n_estimators=5, random_state=0), EllipticEnvelope(random_state=0)],
)
def test_detectors_of_scikit_learn(X, detector):
    detector.fit(X)
    display = ScoreDistributionDisplay.from_estimator(detector, X)
    share = f"{100 * np.mean(detector.predict(X) == -1):.3g}%"
    assert entries(display)[0].endswith(f": {share} of 60 rows beyond")


@pytest.mark.filterwarnings("ignore:Posterior collapse")
@pytest.mark.parametrize(
    "parameters", [{}, {"scoring": "elbo", "kind": "variational", "n_components": 2}]
)
def test_detector(X, parameters):
    detector = AutoencoderOutlierDetector(max_epochs=2, random_state=0, **parameters).fit(X)
    display = ScoreDistributionDisplay.from_estimator(detector, X, detector.predict(X))
    assert np.array_equal(display.scores, -detector.score_samples(X))
    assert display.threshold == -detector.offset_
    # A row is beyond the threshold where it is predicted to be an outlier.
    for entry in entries(display)[:-1]:
        name, share = entry.split(":")[0], entry.split(", ")[1]
        assert share == ("100% beyond" if name == "anomaly" else "0% beyond")
