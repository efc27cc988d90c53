"""Several networks of one estimator: their common attributes, and Ctrl-C among them."""

import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from skae import AutoencoderTransformer
from skae._checkpoints.trainings import Trainings
from skae._fitting import several_fits
from skae._fitting.prepare import prepare
from skae._fitting.progress import EpochReport
from skae._fitting.several_fits import common_attributes, fit_several, until_interrupted
from skae._replicas.joint_training import JointTraining


def fit_of(n_epochs, interruption=None, **attributes):
    history = pd.DataFrame({"epoch": range(n_epochs), "train_loss": 1.0})
    common = {"history_": history, **attributes}
    return SimpleNamespace(history=history, common_attributes=common, interruption=interruption)


def test_histories_become_one_table_with_the_number_of_the_network():
    fits = [fit_of(2, kind_="first"), fit_of(3, kind_="second")]
    shown = common_attributes(fits)
    assert shown["kind_"] == "first"
    history = shown["history_"]
    assert history["network"].tolist() == [0, 0, 1, 1, 1]
    assert history["epoch"].tolist() == [0, 1, 0, 1, 2]
    assert history.index.tolist() == list(range(5))
    assert "network" not in fits[0].history


def steps(*fits):
    """Yield fits, or raise what stands among them."""
    for fit in fits:
        if isinstance(fit, BaseException):
            raise fit
        yield [fit]


def test_without_ctrl_c_all_fits_are_returned():
    fits, trainings = [fit_of(1) for _ in range(3)], Trainings(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert until_interrupted(steps(*fits), 3, trainings) == fits
    assert not trainings.interrupted


def test_a_network_that_was_interrupted_is_kept_and_is_the_last():
    fits = [fit_of(1), fit_of(1, "in epoch 4 of 9"), AssertionError("none is to follow")]
    trainings = Trainings(0)
    with pytest.warns(ConvergenceWarning, match=r"network 2 of 3 in epoch 4 of 9") as said:
        assert until_interrupted(steps(*fits), 3, trainings) == fits[:2]
    assert len(said) == 1
    assert trainings.interrupted


def test_ctrl_c_before_a_network_was_of_use_keeps_those_before_it():
    fits, trainings = [fit_of(1), fit_of(1), KeyboardInterrupt()], Trainings(0)
    with pytest.warns(ConvergenceWarning, match="network 3 of 5"):
        assert until_interrupted(steps(*fits), 5, trainings) == fits[:2]
    assert trainings.interrupted


def test_ctrl_c_before_any_network_was_of_use_is_raised():
    trainings = Trainings(0)
    with pytest.raises(KeyboardInterrupt):
        until_interrupted(steps(KeyboardInterrupt()), 2, trainings)
    assert not trainings.interrupted


def test_fits_are_trained_one_by_one_as_they_are_reached():
    order = []

    def trained():
        for i in range(3):
            order.append(i)
            yield [fit_of(1, "in epoch 1 of 2" if i == 1 else None)]

    with pytest.warns(ConvergenceWarning):
        until_interrupted(trained(), 3, Trainings(0))
    assert order == [0, 1]


# --- several networks


@pytest.fixture
def passes(monkeypatch):
    """Return a list of how many networks each pass trains."""
    seen, run = [], JointTraining.run
    monkeypatch.setattr(
        JointTraining, "run", lambda self: seen.append(len(self.replicas)) or run(self)
    )
    return seen


@pytest.fixture
def several(X, make_policy):
    def several(trainings, report, **parameters):
        """Fit three networks of one estimator."""
        policy = make_policy(**parameters)
        prepared = ((prepare(X, policy, seed), None) for seed in range(3))
        return fit_several(prepared, 3, X, policy, trainings, report)

    return several


def one_by_one(*args, **kwargs):
    raise AssertionError("networks were to be trained side by side")


@pytest.mark.parametrize(
    "parameters", [{"max_epochs": 5}, {"validation_fraction": 0.3}, {"early_stopping": False}]
)
def test_side_by_side_they_become_what_they_become_one_by_one(
    several, trainings, report, parameters, monkeypatch
):
    parameters = {"precision": "float64", "init": "random", **parameters}
    with monkeypatch.context() as patch:
        patch.setattr(several_fits, "_one_by_one", one_by_one)
        joint = several(trainings, report, **parameters)
    monkeypatch.setattr(Trainings, "joins", False)
    alone = several(trainings, report, **parameters)
    for fit, expected in zip(joint, alone, strict=True):
        assert fit.best_epoch == expected.best_epoch > 0
        columns = [name for name in expected.history if name != "seconds"]
        pd.testing.assert_frame_equal(fit.history[columns], expected.history[columns])
        for name, weights in expected.network.weights.items():
            np.testing.assert_allclose(fit.network.weights[name], weights, atol=1e-9)


class Heard(EpochReport):
    is_heard = True


@pytest.mark.parametrize("reason", ["report", "callbacks", "checkpoint", "rows"])
def test_they_are_trained_one_by_one_where_somebody_follows_them(
    several, trainings, report, passes, reason, monkeypatch
):
    parameters = {"early_stopping": False}
    if reason == "report":
        report = Heard(AutoencoderTransformer())
    elif reason == "callbacks":
        parameters["callbacks"] = [Callback()]
    elif reason == "checkpoint":
        trainings.joins = False
    else:
        monkeypatch.setattr(several_fits, "_FEW_ENTRIES", 10)
    assert len(several(trainings, report, **parameters)) == 3
    assert not passes


@pytest.mark.parametrize("number", [1, 4])
def test_ctrl_c_ends_all_that_are_side_by_side(several, trainings, report, number, monkeypatch):
    train, begun = JointTraining._train, []

    def pressed(self):
        begun.append(self)
        if len(begun) == number:
            raise KeyboardInterrupt
        return train(self)

    monkeypatch.setattr(JointTraining, "_train", pressed)
    parameters = {"max_epochs": 6, "early_stopping": False}
    with pytest.warns(ConvergenceWarning, match=rf"networks 1 to 3 of 3 in epoch {number} of 6"):
        fits = several(trainings, report, **parameters)
    assert [len(fit.history) for fit in fits] == [number] * 3
    assert trainings.interrupted


def test_ctrl_c_before_anything_was_learned_is_raised(several, trainings, report, monkeypatch):
    def pressed(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(JointTraining, "_train", pressed)
    with pytest.raises(KeyboardInterrupt, match="before there was anything to keep"):
        several(trainings, report, early_stopping=False, init="random")


def test_folds_of_several_networks_go_together(several, trainings, report, passes):
    several(trainings, report, max_epochs=5, init="random", learning_rate=0.01)
    assert passes == [12, 3]
