"""Every callback of skorch in every estimator: each works, or is refused by name."""

import json
import sys
import types
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from skorch import callbacks as skorch_callbacks
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    EpochTimer,
    Freezer,
    GradientNormClipping,
    Initializer,
    InputShapeSetter,
    LoadInitState,
    LRScheduler,
    MlflowLogger,
    NeptuneLogger,
    ParamMapper,
    PassthroughScoring,
    PrintLog,
    ProgressBar,
    SacredLogger,
    TensorBoard,
    TrainEndCheckpoint,
    Unfreezer,
    WandbLogger,
)
from skorch.utils import noop
from support.combinations import slow_but

import skae
from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae.architectures import Dense

RANDOM = np.random.RandomState(0)
X = RANDOM.normal(size=(60, 2)) @ RANDOM.normal(size=(2, 6)) + 0.1 * RANDOM.normal(size=(60, 6))
INCOMPLETE = np.where(RANDOM.uniform(size=X.shape) < 0.1, np.nan, X)
Y = np.arange(60) % 2
SMALL = {"architecture": Dense((8,)), "max_epochs": 3, "init": "random", "random_state": 0}


class Service:
    """Stands for the run, writer or client of a logging service: takes every call and notes it."""

    def __init__(self, folder="."):
        self.dir, self.called, self.info = str(folder), [], types.SimpleNamespace(run_id="1")

    def __getattr__(self, name):
        return lambda *args, **kwargs: self.called.append((name, args, kwargs)) or self

    def __getitem__(self, name):
        return self

    def __setitem__(self, name, value):
        self.called.append((name, value))


def restored(folder):
    checkpoint = Checkpoint(dirname=str(folder))
    return [checkpoint, LoadInitState(checkpoint)]


class Recording(Callback):
    """A user's own: records a number."""

    def on_epoch_end(self, net, **kwargs):
        net.history.record("mine", 0.5)


# How each is made, and the columns of history_ and the files that it leaves.
MAKE = {
    "BatchScoring": lambda d: [BatchScoring(None, lower_is_better=False, name="score")],
    "Callback": lambda d: [Recording()],
    "Checkpoint": lambda d: [Checkpoint(dirname=str(d))],
    "EarlyStopping": lambda d: [EarlyStopping(patience=1, threshold=0.9)],
    "EpochScoring": lambda d: [EpochScoring(None, lower_is_better=False, name="score")],
    "EpochTimer": lambda d: [EpochTimer()],
    "Freezer": lambda d: [Freezer("encoder*")],
    "GradientNormClipping": lambda d: [GradientNormClipping(1e-3)],
    "Initializer": lambda d: [Initializer("*bias", fn=partial(torch.nn.init.constant_, val=0.1))],
    "LRScheduler": lambda d: [LRScheduler("StepLR", step_size=1, gamma=0.5)],
    "LoadInitState": restored,
    "MlflowLogger": lambda d: [MlflowLogger(Service(), Service(), log_on_batch_end=True)],
    "NeptuneLogger": lambda d: [NeptuneLogger(Service(), log_on_batch_end=True)],
    "ParamMapper": lambda d: [ParamMapper("decoder*", fn=lambda p: p.data.mul_(0.9), at=2)],
    "PassthroughScoring": lambda d: [PassthroughScoring("valid_loss")],
    "PrintLog": lambda d: [PrintLog(sink=noop)],
    "ProgressBar": lambda d: [ProgressBar()],
    "SacredLogger": lambda d: [SacredLogger(Service(), log_on_batch_end=True)],
    "TensorBoard": lambda d: [TensorBoard(Service())],
    "TrainEndCheckpoint": lambda d: [TrainEndCheckpoint(dirname=str(d))],
    "Unfreezer": lambda d: [Freezer("encoder*"), Unfreezer("encoder*", at=2)],
    "WandbLogger": lambda d: [WandbLogger(Service(d))],
    "WarmRestartLR": lambda d: [LRScheduler("WarmRestartLR", max_lr=0.01)],
}
COLUMNS = {
    **{name: {"score", "score_best"} for name in ["BatchScoring", "EpochScoring"]},
    **{name: {"event_cp"} for name in ["Checkpoint", "LoadInitState"]},
    **{name: {"event_lr"} for name in ["LRScheduler", "WarmRestartLR"]},
    "Callback": {"mine"},
    "EpochTimer": {"dur"},
}
FILES = {
    "Checkpoint": "params.pt",
    "LoadInitState": "params.pt",
    "TrainEndCheckpoint": "train_end_params.pt",
    "WandbLogger": "best_model.pth",
}
# Each way in which an estimator trains: on a split, in folds, without validation rows, in parts.
FITS = {
    "split": lambda p: AutoencoderTransformer(2, validation_fraction=0.3, **p).fit(X),
    "folds": lambda p: AutoencoderTransformer(2, **p).fit(X),
    "no early stopping": lambda p: AutoencoderTransformer(2, early_stopping=False, **p).fit(X),
    "partial_fit": lambda p: AutoencoderTransformer(2, **p).partial_fit(X).partial_fit(X),
    "detector": lambda p: AutoencoderOutlierDetector(2, **p).fit(X),
    "imputer": lambda p: AutoencoderImputer(2, **p).fit(INCOMPLETE),
    "recommender": lambda p: AutoencoderRecommender(2, **p).fit(INCOMPLETE),
    "classifier": lambda p: AutoencoderClassifier(2, **p).fit(X, Y),
    "few labels": lambda p: AutoencoderClassifier(2, unlabelled=-1, **p).fit(
        X, np.where(X[:, 0] > 1, -1, Y)
    ),
}
# Each callback once, and each way of fitting several times: what `make test` tries.
EVERY = [(name, fit) for name in MAKE for fit in FITS]
QUICK = {(name, [*FITS][i % len(FITS)]) for i, name in enumerate(MAKE)}


