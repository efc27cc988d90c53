"""The schedule of the learning rate, and its steps."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

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


def test_each_step_sets_the_rates_and_returns_the_fraction_done():
    optimizer = two_groups()
    learning_rate = LearningRate(optimizer, lambda done: 1 - done / 2, 5)
    assert rates_of(optimizer) == [0.3, 0.02]  # nothing has begun
    for i in range(5):
        assert learning_rate.step() == pytest.approx(i / 5)
        assert rates_of(optimizer) == pytest.approx([0.3 * (1 - i / 10), 0.02 * (1 - i / 10)])
        assert learning_rate.n_done == i + 1


def test_more_batches_than_planned_are_a_whole_training_at_most():
    learning_rate = LearningRate(two_groups(), constant, 2)
    assert [learning_rate.step() for _ in range(5)] == [0.0, 0.5, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("n_done", [1, 3, 7])
def test_resuming_is_as_if_the_batches_had_been_stepped_through(n_done):
    stepped, resumed = two_groups(), two_groups()
    one, other = (LearningRate(of, one_cycle, 7) for of in (stepped, resumed))
    for _ in range(n_done):
        one.step()
    other.resume(n_done)
    assert rates_of(resumed) == rates_of(stepped)
    assert other.n_done == one.n_done
    assert other.step() == one.step()
    assert rates_of(resumed) == rates_of(stepped)


def test_learning_rate_follows_the_schedule(fit):
    """Of 16 batches, the last one begins when 15 are done."""
    seen = []

    class Look(Callback):
        def on_batch_begin(self, net, batch=None, training=None, **kwargs):
            if training:
                seen.append({group["lr"] for group in net.optimizer_.param_groups})

    history = fit(schedule=lambda done: 1 - done, callbacks=[Look()]).history
    np.testing.assert_allclose(
        [rate for rates in seen for rate in rates], 0.01 * (1 - np.arange(16) / 16)
    )
    np.testing.assert_allclose(history["learning_rate"][1:], 0.01 * np.array([13, 9, 5, 1]) / 16)


def test_last_learning_rate_is_near_zero(fit):
    rates = fit(n_epochs=20).history["learning_rate"]
    assert 0 < rates.iloc[-1] < 0.01 * rates.max()
