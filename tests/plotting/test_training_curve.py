"""The picture of how the losses fell."""

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
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae.plotting import TrainingCurveDisplay

pytestmark = pytest.mark.usefixtures("figures_are_closed")

MINUS = "\N{MINUS SIGN}"


def history(valid=(3.0, 2.0, 2.5), train=(np.nan, 2.6, 1.9), **columns):
    return pd.DataFrame(
        {"epoch": range(len(valid)), "train_loss": train, "valid_loss": valid, **columns}
    )


def draw(of_training, best_epoch=None, terms=(), **kwargs):
    display = TrainingCurveDisplay(of_training, best_epoch, terms).plot(**kwargs)
    display.figure_.canvas.draw()
    return display


def entries(display):
    return [text.get_text() for text in display.legend_.get_texts()]


def ticks(axis):
    low, high = sorted(axis.get_view_interval())
    shown = zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)
    return [label.get_text() for place, label in shown if low <= place <= high]


def test_lines_are_the_losses():
    train, valid = draw(history()).lines_
    np.testing.assert_array_equal(train.get_xdata(), [0, 1, 2])
    np.testing.assert_array_equal(train.get_ydata(), [np.nan, 2.6, 1.9])
    np.testing.assert_array_equal(valid.get_ydata(), [3.0, 2.0, 2.5])
    assert not same_color(train.get_color(), valid.get_color())


TERMS = ("reconstruction", "kl")


def with_terms(valid=True, **columns):
    of_valid = {"valid_reconstruction": [2.0, 1.0, 2.0], "valid_kl": [1.0, 1.0, 0.5]}
    return history(
        train_reconstruction=[np.nan, 2.0, 1.0],
        train_kl=[np.nan, 0.6, 0.9],
        **(of_valid if valid else {}),
        **columns,
    )


def test_terms_have_a_colour_each_and_a_style_for_each_loss():
    display = draw(with_terms(), 1, terms=TERMS)
    assert len(display.lines_) == 2
    assert [line.get_label() for line in display.term_lines_] == [
        "training: reconstruction",
        "training: kl",
        "validation: reconstruction",
        "validation: kl",
    ]
    np.testing.assert_array_equal(display.term_lines_[3].get_ydata(), [1, 1, 0.5])
    first, second, *valid = display.term_lines_
    colours = {line.get_color() for line in (first, second, *display.lines_)}
    assert len(colours) == 4
    for of_train, of_valid in zip((first, second), valid, strict=True):
        assert same_color(of_train.get_color(), of_valid.get_color())
        assert of_train.get_linestyle() != of_valid.get_linestyle()
    assert len(entries(display)) == 7


@pytest.mark.parametrize("terms", [(), ("reconstruction",)])
def test_a_single_term_is_the_loss_and_is_not_drawn_again(terms):
    assert draw(with_terms(), terms=terms).term_lines_ == []


def test_terms_of_a_loss_that_was_not_computed_are_not_drawn():
    display = draw(with_terms(valid=False), terms=TERMS)
    assert [line.get_label() for line in display.term_lines_] == [
        "training: reconstruction",
        "training: kl",
    ]


def test_terms_of_several_networks_have_one_entry_each():
    both = pd.concat([with_terms(network=0), with_terms(network=1)])
    display = draw(both, terms=TERMS)
    assert len(display.term_lines_) == 8
    assert len(entries(display)) == 6


@pytest.mark.parametrize(("least", "scale"), [(0.0, "log"), (-1.0, "linear")])
def test_a_term_below_zero_has_no_logarithm(least, scale):
    wide = history([30.0, 2.0, 1.0], train_kl=[np.nan, 1.0, least], train_reconstruction=1.0)
    assert draw(wide, terms=TERMS).ax_.get_yscale() == scale


@pytest.mark.parametrize("kind", ["variational", "undercomplete"])
def test_the_terms_of_an_estimator_are_found(kind):
    X = np.random.RandomState(0).randn(40, 4)
    ae = AutoencoderTransformer(2, kind=kind, max_epochs=2).fit(X)
    ae.history_["train_of_a_callback"] = 1.0
    display = TrainingCurveDisplay.from_estimator(ae)
    assert len(display.term_lines_) == (4 if kind == "variational" else 0)


def test_names():
    display = draw(history(), 1)
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.get_ylabel() == "loss"
    assert entries(display) == [
        "training loss",
        "validation loss",
        "kept: epoch 1, validation loss 2",
    ]


def test_kept_epoch_is_marked_at_its_validation_loss():
    display = draw(history(), 1)
    assert set(display.best_line_.get_xdata()) == {1}
    assert list(display.best_marker_.get_xdata()) == [1]
    assert list(display.best_marker_.get_ydata()) == [2.0]
    assert same_color(display.best_marker_.get_color(), display.lines_[1].get_color())


