import numpy as np

from skae._training.schedule import constant, one_cycle

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
