"""The numbers that a training goes by."""

from dataclasses import FrozenInstanceError, fields, replace

import pandas as pd
import pytest
import torch

from skae._training.schedule import constant


def test_a_plan_cannot_be_changed(make_plan):
    plan = make_plan()
    for field in fields(plan):
        with pytest.raises(FrozenInstanceError):
            setattr(plan, field.name, 1)
    assert replace(plan, n_epochs=9).n_epochs == 9
    assert plan.n_epochs == 4


@pytest.mark.parametrize(("stop_after", "last"), [(None, 4), (0, 0), (3, 3)])
def test_the_last_epoch_is_the_one_to_stop_after(make_plan, fit, stop_after, last):
    plan = make_plan(stop_after=stop_after)
    assert plan.last_epoch == last
    assert fit(stop_after=stop_after).history["epoch"].iloc[-1] == last


def test_stopping_early_does_not_change_the_schedule(fit):
    """The epochs that are run are those of the whole training."""
    whole, stopped = fit().history, fit(stop_after=2).history
    columns = ["train_loss", "valid_loss", "learning_rate"]
    pd.testing.assert_frame_equal(whole[columns][:3], stopped[columns])


@pytest.mark.parametrize(("n_rows", "n_steps"), [(40, 12), (45, 12), (50, 15), (7, 3), (1, 3)])
def test_number_of_steps_is_epochs_times_batches(make_plan, n_rows, n_steps):
    assert make_plan().n_steps(n_rows, pd.DataFrame({"epoch": range(4)})) == n_steps


def test_defaults_change_nothing(make_plan):
    plan = make_plan()
    assert plan.on_epoch({}, dict) is False
    assert plan.callbacks == []
    assert plan.callbacks is not make_plan().callbacks


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 0.003},
        {"batch_size": 20},
        {"optimizer": torch.optim.SGD},
        {"weight_decay": 0.5},
        {"schedule": constant},
        {"precision": "bfloat16"},
        {"n_epochs": 3},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_part_of_the_plan_takes_effect(fit, change):
    default, changed = fit().weights, fit(**change).weights
    assert not torch.equal(default["encoder.0.weight"], changed["encoder.0.weight"])
    assert {tensor.dtype for tensor in changed.values()} == {torch.float32}