def test_kept_epoch_is_marked_at_its_training_loss_without_validation():
    display = draw(history(valid=[np.nan] * 3), 2)
    (line,) = display.lines_
    assert entries(display) == ["training loss", "kept: epoch 2, training loss 1.9"]
    assert list(display.best_marker_.get_ydata()) == [1.9]
    assert same_color(display.best_marker_.get_color(), line.get_color())


def test_start_was_kept():
    display = draw(history(valid=[1.5, 2.0, 2.5]), 0)
    assert entries(display)[-1] == "kept: epoch 0, before training, validation loss 1.5"
    assert set(display.best_line_.get_xdata()) == {0}


def test_start_was_kept_and_has_no_loss():
    display = draw(history(valid=[np.nan] * 3), 0)
    assert entries(display)[-1] == "kept: epoch 0, before training"
    assert np.isnan(display.best_marker_.get_ydata()).all()


def test_no_epoch_is_marked():
    display = draw(history())
    assert display.best_line_ is None
    assert display.best_marker_ is None
    assert entries(display) == ["training loss", "validation loss"]


@pytest.mark.parametrize(
    ("valid", "scale"),
    [
        ([9.0, 2.0, 1.0], "linear"),
        ([10.0, 2.0, 1.0], "linear"),
        ([10.1, 2.0, 1.0], "log"),
        ([100.0, 2.0, 0.0], "linear"),
        ([100.0, 2.0, -1.0], "linear"),
        ([-100.0, -2.0, -1.0], "linear"),
        ([1.0, np.nan, 1e-8], "log"),
        ([1.0, np.inf, 1.0], "linear"),
        ([0.0, 0.0, 0.0], "linear"),
        ([1e-38, 1e30, 1.0], "log"),
    ],
)
def test_scale(valid, scale):
    display = draw(history(valid, [np.nan, 1.0, 2.0] if valid[0] > 0 else [np.nan] * 3), 2)
    assert display.ax_.get_yscale() == scale


def test_scale_is_that_of_both_losses():
    assert draw(history(train=[np.nan, 2.0, 0.1])).ax_.get_yscale() == "log"


def test_kept_epoch_with_an_infinite_loss():
    display = draw(history([1.0, np.inf, 2.0]), 1)
    assert entries(display)[-1] == "kept: epoch 1, validation loss ∞"
    assert display.ax_.get_ylim()[1] < 3


def test_negative_losses():
    display = draw(history([-1.0, -20.0, -15.0], [np.nan, 2.0, -18.0]), 1)
    assert entries(display)[-1] == f"kept: epoch 1, validation loss {MINUS}20"
    low, high = display.ax_.get_ylim()
    assert low < -20
    assert high > 2


@pytest.mark.parametrize("n_epochs", [1, 2, 3, 7, 150, 2000])
def test_ticks_at_epochs_are_whole_numbers(n_epochs):
    losses = np.linspace(2, 1, n_epochs + 1)
    shown = ticks(draw(history(losses, losses)).ax_.xaxis)
    assert all(tick.isdigit() for tick in shown)
    assert len(set(shown)) == len(shown) >= 2


def test_ticks_of_losses_are_numbers():
    assert ticks(draw(history([100.0, 2.0, 1.0])).ax_.yaxis) == [
        "1",
        "2",
        "5",
        "10",
        "20",
        "50",
        "100",
    ]


def test_one_epoch_is_seen():
    train, _ = draw(history([2.0, 1.0], [np.nan, 1.5]), 1).lines_
    assert train.get_marker() == "."
    low, high = train.axes.get_xlim()
    assert low < 0
    assert high > 1


def test_only_few_epochs_have_markers():
    assert draw(history(np.ones(21), np.ones(21))).lines_[0].get_marker() == "."
    assert draw(history(np.ones(22), np.ones(22))).lines_[0].get_marker() == "None"


def test_row_before_training_alone():
    display = draw(history([np.nan], [np.nan]), 0)
    assert display.lines_ == []
    assert entries(display) == ["kept: epoch 0, before training"]
    assert entries(draw(history([np.nan], [np.nan]))) == []


def test_networks_have_lines_of_their_own():
    both = pd.concat([history(network=0), history([6.0, 5.0, 4.0], network=1)])
    display = draw(both)
    assert len(display.lines_) == 4
    np.testing.assert_array_equal(display.lines_[3].get_ydata(), [6.0, 5.0, 4.0])
    assert entries(display) == ["training loss of 2 networks", "validation loss of 2 networks"]
    assert same_color(display.lines_[0].get_color(), display.lines_[2].get_color())
    assert display.best_line_ is None


def test_history_is_left_alone():
    given = history([np.inf, 1.0, 2.0])
    before = given.copy()
    draw(given, 1)
    pd.testing.assert_frame_equal(given, before)


