"""The schedule of the learning rate, and its steps."""

import math

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, LRScheduler

from skae._training.schedule import LearningRate, constant, one_cycle

SHARES = np.linspace(0, 1, 10_001)


def test_one_cycle_starts_low_peaks_at_one_and_ends_at_zero():
    factors = np.array([one_cycle(share) for share in SHARES])
    assert 0 < factors[0] < 0.2
    assert np.isclose(factors.max(), 1)
    assert abs(factors[-1]) < 1e-12
    assert (factors[:-1] > 0).all()


def test_one_cycle_rises_once_and_falls_once():
    factors = np.array([one_cycle(share) for share in SHARES])
    peak = factors.argmax()
    assert 0 < peak < len(SHARES) / 2
    assert (np.diff(factors[: peak + 1]) >= 0).all()
    assert (np.diff(factors[peak:]) <= 0).all()


def test_one_cycle_has_no_jumps():
    factors = np.array([one_cycle(share) for share in SHARES])
    assert np.abs(np.diff(factors)).max() < 0.01


def test_constant():
    assert {constant(share) for share in SHARES} == {1.0}


def test_one_cycle_goes_through_its_closed_form():
    """Half cosines from 0.04 to 1 in the first tenth of the batches, and from 1 to 0 after it."""
    assert one_cycle(0.0) == pytest.approx(0.04)
    assert one_cycle(0.025) == pytest.approx(0.04 + 0.96 * (1 - np.cos(np.pi / 4)) / 2)
    assert one_cycle(0.05) == pytest.approx(0.52)
    assert one_cycle(0.1) == pytest.approx(1.0)
    assert one_cycle(0.325) == pytest.approx((1 + np.cos(np.pi / 4)) / 2)
    assert one_cycle(0.55) == pytest.approx(0.5)


def two_groups(rates=(0.3, 0.02)):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(2))], "lr": rate} for rate in rates]
    return torch.optim.SGD(groups)


def rates_of(optimizer):
    return [group["lr"] for group in optimizer.param_groups]


def begin(learning_rate, optimizer):
    """Take one step; return the fraction that was done before it, and the rates in it."""
    with learning_rate.step(optimizer) as done:
        return done, rates_of(optimizer)


def test_each_step_multiplies_the_rates_and_gives_them_back():
    optimizer = two_groups()
    learning_rate = LearningRate(lambda done: 1 - done / 2, 5)
    assert math.isnan(learning_rate.last)
    for i in range(5):
        done, rates = begin(learning_rate, optimizer)
        assert done == pytest.approx(i / 5)
        assert rates == pytest.approx([0.3 * (1 - i / 10), 0.02 * (1 - i / 10)])
        assert rates_of(optimizer) == [0.3, 0.02]
        assert learning_rate.n_done == i + 1
        assert learning_rate.last == rates[0]


def test_more_batches_than_planned_are_a_whole_training_at_most():
    learning_rate, optimizer = LearningRate(constant, 2), two_groups()
    done = [begin(learning_rate, optimizer)[0] for _ in range(5)]
    assert done == [0.0, 0.5, 1.0, 1.0, 1.0]


def test_the_schedule_is_multiplied_onto_rates_that_change():
    """Between steps or in the middle of one: a rate that is set stays."""
    optimizer, learning_rate = two_groups(), LearningRate(lambda done: 0.5, 5)
    begin(learning_rate, optimizer)
    optimizer.param_groups[0]["lr"] = 0.1
    assert begin(learning_rate, optimizer)[1] == [0.05, 0.01]
    with learning_rate.step(optimizer):
        optimizer.param_groups[1]["lr"] = 0.4
    assert rates_of(optimizer) == [0.1, 0.4]
    assert begin(learning_rate, optimizer)[1] == [0.05, 0.2]


@pytest.mark.parametrize("n_done", [1, 3, 7])
def test_resuming_is_as_if_the_batches_had_been_stepped_through(n_done):
    stepped, resumed = two_groups(), two_groups()
    one, other = LearningRate(one_cycle, 7), LearningRate(one_cycle, 7)
    stepped.param_groups[0]["lr"] = 0.7  # by a callback
    for _ in range(n_done):
        begin(one, stepped)
    other.restore(resumed, one.capture(stepped))
    assert rates_of(resumed) == rates_of(stepped)
    assert (other.n_done, other.last) == (one.n_done, one.last)
    assert begin(other, resumed) == begin(one, stepped)


def test_learning_rate_follows_the_schedule(fit):
    """Of 16 batches, the last one begins when 15 are done."""
    seen = []

    class Look(Callback):
        def on_grad_computed(self, net, named_parameters=None, **kwargs):
            seen.append({group["lr"] for group in net.optimizer_.param_groups})

    history = fit(schedule=lambda done: 1 - done, callbacks=[Look()]).history
    np.testing.assert_allclose(
        [rate for rates in seen for rate in rates], 0.01 * (1 - np.arange(16) / 16)
    )
    np.testing.assert_allclose(history["learning_rate"][1:], 0.01 * np.array([13, 9, 5, 1]) / 16)


@pytest.mark.parametrize(
    ("scheduler", "rates"),
    [
        (LRScheduler("StepLR", step_size=2, gamma=0.1), [1, 1, 0.1, 0.1]),
        (LRScheduler("ExponentialLR", gamma=0.5), [1, 0.5, 0.25, 0.125]),
        (LRScheduler("LambdaLR", lr_lambda=lambda epoch: 1 + epoch), [1, 2, 3, 4]),
        (
            LRScheduler("ReduceLROnPlateau", patience=0, threshold=0.9, factor=0.1),
            [1, 1, 0.1, 0.01],
        ),
    ],
    ids=lambda given: given.policy if isinstance(given, LRScheduler) else "",
)
def test_schedulers_of_torch_change_the_steps(fit, scheduler, rates):
    """The rates of the epochs are those of torch's documentation, times the schedule."""
    schedule = one_cycle if scheduler.policy == "StepLR" else constant
    history = fit(callbacks=[scheduler], schedule=schedule).history
    own = fit(schedule=schedule).history["learning_rate"][1:]
    np.testing.assert_allclose(history["learning_rate"][1:], own * rates)
    np.testing.assert_allclose(history["event_lr"][1:], 0.01 * np.array(rates))


def test_a_rate_of_zero_stands_still(fit):
    class Stop(Callback):
        def on_epoch_begin(self, net, **kwargs):
            for group in net.optimizer_.param_groups:
                group["lr"] = 0.0

    losses = fit(callbacks=[Stop()]).history["valid_loss"]
    assert losses.nunique() == 1


def test_last_learning_rate_is_near_zero(fit):
    rates = fit(n_epochs=20).history["learning_rate"]
    assert 0 < rates.iloc[-1] < 0.01 * rates.max()
