"""The picture of what each feature adds to the score of a row."""

import pickle
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from matplotlib.colors import same_color
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from support.mixed_tables import mixed_table

from skae import AutoencoderOutlierDetector
from skae.plotting import FeatureContributionsDisplay

pytestmark = pytest.mark.usefixtures("figures_are_closed")

MINUS = "\N{MINUS SIGN}"
X = np.array([[1.0, -9.3, 0.0, 3.0], [-2.0, 0.5, 7.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
NAMES = ["Time", "V14", "V4", "Amount"]


class Squares(BaseEstimator):
    """A detector whose contributions are the squares of the entries, the last one negative."""

    def fit(self, X, y=None):
        self.offset_ = -50.0
        return self

    def feature_contributions(self, X):
        names = list(getattr(X, "columns", [f"x{j}" for j in range(np.shape(X)[1])]))
        X = X.toarray() if sp.issparse(X) else np.asarray(X, dtype=float)
        return pd.DataFrame(np.square(X) * np.r_[np.ones(X.shape[1] - 1), -1], columns=names)

    def score_samples(self, X):
        return -self.feature_contributions(X).to_numpy().sum(axis=1)


@pytest.fixture(name="detector")
def fitted_detector():
    return Squares().fit(X)


def draw(contributions, values=None, score=1.0, threshold=2.0, **kwargs):
    values = np.zeros(len(contributions)) if values is None else values
    return FeatureContributionsDisplay(contributions, values, score, threshold).plot(**kwargs)


def labels(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def lengths(display):
    return [bar.get_width() for bar in display.bars_]


def test_bars_of_a_row(detector):
    display = FeatureContributionsDisplay.from_estimator(detector, X, row=0)
    assert labels(display) == [f"x1 = {MINUS}9.3", "x3 = 3", "x0 = 1", "x2 = 0"]
    np.testing.assert_allclose(lengths(display), [86.49, -9, 1, 0])
    assert sum(lengths(display)) == pytest.approx(display.score)
    low, high = display.ax_.get_xlim()
    assert low < -9
    assert high > 86.49


def test_the_first_bar_is_on_top(detector):
    display = FeatureContributionsDisplay.from_estimator(detector, X, row=0)
    bottom, top = display.ax_.get_ylim()
    assert bottom > top  # the axis points down, and bars are counted from zero
    assert [bar.get_y() + bar.get_height() / 2 for bar in display.bars_] == [0, 1, 2, 3]


def test_sides_have_colours_of_their_own(detector):
    display = FeatureContributionsDisplay.from_estimator(detector, X, row=0)
    up, down, again, _ = [bar.get_facecolor() for bar in display.bars_]
    assert same_color(up, again)
    assert not same_color(up, down)


def test_numbers_stand_at_the_bars(detector):
    display = FeatureContributionsDisplay.from_estimator(detector, X, row=0)
    assert [text.get_text() for text in display.ax_.texts] == ["86.5", f"{MINUS}9", "1", "0"]


def test_other_features_are_summed(detector):
    display = FeatureContributionsDisplay.from_estimator(detector, X, max_features=2)
    assert labels(display)[2] == "2 other features"
    np.testing.assert_allclose(lengths(display), [86.49, -9, 1])
    assert not same_color(display.bars_[2].get_facecolor(), display.bars_[0].get_facecolor())


def test_a_single_other_feature_is_named(detector):
    display = FeatureContributionsDisplay.from_estimator(detector, X, max_features=3)
    assert labels(display)[3] == "x2 = 0"


@pytest.mark.parametrize("max_features", [4, 5, 1000, np.int64(7)])
def test_fewer_features_than_bars(detector, max_features):
    display = FeatureContributionsDisplay.from_estimator(detector, X, max_features=max_features)
    assert len(display.bars_) == 4


def test_ten_features_by_default():
    display = draw(np.arange(30.0))
    assert len(display.bars_) == 11
    assert labels(display)[0] == "x29 = 0"
    assert labels(display)[-1] == "20 other features"


@pytest.mark.parametrize(
    ("row", "title"),
    [
        (0, "Row 0 is an outlier\nanomaly score 78.5, threshold 50"),
        (1, "Row 1 is an outlier\nanomaly score 53.2, threshold 50"),
        (2, "Row 2 is not an outlier\nanomaly score 0, threshold 50"),
        (-1, "Row 2 is not an outlier\nanomaly score 0, threshold 50"),
        (np.int64(-3), "Row 0 is an outlier\nanomaly score 78.5, threshold 50"),
    ],
)
def test_title(detector, row, title):
    display = FeatureContributionsDisplay.from_estimator(detector, X, row=row)
    assert display.ax_.get_title("left") == title


def test_title_without_a_name():
    assert draw([1.0]).ax_.get_title("left").startswith("Not an outlier\n")
    assert draw([1.0], score=3).ax_.get_title("left").startswith("An outlier\n")


def test_a_row_at_the_threshold_is_no_outlier():
    assert draw([2.0], score=2.0, threshold=2.0).ax_.get_title("left").startswith("Not an")


def test_rows_and_columns_of_a_data_frame_are_named(detector):
    frame = pd.DataFrame(X, columns=NAMES, index=[2, 0.5, "monday"])
    display = FeatureContributionsDisplay.from_estimator(detector, frame, row=2)
    assert display.ax_.get_title("left").startswith("Row monday is")
    display = FeatureContributionsDisplay.from_estimator(detector, frame, row=0)
    assert labels(display)[:2] == [f"V14 = {MINUS}9.3", "Amount = 3"]
    assert display.ax_.get_title("left").startswith("Row 2 is")


@pytest.mark.parametrize(
    "convert",
    [
        sp.csr_matrix,
        sp.csc_array,
        sp.coo_array,
        np.ndarray.tolist,
        pd.DataFrame,
        lambda X: pd.DataFrame(X, index=[9.5, 3.25, 0.5]),
        lambda X: pl.DataFrame(X, schema=NAMES),
        torch.from_numpy,
    ],
)
@pytest.mark.parametrize("row", [1, -2])
def test_containers(detector, convert, row):
    display = FeatureContributionsDisplay.from_estimator(detector, convert(X), row=row)
    assert np.array_equal(display.values, X[1])
    np.testing.assert_allclose(lengths(display), [49, 4, 0.25, 0], atol=1e-12)
    assert display.score == 53.25


def test_all_contributions_zero():
    display = draw(np.zeros(3))
    assert lengths(display) == [0, 0, 0]
    assert labels(display) == ["x0 = 0", "x1 = 0", "x2 = 0"]
    assert display.ax_.get_xlim() == (0, 1)


def test_one_feature():
    assert lengths(draw([3.0])) == [3]
    assert lengths(draw([-3.0])) == [-3]


def test_long_names_lose_their_middle():
    names = [f"{'temperature_' * 10}{end}" for end in ("inlet", "outlet")]
    shown = labels(draw(pd.Series([2.0, 1.0], names)))
    assert [len(label) for label in shown] == [len(" = 0") + 31] * 2
    assert shown[0].startswith("temperature_")
    assert shown[0].endswith("inlet = 0")
    assert shown[1].endswith("outlet = 0")


def test_a_long_name_leaves_room_for_the_bars():
    display = draw(pd.Series([2.0], ["temperature_" * 10]))
    display.figure_.canvas.draw()
    assert display.ax_.get_position().width > 0.4


def test_names_are_not_formulas():
    display = draw(pd.Series([2.0, 1.0], ["price_$_{to_$", 7]))
    display.figure_.canvas.draw()
    assert labels(display) == [r"price_\$_{to_\$ = 0", "7 = 0"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (1234.5678, "1235"),
        (9999.6, "10,000"),
        (-149620.3, f"{MINUS}149,620"),
        (1.5e-7, f"1.5e{MINUS}07"),
        (1e300, "1e+300"),
    ],
)
def test_values_are_short(value, text):
    assert labels(draw([1.0], [value])) == [f"x0 = {text}"]


def test_infinite_threshold():
    assert draw([1.0], threshold=np.inf).ax_.get_title("left").endswith("threshold ∞")


def test_axes_of_the_user(detector):
    figure, (left, right) = plt.subplots(1, 2)
    display = FeatureContributionsDisplay.from_estimator(detector, X, ax=right, color="red")
    assert display.ax_ is right
    assert display.figure_ is figure
    assert not left.patches
    assert all(same_color(bar.get_facecolor(), "red") for bar in display.bars_)
    assert display.plot(left) is display
    assert display.ax_ is left
    assert plt.get_fignums() == [figure.number]


def test_keywords_go_to_the_bars():
    display = draw([1.0, 2.0], height=0.5, edgecolor="black")
    assert [bar.get_height() for bar in display.bars_] == [0.5, 0.5]
    assert same_color(display.bars_[0].get_edgecolor(), "black")


def test_display_can_be_pickled(detector):
    display = FeatureContributionsDisplay.from_estimator(detector, X)
    assert labels(pickle.loads(pickle.dumps(display))) == labels(display)


@pytest.mark.parametrize("row", [3, -4, 1.0, "first", None, True, [0]])
def test_row_out_of_range(detector, row):
    with pytest.raises(ValueError, match=r"row must be .* integer from -3 to 2, got"):
        FeatureContributionsDisplay.from_estimator(detector, X, row=row)


@pytest.mark.parametrize("value", [0, -1, 2.0, "all", None, True])
def test_max_features_out_of_range(detector, value):
    sentence = "max_features must be an integer >= 1, got"
    with pytest.raises(ValueError, match=sentence):
        FeatureContributionsDisplay.from_estimator(detector, X, max_features=value)
    with pytest.raises(ValueError, match=sentence):
        draw([1.0], max_features=value)
    assert not plt.get_fignums()


def test_estimator_without_contributions():
    with pytest.raises(
        TypeError, match=r"estimator must be .*, got LinearRegression without score_samples and"
    ):
        FeatureContributionsDisplay.from_estimator(LinearRegression(), X)
    with pytest.raises(TypeError, match="got the class Exception without"):
        FeatureContributionsDisplay.from_estimator(Exception, X)


def test_estimator_without_threshold(detector):
    del detector.offset_
    detector.something_fitted_ = True
    with pytest.raises(TypeError, match="got Squares without offset_"):
        FeatureContributionsDisplay.from_estimator(detector, X)


@pytest.mark.parametrize("estimator", [Squares(), AutoencoderOutlierDetector()])
def test_estimator_not_fitted(estimator):
    with pytest.raises(NotFittedError):
        FeatureContributionsDisplay.from_estimator(estimator, X)


def test_values_of_another_length():
    with pytest.raises(ValueError, match="got 3 values and 2 contributions"):
        draw([1.0, 2.0], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_numbers_that_are_not_finite(broken):
    with pytest.raises(ValueError, match=f"contributions must be finite .* {broken} at position 1"):
        draw([1.0, broken])


def test_values_may_be_missing_but_not_infinite():
    assert labels(draw([2.0, 1.0], [np.nan, 3.0])) == ["x0 is missing", "x1 = 3"]
    with pytest.raises(ValueError, match="values must not be infinite, got -inf at position 1"):
        draw([2.0, 1.0], [0.0, -np.inf])


def test_groups_have_one_bar_and_the_name_of_their_level():
    jobs = np.repeat(["m", "s"], 30)
    X = pd.get_dummies(pd.DataFrame({"pay": 5.0 * (jobs == "m"), "job": jobs}), dtype=float)
    X["pay"] += np.random.default_rng(0).normal(size=60)
    X = X.assign(a=1.0, b=2.0)
    detector = AutoencoderOutlierDetector(max_epochs=2, random_state=0).fit(X)
    display = FeatureContributionsDisplay.from_estimator(
        detector, X[:1].assign(pay=40), groups={"job": ["job_m", "job_s"], "both": ["a", "b"]}
    )
    assert labels(display)[0] == "pay = 40"
    assert set(labels(display)) == {"pay = 40", "job = job_m", "both"}
    np.testing.assert_allclose(sum(lengths(display)), display.score)


def test_places_in_samples_with_axes_are_named():
    index = pd.MultiIndex.from_product([[0, 1], ["load"]], names=["step", "channel"])
    assert labels(draw(pd.Series([1.0, 2.0], index=index))) == [
        "step 1, channel load = 0",
        "step 0, channel load = 0",
    ]
    unnamed = pd.MultiIndex.from_tuples([(0, 1)])
    assert labels(draw(pd.Series([1.0], index=unnamed))) == ["0, 1 = 0"]


def test_samples_with_axes():
    windows = np.random.default_rng(0).normal(size=(30, 6, 2))
    detector = AutoencoderOutlierDetector(max_epochs=1, random_state=0).fit(windows)
    display = FeatureContributionsDisplay.from_estimator(
        detector, windows, row=3, groups=lambda place: f"channel {place[1]}"
    )
    assert set(labels(display)) == {"channel 0", "channel 1"}


def test_values_may_be_texts():
    assert labels(draw([3.0, 2.0, 1.0], ["a", "", "2"])) == ["x0 = a", "x1", "x2 = 2"]


def test_contributions_of_many_rows():
    with pytest.raises(ValueError, match=r"contributions must be one-dimensional .*\(3, 4\)"):
        draw(X)
    with pytest.raises(ValueError, match=r"contributions must be .* not empty, .*\(0,\)"):
        draw([])


def test_axes_that_are_none():
    axes = plt.subplots(1, 2)[1]
    with pytest.raises(TypeError, match="ax must be None or matplotlib Axes, got ndarray"):
        draw([1.0], ax=axes)


def test_matplotlib_is_not_installed(monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot", "matplotlib.axes"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "skae\[plots\]"'):
        draw([1.0])


def test_matplotlib_is_not_imported_before_it_is_needed():
    program = "import sys, skae.plotting; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_nothing_is_shown(detector, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("shown"))
    FeatureContributionsDisplay.from_estimator(detector, X)


@pytest.mark.parametrize("scoring", ["residual", "joint"])
@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame, sp.csr_array])
def test_detector(X, scoring, container):
    rows = container(X)
    if container is pd.DataFrame:
        rows.columns = list("abcdef")
    detector = AutoencoderOutlierDetector(scoring=scoring, max_epochs=2, random_state=0).fit(rows)
    display = FeatureContributionsDisplay.from_estimator(detector, rows, row=5, max_features=3)
    assert len(display.bars_) == 4
    assert sum(lengths(display)) == pytest.approx(-detector.score_samples(rows)[5], rel=1e-5)
    np.testing.assert_allclose(display.values, X[5])
    assert display.threshold == -detector.offset_


def test_values_of_a_table_are_shown_as_they_are():
    table = mixed_table(80).assign(pay=lambda t: t["pay"].round(1))
    detector = AutoencoderOutlierDetector(novelty=True, max_epochs=1, random_state=0).fit(table)
    display = FeatureContributionsDisplay.from_estimator(detector, table, 3)
    labels = {label.get_text() for label in display.ax_.get_yticklabels()}
    row = table.iloc[3]
    assert f"job = {row['job']}" in labels
    assert f"married = {row['married']}" in labels
    assert any(label.startswith(f"pay = {row['pay']}"[:8]) for label in labels)
