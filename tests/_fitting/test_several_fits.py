"""Several networks of one estimator: their common attributes, and Ctrl-C among them."""

import warnings
from types import SimpleNamespace

import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from skae._checkpoints.trainings import Trainings
from skae._fitting.several_fits import common_attributes, until_interrupted


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