@pytest.fixture(autouse=True)
def neptune(monkeypatch):
    """Stand for the package of a logging service, which need not be installed."""
    text = types.SimpleNamespace(from_content=lambda *args, **kwargs: "text")
    parts = {
        "neptune": {},
        "neptune.types": {"File": text},
        "neptune.handler": {"Handler": type("Handler", (), {})},
    }
    for name, attributes in parts.items():
        module = types.ModuleType(name)
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, name, module)


def fitted(fit, callbacks, **parameters):
    return FITS[fit]({**SMALL, "callbacks": callbacks, **parameters})


def test_every_callback_of_skorch_is_known_here():
    found = {name for name in skorch_callbacks.__all__ if hasattr(skorch_callbacks, name)}
    assert found == {*MAKE, "InputShapeSetter"}


@pytest.mark.parametrize("pair", slow_but(QUICK, EVERY, "-".join))
def test_each_works_wherever_an_estimator_trains(pair, tmp_path):
    name, fit = pair
    plain, estimator = fitted(fit, None), fitted(fit, MAKE[name](tmp_path))
    columns = {*estimator.history_} - {*plain.history_}
    trained = len(estimator.history_) > 1 and getattr(estimator, "best_epoch_", 1) > 0
    if trained:
        assert columns == COLUMNS.get(name, set())
        assert (FILES.get(name) is None) or (tmp_path / FILES[name]).stat().st_size > 0
    assert columns <= COLUMNS.get(name, set())
    assert not [n for n in columns if estimator.history_[n][1:].isna().all()]
    assert {*plain.history_} <= {*estimator.history_}
    assert len(estimator.history_) <= len(plain.history_)


@pytest.mark.parametrize("estimator", ["split", "detector", "imputer", "recommender", "classifier"])
def test_what_rebuilds_the_network_is_refused_before_the_training(estimator, tmp_path):
    recording = Service()
    callbacks = [TensorBoard(recording), InputShapeSetter()]
    with pytest.raises(ValueError, match="callbacks must not contain InputShapeSetter"):
        fitted(estimator, callbacks)
    assert not recording.called


# --- that they have their effect


def weights(estimator):
    return estimator._fitted_networks()[0].weights


def test_a_frozen_encoder_stays_as_it_was():
    start = fitted("split", None, learning_rate=1e-30, weight_decay=0.0)
    frozen = fitted("split", [Freezer("encoder*")])
    for name in weights(start):
        if name.startswith("encoder."):
            np.testing.assert_array_equal(weights(frozen)[name], weights(start)[name])
    moved = [n for n in weights(start) if n.startswith("decoder.")]
    assert any(not np.array_equal(weights(frozen)[n], weights(start)[n]) for n in moved)


def test_a_checkpoint_holds_the_weights_and_the_history(tmp_path):
    ae = fitted("split", [TrainEndCheckpoint(dirname=str(tmp_path))])
    saved = torch.load(tmp_path / "train_end_params.pt", weights_only=True)
    network = weights(ae)
    for name, tensor in saved.items():
        if "_low" not in name and "_high" not in name:  # noted after the training
            np.testing.assert_array_equal(tensor.numpy(), network[name])
    history = json.loads((tmp_path / "train_end_history.json").read_text())
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert [row["train_loss"] for row in history] == ae.history_["train_loss"][1:].tolist()


