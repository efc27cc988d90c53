import numpy as np
import pytest
from support.numbers import DATA, VALUES, exact

from skae._data.scaling import LIMIT, Scaling


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_undo_is_the_inverse_of_apply(dtype, tolerance):
    scaling = Scaling(np.array([1.0, -2.0, 3e3, 0.5]), 1234.5)
    scaled = scaling.apply(VALUES, dtype)
    assert scaled.dtype == dtype
    back = scaling.undo(scaled)
    assert back.dtype == np.float64
    np.testing.assert_allclose(back, VALUES, atol=3e3 * tolerance)


def test_undo_by_a_scale_for_each():
    scaling = Scaling(np.array([1.0, -2.0, 3e3, 0.5]), np.array([1e-3, 1, 1e3, 7]))
    scaled = scaling.apply(VALUES, np.float64)
    expected = (VALUES - [1.0, -2.0, 3e3, 0.5]) / [1e-3, 1, 1e3, 7]
    np.testing.assert_allclose(scaled, expected)
    np.testing.assert_allclose(scaling.undo(scaled), VALUES)
    undone = scaling.undo(scaling.apply(VALUES))
    assert undone.dtype == np.float64
    np.testing.assert_allclose(undone, VALUES, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scaled_values_are_cut_off_at_the_limit(dtype):
    scaling = Scaling(np.array([1.0, 0.0]), np.array([2.0, 10.0]), 3.0)
    X = np.array([[7.0, 30], [7.1, 31], [-5, -30], [-6, -1e300], [2, 5]])
    scaled = scaling.apply(X, dtype)
    assert scaled.dtype == dtype
    np.testing.assert_allclose(scaled, [[3, 3], [3, 3], [-3, -3], [-3, -3], [0.5, 0.5]])


def test_nothing_is_cut_off_within_the_limit():
    free = Scaling(np.full(4, 0.5), 2.0)
    limited = Scaling(np.full(4, 0.5), 2.0, 1e9)
    np.testing.assert_array_equal(limited.apply(VALUES), free.apply(VALUES))


def test_what_overflows_is_at_the_limit():
    X = np.array([[1.7e308, -1.7e308], [0.0, 0.0]])
    scaled = Scaling(np.zeros(2), np.full(2, 1e-10), 1e9).apply(X)
    np.testing.assert_array_equal(scaled, np.array([[1e9, -1e9], [0, 0]], dtype=np.float32))


@pytest.mark.parametrize("name", ["float32", "float16", "int8", "uint8", "bool"])
@pytest.mark.parametrize("centre", [0.0, 0.1, 1e3 + 0.1, 1e6 + 0.1])
@pytest.mark.parametrize("scale", [0.7, np.array([1e-3, 1 / 3, 1e3, 7])])
def test_float32_is_as_near_as_rounding(name, centre, scale):
    """The centre has more digits than float32, and rows may lie as near to it as they can."""
    X = DATA[name] if centre < 1e6 else (exact(DATA[name]) + 1e6).astype(np.float32)
    scaling = Scaling(np.full(4, centre), scale)
    expected = scaling.apply(X.astype(np.float64), np.float64)
    scaled = scaling.apply(X)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, expected, rtol=4e-7, atol=1e-12)
    undone = scaling.undo(scaled, np.float32)
    assert undone.dtype == np.float32
    largest = np.abs(X.astype(np.float64)).max() + centre
    np.testing.assert_allclose(undone, X, rtol=0, atol=4e-7 * largest)


def test_float32_is_cut_off():
    scaling = Scaling(np.zeros(2), 1e-10, limit=LIMIT)
    X = np.array([[1e30, -1e30], [1e-10, 0]], dtype=np.float32)
    np.testing.assert_allclose(scaling.apply(X), [[LIMIT, -LIMIT], [1, 0]], rtol=1e-6)
