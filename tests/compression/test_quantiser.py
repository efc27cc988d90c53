"""Rounding to multiples of a step, and the step for a rate."""

import numpy as np
import pytest

from skae.compression.quantiser import dequantise, quantise, step_for


@pytest.fixture
def codes():
    return np.random.default_rng(0).normal(scale=(3.0, 1.0, 0.1), size=(3000, 3))


def test_nearest_multiples():
    symbols = quantise(np.array([[0.24, 0.26, -0.26, 1.0]]), 0.5)
    assert symbols.dtype == np.int64
    assert symbols.tolist() == [[0, 1, -1, 2]]
    assert quantise(np.array([[0.5, 1.5, -0.5]]), 1.0).tolist() == [[0, 2, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_back_in_units_of_the_code(dtype, codes):
    back = dequantise(quantise(codes.astype(dtype), 0.3), 0.3, np.dtype(dtype))
    assert back.dtype == dtype
    assert np.abs(back - codes).max() <= 0.15 + 1e-6
    assert np.abs(back - codes).max() > 0.14


def test_codes_of_too_many_steps():
    with pytest.raises(
        ValueError, match=r"step=1e-20 is too small for codes of up to 5: .* 2\*\*53"
    ):
        quantise(np.array([[5.0]]), 1e-20)
    with pytest.raises(ValueError, match="too small for codes of up to 1e"):
        quantise(np.array([[1e300]]), 1e-20)
    assert quantise(np.array([[2.0**53]]), 1.0) == 2**53
    with pytest.raises(ValueError, match="step=1 is too small"):
        quantise(np.array([[2.0**53 + 2]]), 1.0)


@pytest.mark.parametrize("bits", [1e-6, 0.5, 3.0, 12.0])
def test_step_takes_the_bits(codes, bits):
    symbols = quantise(codes, step_for(bits, codes))
    taken = 0.0
    for column in symbols.T:
        shares = np.unique(column, return_counts=True)[1] / len(column)
        taken -= (shares * np.log2(shares)).sum()
    assert taken == pytest.approx(bits, abs=0.02)
    assert taken <= bits


def test_step_scales_with_the_codes(codes):
    assert step_for(4.0, 1000 * codes) == pytest.approx(1000 * step_for(4.0, codes))


def test_many_rows_are_looked_at_in_part(codes):
    many = np.tile(codes, (10, 1))
    assert step_for(4.0, many) == pytest.approx(step_for(4.0, codes), rel=0.05)


def test_rates_that_no_step_has(codes):
    with pytest.raises(ValueError, match=r"asks for 100 bits .* at most \d+\.?\d*\. Use a lower"):
        step_for(100, codes)
    with pytest.raises(ValueError, match="at most 0"):
        step_for(0.1, np.zeros((5, 2)))