def test_axes_of_the_user():
    figure, (left, right) = plt.subplots(1, 2)
    display = draw(history(), ax=right)
    assert display.ax_ is right
    assert display.figure_ is figure
    assert not left.lines
    assert display.plot(left) is display
    assert display.ax_ is left
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("keywords", [{"color": "red", "linewidth": 5}, {"c": "red", "lw": 5}])
def test_keywords_go_to_the_lines(keywords):
    for line in draw(history(), **keywords).lines_:
        assert same_color(line.get_color(), "red")
        assert line.get_linewidth() == 5


def test_display_can_be_pickled():
    display = draw(history([100.0, 1.0, 2.0]), 1)
    assert entries(pickle.loads(pickle.dumps(display))) == entries(display)


def test_history_of_another_type():
    with pytest.raises(TypeError, match="history must be a pandas DataFrame, got dict"):
        draw({"epoch": [0]})
    assert not plt.get_fignums()


@pytest.mark.parametrize("missing", ["epoch", "train_loss", "valid_loss"])
def test_history_without_a_column(missing):
    with pytest.raises(ValueError, match=rf"history must have the columns .* without {missing}"):
        draw(history().drop(columns=missing))


def test_history_without_rows():
    with pytest.raises(ValueError, match="history must have one row per epoch, got no rows"):
        draw(history().iloc[:0])


@pytest.mark.parametrize("best_epoch", [3, -1, 1.0, True, "last", np.nan])
def test_best_epoch_out_of_range(best_epoch):
    sentence = "best_epoch must be None or one epoch of history, an integer from 0 to 2, got"
    with pytest.raises(ValueError, match=sentence):
        draw(history(), best_epoch)
    assert not plt.get_fignums()


def test_best_epoch_of_several_networks():
    both = pd.concat([history(network=0), history(network=1)])
    with pytest.raises(ValueError, match="best_epoch must be None or one epoch of history"):
        draw(both, 1)


def test_estimator_without_history(X):
    with pytest.raises(TypeError, match=r"estimator must be .* history_, .* got PCA without it"):
        TrainingCurveDisplay.from_estimator(PCA().fit(X))


@pytest.mark.parametrize(
    "estimator", [AutoencoderTransformer(), AutoencoderOutlierDetector(), PCA()]
)
def test_estimator_not_fitted(estimator):
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(estimator)


def test_axes_that_are_none():
    with pytest.raises(TypeError, match="ax must be None or matplotlib Axes, got str"):
        draw(history(), ax="left")


def test_matplotlib_is_not_installed(monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot", "matplotlib.axes"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "skae\[plots\]"'):
        draw(history(), 1)


def test_matplotlib_is_not_imported_before_it_is_needed():
    program = "import sys, skae.plotting; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_nothing_is_shown(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("shown"))
    draw(history(), 1)


@pytest.mark.filterwarnings("ignore:Posterior collapse")
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"max_epochs": 1},
        {"init": "random"},
        {"early_stopping": False},
        {"validation_fraction": 0.2},
        {"kind": "variational"},
        {"loss": "mae"},
    ],
)
def test_transformer(X, parameters):
    parameters = {"n_components": 2, "max_epochs": 3, "random_state": 0, **parameters}
    ae = AutoencoderTransformer(**parameters).fit(X)
    display = TrainingCurveDisplay.from_estimator(ae, linewidth=3)
    display.figure_.canvas.draw()
    train, valid = display.lines_
    np.testing.assert_array_equal(train.get_ydata(), ae.history_["train_loss"])
    np.testing.assert_array_equal(valid.get_ydata(), ae.history_["valid_loss"])
    assert train.get_linewidth() == 3
    assert list(display.best_marker_.get_xdata()) == [ae.best_epoch_]
    assert display.best_marker_.get_ydata()[0] == pytest.approx(ae.loss_)


@pytest.mark.parametrize("n_calls", [1, 3])
def test_partial_fit(X, n_calls):
    ae = AutoencoderTransformer(n_components=2, random_state=0)
    for _ in range(n_calls):
        ae.partial_fit(X)
    display = TrainingCurveDisplay.from_estimator(ae)
    (line,) = display.lines_
    np.testing.assert_array_equal(line.get_ydata(), ae.history_["train_loss"])
    assert list(display.best_marker_.get_xdata()) == [n_calls]


@pytest.mark.parametrize("convert", [pd.DataFrame, pl.DataFrame, sp.csr_array])
def test_containers(X, convert):
    ae = AutoencoderTransformer(n_components=2, max_epochs=2, random_state=0).fit(convert(X))
    assert len(TrainingCurveDisplay.from_estimator(ae).lines_) == 2


@pytest.mark.parametrize("early_stopping", [False, True])
def test_detector(X, early_stopping):
    detector = AutoencoderOutlierDetector(
        max_epochs=2, early_stopping=early_stopping, random_state=0
    ).fit(X)
    n_networks = detector.history_["network"].nunique()
    display = TrainingCurveDisplay.from_estimator(detector)
    display.figure_.canvas.draw()
    assert len(display.lines_) == n_networks * (2 if early_stopping else 1)
    assert entries(display)[0] == f"training loss of {n_networks} networks"
    assert display.best_line_ is None
