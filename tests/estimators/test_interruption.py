"""Ctrl-C ends the whole fit, keeps what is of use, and says so."""

import os
import signal

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae._checkpoints.trainings import Trainings
from skae._fitting.progress import EpochReport
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._training.autoencoder_net import AutoencoderNet

RNG = np.random.RandomState(0)
X = RNG.randn(600, 2) @ RNG.randn(2, 6) + 0.1 * RNG.randn(600, 6)
MISSING = RNG.rand(*X.shape) < 0.2
WITH_GAPS = np.where(MISSING, np.nan, X)
CLASSES = (X[:, 0] > 0).astype(int)
SOME = np.where(np.arange(600) % 3, -1, CLASSES)


@pytest.fixture(autouse=True)
def ctrl_c_is_heard():
    """Hear it in the background of a shell as well, where it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt(*args, **kwargs):
    raise KeyboardInterrupt


class CtrlC(Callback):
    """Send the signal that Ctrl-C sends, in an epoch of a training, both counted from 1."""

    def __init__(self, training, epoch=2):
        self.training, self.epoch = training, epoch
        self.begun = self.batches = 0

    def __deepcopy__(self, memo):
        raise TypeError("folds have no copy of it")

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.begun += 1
        self.batches = 0

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        self.batches += training
        here = self.begun == self.training and len(net.history) == self.epoch
        if training and here and self.batches % 2 == 0:
            os.kill(os.getpid(), signal.SIGINT)


def interrupted(estimator, *data, said, training=1, epoch=2, **parameters):
    """Fit, and return what is fitted after one warning."""
    callback = CtrlC(training, epoch)
    estimator.set_params(callbacks=[callback], random_state=0, **parameters)
    with pytest.warns(ConvergenceWarning, match=f"^Ctrl-C {said}") as warned:
        estimator.fit(*data)
    assert len(warned) == 1
    assert callback.begun == training, "another training was begun"
    return estimator


def test_transformer():
    ae = interrupted(
        AutoencoderTransformer(2, max_epochs=30),
        X,
        said="interrupted the training in epoch 2 of 30; the best weights so far are kept",
    )
    assert ae.n_epochs_ == 1
    assert ae.score(X) > 0.9


def test_transformer_without_pca():
    ae = interrupted(
        AutoencoderTransformer(2, max_epochs=60, init="random"),
        X,
        epoch=40,
        said="interrupted the training in epoch 40 of 60; the best weights so far are kept",
    )
    assert ae.best_epoch_ > 0
    assert ae.score(X) > 0.5


def test_an_untrained_network_is_no_result():
    ae = AutoencoderTransformer(2, max_epochs=30, init="random", callbacks=[CtrlC(1, 1)])
    with pytest.raises(KeyboardInterrupt, match="in epoch 1 of 30, before there was anything"):
        ae.fit(X)
    with pytest.raises(NotFittedError):
        ae.transform(X)


def test_what_was_fitted_before_stays():
    ae = AutoencoderTransformer(2, max_epochs=3, init="random", random_state=0).fit(X)
    before = ae.transform(X)
    with pytest.raises(KeyboardInterrupt):
        ae.set_params(callbacks=[CtrlC(1, 1)]).fit(X)
    assert np.array_equal(ae.transform(X), before)


def signal_in_batch(monkeypatch, number):
    """Folds do not show the user's callbacks their batches: the network sends the signal."""
    objective, seen = AutoencoderNetwork.objective, []

    def signalling(self, X, *args, **kwargs):
        if self.training:
            seen.append(X)
            if len(seen) == number:
                os.kill(os.getpid(), signal.SIGINT)
        return objective(self, X, *args, **kwargs)

    monkeypatch.setattr(AutoencoderNetwork, "objective", signalling)
    return seen


# Folds of 100 rows take two batches of 75 in an epoch, all four at once: the tenth epoch, the last.
@pytest.mark.parametrize("number", [20, 40])
@pytest.mark.parametrize("init", ["pca", "random"])
def test_folds_leave_the_network_of_the_first(init, number, monkeypatch):
    seen = signal_in_batch(monkeypatch, number)
    ae = AutoencoderTransformer(2, max_epochs=20, init=init, learning_rate=0.01, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"in epoch \d+ of 20; the best weights .* kept"):
        ae.fit(X[:100])
    assert len(seen) == number
    assert ae.score(X) > (0.9 if init == "pca" else 0.2)