def test_batch_rows_are_those_of_skorch():
    class Look(Callback):
        def on_epoch_end(self, net, **kwargs):
            self.rows = net.history[-1, "batches"]
            self.row = net.history[-1]

    look = Look()
    ae = fitted("split", look, batch_size=20)
    assert [row.get("train_batch_size") for row in look.rows] == [21, 21, None]
    assert look.rows[-1]["valid_batch_size"] == 18
    assert look.rows[-1]["valid_loss"] == pytest.approx(ae.history_["valid_loss"].iloc[-1])
    mean = np.mean([row["train_loss"] for row in look.rows[:2]])
    assert mean == pytest.approx(ae.history_["train_loss"].iloc[-1])
    assert (look.row["train_batch_count"], look.row["valid_batch_count"]) == (2, 1)


class Worsening(Callback):
    """Shows a score of its own, best in epoch 2."""

    def on_epoch_end(self, net, **kwargs):
        net.history.record("mine", {1: 3.0, 2: 1.0, 3: 2.0}[net.history[-1, "epoch"]])
        net.history.record("mine_best", net.history[-1, "epoch"] <= 2)


@pytest.mark.parametrize("fit", ["split", "no early stopping"])
@pytest.mark.parametrize(
    "loading",
    [
        lambda d: EarlyStopping("mine", load_best=True, sink=noop),
        lambda d: Checkpoint("mine_best", load_best=True, dirname=str(d)),
    ],
)
def test_weights_that_a_callback_loads_are_the_ones_that_are_kept(fit, loading, tmp_path):
    two = fitted(fit, LRScheduler("LambdaLR", lr_lambda=lambda epoch: float(epoch < 2)))
    ae = fitted(fit, [Worsening(), loading(tmp_path)])
    plain = fitted(fit, None)
    assert plain.best_epoch_ == 3
    assert ae.best_epoch_ == 2
    assert ae.loss_ == ae.history_["valid_loss"][2]
    for name, tensor in weights(two).items():  # two epochs, and one that stands still
        np.testing.assert_allclose(weights(ae)[name], tensor, rtol=1e-6)


@pytest.mark.parametrize("verbose", [0, 1])
def test_print_log_prints_and_others_only_if_they_are_asked_to(capsys, verbose):
    fitted("split", [PrintLog()])
    printed = capsys.readouterr().out
    assert "valid_loss" in printed
    assert printed.count("\n") == 2 + 3
    fitted("split", [EarlyStopping(patience=1, threshold=0.9)], verbose=verbose)
    assert ("Stopping since valid_loss" in capsys.readouterr().out) is (verbose > 0)


@pytest.mark.parametrize("callbacks", [EarlyStopping(patience=1), [("es", EarlyStopping())]])
def test_one_callback_and_named_ones_work_in_a_fit(callbacks):
    with pytest.raises(TypeError, match="callbacks must be one or a list"):
        fitted("split", EarlyStopping)
    assert len(fitted("split", callbacks).history_) <= 4


def test_early_stopping_works_within_a_search():
    """Folds of 300 rows train in folds of their own."""
    rows = np.concatenate([X] * 10) + RANDOM.normal(size=(600, 6))
    stopping = EarlyStopping(patience=1, threshold=0.5)
    ae = AutoencoderTransformer(2, callbacks=stopping, **{**SMALL, "max_epochs": 8})
    search = GridSearchCV(ae, {"callbacks__threshold": [0.5, -9.0]}, cv=2, error_score="raise")
    search.fit(rows)
    n_epochs = {
        p["callbacks__threshold"]: len(ae.set_params(**p).fit(rows).history_)
        for p in search.cv_results_["params"]
    }
    assert n_epochs[0.5] < n_epochs[-9.0] == 9
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_columns_of_callbacks_are_saved_and_loaded(tmp_path):
    ae = fitted("split", [Recording(), EpochScoring(None, name="score")])
    with pytest.warns(UserWarning, match="callbacks are not part"):
        ae.save(tmp_path / "file.skae")
    history = skae.load(tmp_path / "file.skae").history_
    assert history["mine"][1:].tolist() == [0.5] * 3
    assert history["score_best"].dtype == float