def test_folds_leave_their_network_where_the_last_training_ends(monkeypatch):
    monkeypatch.setattr("skae._fitting.fit_network.best_epoch", lambda losses, from_pca: 20)
    counted = Counted(Trainings.train_all)
    monkeypatch.setattr(Trainings, "train_all", counted)
    ae = interrupted(
        AutoencoderTransformer(2, max_epochs=20, init="random", learning_rate=0.01),
        X[:100],
        epoch=1,
        said="interrupted the training in epoch 1 of 20; the best weights of a fold are kept",
    )
    assert len(counted.results[0]) == 4
    assert ae.best_epoch_ == counted.results[0][0].best_epoch > 0
    assert ae.score(X) > 0.2


class Counted:
    """A method that notes what it returned."""

    def __init__(self, method):
        self.method, self.results = method, []

    def __get__(self, fit, owner):
        def run(*args):
            self.results.append(self.method(fit, *args))
            return self.results[-1]

        return run


@pytest.mark.parametrize("n_rows", [600, 100], ids=["held out", "folds"])
@pytest.mark.parametrize("training", [1, 3])
def test_detector(training, n_rows):
    n_networks = 4 if n_rows == 600 else 5
    detector = interrupted(
        AutoencoderOutlierDetector(n_estimators=4, max_epochs=30, novelty=True),
        X[:n_rows],
        training=training,
        epoch=20,
        said=f"interrupted the training of network {training} of {n_networks} in epoch 20 of 30; "
        f"the best weights so far are kept, and no further network is trained",
    )
    assert len(detector._ensemble) == training
    outliers = X[:50] + 4 * RNG.randn(50, 6)
    assert detector.score_samples(outliers).mean() < detector.score_samples(X[-50:]).mean()
    p_values = detector.p_values(X[n_rows // 2 :])
    assert p_values.min() > 0
    # Each row held out is judged by a network that did not know it, and by no other.
    n_held_out = 120 if n_rows == 600 else 20 * training
    assert len(detector.calibration_scores_) == n_held_out
    assert (detector.p_values(outliers) < 0.1).mean() > 0.5
    assert set(detector.history_["network"]) == set(range(training))


def test_detector_keeps_the_networks_before_one_that_is_of_no_use():
    detector = interrupted(
        AutoencoderOutlierDetector(n_estimators=3, max_epochs=10),
        X,
        training=3,
        epoch=1,
        said="came before network 3 of 3 was usable; the networks before it are kept",
    )
    assert len(detector._ensemble) == 2


def test_a_detector_without_a_network_is_no_result():
    with pytest.raises(KeyboardInterrupt, match="before there was anything to keep"):
        AutoencoderOutlierDetector(max_epochs=10, callbacks=[CtrlC(1, 1)]).fit(X)


@pytest.mark.parametrize("training", [1, 3])
def test_imputer(training):
    imputer = interrupted(
        AutoencoderImputer(max_epochs=30, sample_posterior=True),
        WITH_GAPS,
        training=training,
        said=f"interrupted the training of network {training} of 4 in epoch 2 of 30; the best",
    )
    assert len(imputer._imputation.networks) == training
    imputer.set_params(sample_posterior=False)
    errors = (imputer.transform(WITH_GAPS) - X)[MISSING]
    assert np.square(errors).mean() < 0.3 * X.var()


def test_recommender():
    recommender = interrupted(
        AutoencoderRecommender(max_epochs=30, n_estimators=2, rating_range=None),
        WITH_GAPS,
        training=2,
        said="interrupted the training of network 2 of 2 in epoch 2 of 30",
    )
    errors = (recommender.predict_all() - X)[MISSING]
    assert np.square(errors).mean() < 0.5 * X.var()


def test_classifier():
    classifier = interrupted(
        AutoencoderClassifier(2, max_epochs=30),
        X,
        CLASSES,
        epoch=10,
        said="interrupted the training in epoch 10 of 30; the best weights so far are kept",
    )
    assert classifier.score(X, CLASSES) > 0.8


@pytest.mark.slow
def test_classifier_in_its_second_phase():
    classifier = interrupted(
        AutoencoderClassifier(2, unlabelled=-1, max_epochs=30),
        X,
        SOME,
        epoch=10,
        said="interrupted the training in epoch 10 of 30",
    )
    assert classifier.score(X, CLASSES) > 0.8


@pytest.mark.parametrize("with_labels", [True, False])
def test_a_classifier_without_classes_is_no_result(with_labels, monkeypatch):
    """Though the autoencoder starts at PCA. Callbacks act in the training with labels only."""
    callback = CtrlC(1, 1)
    classifier = AutoencoderClassifier(
        2, unlabelled=-1, max_epochs=30, callbacks=[callback], random_state=0
    )
    if not with_labels:
        monkeypatch.setattr(AutoencoderNet, "train_step_single", interrupt)
    with pytest.raises(KeyboardInterrupt, match=r"no class was learned|before there was anything"):
        classifier.fit(X, SOME)
    assert callback.begun == with_labels
    with pytest.raises(NotFittedError):
        classifier.predict(X)


def test_a_warm_start_leaves_at_least_what_it_began_with():
    classifier = AutoencoderClassifier(2, max_epochs=20, warm_start=True, random_state=0)
    classifier.fit(X, CLASSES)
    interrupted(classifier, X, CLASSES, epoch=1, said="interrupted the training in epoch 1 of 20")
    assert classifier.score(X, CLASSES) > 0.8


@pytest.mark.parametrize("warm", [False, True])
def test_partial_fit(warm):
    ae = AutoencoderTransformer(2, batch_size=50, init="random", random_state=0)
    if warm:
        ae.partial_fit(X)
    ae.set_params(callbacks=[CtrlC(1, 1)])
    if not warm:
        with pytest.raises(KeyboardInterrupt):
            ae.partial_fit(X)
        return
    with pytest.warns(ConvergenceWarning, match="interrupted the training in epoch 1 of 1"):
        ae.partial_fit(X)
    assert np.isfinite(ae.transform(X)).all()


def test_a_signal_where_epochs_are_reported_is_no_wish_to_stop(monkeypatch):
    """Of skae's own callbacks, KeyboardInterrupt is Ctrl-C; of the user's, it ends one training."""

    def signalling(self, record, attributes):
        if record["epoch"] == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return False

    monkeypatch.setattr(EpochReport, "__call__", signalling)
    imputer = AutoencoderImputer(max_epochs=10, random_state=0)
    with pytest.warns(ConvergenceWarning, match="networks 1 to 4 of 4 in epoch 3 of 10"):
        imputer.fit(WITH_GAPS)
    assert len(imputer._imputation.networks) == 4


@pytest.mark.parametrize(
    "function", ["skae._fitting.prepare.Moments.of", "skae._start.linear_part.principal_axes"]
)
def test_outside_of_trainings_it_is_raised(function, monkeypatch):
    def signalling(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(function, signalling)
    ae = AutoencoderTransformer(2)
    with pytest.raises(KeyboardInterrupt):
        ae.fit(X)
    with pytest.raises(NotFittedError):
        ae.transform(X)


class Signals(Callback):
    """Send the signal in the second epoch of each of some fits, counted from 1 in ``fits``."""

    fits, at = 0, ()

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        type(self).fits += 1
        self.waits = self.fits in self.at

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        if self.waits and len(net.history) == 2:
            self.waits = False
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def signals(monkeypatch):
    """Return a function that says in which fits the signal comes, and a clock to set."""
    now = [0.0]
    monkeypatch.setattr("skae._runtime.interruption.monotonic", lambda: now[0])
    monkeypatch.setattr(Signals, "fits", 0)

    def set_up(*at, seconds=1.0):
        def begin(self, net, X=None, y=None, **kwargs):
            now[0] += seconds
            original(self, net, X, y, **kwargs)

        original = Signals.on_train_begin
        monkeypatch.setattr(Signals, "on_train_begin", begin)
        monkeypatch.setattr(Signals, "at", at)

    return set_up


def searched(**parameters):
    ae = AutoencoderTransformer(2, max_epochs=2, early_stopping=False, callbacks=[Signals()])
    grid = {"weight_decay": [0.0, 0.01, 0.1]}
    return GridSearchCV(ae, grid, cv=2, **parameters).fit(X)


@pytest.mark.parametrize("error_score", ["raise", np.nan])
def test_a_second_ctrl_c_soon_after_ends_a_search(signals, error_score):
    signals(2, 3)
    with pytest.warns(ConvergenceWarning, match="A second Ctrl-C within two seconds also ends"):  # noqa: SIM117
        with pytest.raises(KeyboardInterrupt):
            searched(error_score=error_score)
    assert Signals.fits == 3


@pytest.mark.parametrize(("at", "seconds"), [((2,), 1.0), ((1, 4), 1.0), ((1, 2), 2.5)])
def test_another_one_ends_one_fit(signals, at, seconds):
    signals(*at, seconds=seconds)
    with pytest.warns(ConvergenceWarning) as warned:
        searched()
    assert len([w for w in warned if "Ctrl-C" in str(w.message)]) == len(at)
    assert Signals.fits == 7


def test_a_third_one_counts_from_the_second(signals):
    signals(1, 4, 5)
    with pytest.warns(ConvergenceWarning), pytest.raises(KeyboardInterrupt):
        searched()
    assert Signals.fits == 5


@pytest.mark.parametrize(
    ("estimator", "data"),
    [
        (AutoencoderTransformer(2), (X,)),
        (AutoencoderOutlierDetector(n_estimators=2), (X,)),
        (AutoencoderImputer(n_estimators=2), (WITH_GAPS,)),
        (AutoencoderRecommender(n_estimators=2, rating_range=None), (WITH_GAPS,)),
        (AutoencoderClassifier(2), (X, CLASSES)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_two_of_them_end_a_loop_over_any_estimator(signals, estimator, data):
    signals(1, 2)
    estimator.set_params(callbacks=[Signals()], max_epochs=2, random_state=0)
    with pytest.warns(ConvergenceWarning):
        estimator.fit(*data)
    before = estimator.history_
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(*data)
    assert Signals.fits == 2
    assert estimator.history_ is before


def test_a_second_one_within_the_same_fit_is_raised_too(signals, monkeypatch):
    """It may come while the first one is dealt with."""
    signals(1)

    def signalling(self, **kwargs):
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(AutoencoderNet, "forget_callbacks", signalling)
    detector = AutoencoderOutlierDetector(n_estimators=2, max_epochs=2, callbacks=[Signals()])
    with pytest.raises(KeyboardInterrupt):
        detector.fit(X)


def test_the_handler_of_a_notebook(signals):
    """Jupyter's kernel, like others, raises KeyboardInterrupt from a handler of its own."""

    def of_the_kernel(number, frame):
        raise KeyboardInterrupt("interrupted by the kernel")

    signal.signal(signal.SIGINT, of_the_kernel)
    signals(1, 2)
    with pytest.warns(ConvergenceWarning), pytest.raises(KeyboardInterrupt, match="by the kernel"):
        searched()
    assert signal.getsignal(signal.SIGINT) is of_the_kernel
    assert Signals.fits == 2


def test_the_same_fit_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr("skae._checkpoints.checkpoint._SHORTEST", 0.0)
    monkeypatch.setattr("skae._checkpoints.checkpoint._REST", 0.0)
    monkeypatch.setattr(Trainings, "joins", False)  # as with a checkpoint
    path = tmp_path / "fit.skae"
    whole = AutoencoderOutlierDetector(n_estimators=3, max_epochs=4, random_state=0).fit(X)
    detector = interrupted(
        AutoencoderOutlierDetector(n_estimators=3, max_epochs=4),
        X,
        training=2,
        checkpoint=path,
        said=r"interrupted .* no further network is trained. The same call of fit resumes "
        r"from the checkpoint '.*fit.skae'.",
    )
    assert path.exists()
    assert len(detector._ensemble) == 2
    detector.set_params(callbacks=None).fit(X)
    assert np.array_equal(detector.score_samples(X), whole.score_samples(X))
    assert not path.exists()
