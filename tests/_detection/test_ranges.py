"""Ranges of columns, and what is added to scores for values far outside of them."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skae._detection.ranges import Ranges

LARGE = [1.0, 1.5, 2.0, 5.0, 100.0, 1e6, 1e100, 1e150]


def of_value(value, low=0.0, high=4.0, size=1.0):
    ranges = Ranges(np.array([low]), np.array([high]), size)
    return float(ranges.of_features(torch.tensor([[value]], dtype=torch.float64)))


@pytest.mark.parametrize("value", [0.0, 2.0, 4.0, 5.9, 6.0, -2.0])
def test_values_near_the_range_add_nothing(value):
    assert of_value(value) == 0


@pytest.mark.parametrize("value", [7.0, -3.0])
def test_three_quarters_of_a_width_add_a_quarter(value):
    assert of_value(value, size=20.0) == pytest.approx(5.0)


@pytest.mark.parametrize("sign", [-1, 1])
def test_one_width_adds_the_size_and_farther_values_add_more(sign):
    added = [of_value(2 + sign * (2 + 4 * widths), size=3.0) for widths in LARGE]
    assert added[0] == pytest.approx(3.0)
    assert (np.diff(added) > 0).all()
    np.testing.assert_allclose(added, [3 * (2 * widths - 1) ** 2 for widths in LARGE])


@pytest.mark.parametrize("constant", [5.0, -5.0, 0.1, 1e9, 1e-30, 1e30])
def test_any_change_of_a_constant_column_beyond_rounding(constant):
    same = [constant, float(np.float32(constant)), constant * (1 + 1e-7)]
    assert [of_value(value, constant, constant) for value in same] == [0, 0, 0]
    changes = np.array([1e-5, 1e-3, 1.0, 1e6])
    added = [of_value(constant * (1 + change), constant, constant, 2.0) for change in changes]
    assert min(added) > 2
    assert (np.diff(added) > 0).all()
    np.testing.assert_allclose(added, 2 * (1 + np.log10(changes * 2**20) / 10), rtol=1e-6)


def test_any_change_of_a_column_of_zeros():
    changes = [1e-30, 1e-3, 1.0, 1e6]
    added = [of_value(value, 0.0, 0.0) for value in (0.0, -0.0, *changes)]
    assert added[:2] == [0, 0]
    assert (np.diff(added[1:]) > 0).all()
    assert added[2] > 1
    assert added[2:] == [of_value(-value, 0.0, 0.0) for value in changes]


def test_rounding_in_training_is_no_range():
    assert of_value(0.1 + 1e-9, 0.1, 0.1 + 1e-16) == 0
    assert of_value(0.1 + 1e-6, 0.1, 0.1 + 1e-16) > 1


def test_missing_values_add_nothing():
    assert of_value(np.nan) == 0
    assert of_value(np.nan, 5.0, 5.0) == 0


def test_ranges_are_those_of_known_values():
    X = np.array([[1.0, np.nan, 5.0], [3.0, np.nan, np.nan], [-2.0, np.nan, 7.0]])
    ranges = Ranges.of(X)
    np.testing.assert_array_equal(ranges.low, [-2, -np.inf, 5])
    np.testing.assert_array_equal(ranges.high, [3, np.inf, 7])
    assert (ranges.added(np.array([[3.0, 1e300, 5.0]])) == 0).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_sparse_rows_and_other_dtypes(dtype):
    X = np.random.default_rng(0).poisson(0.3, (50, 4)).astype(dtype)
    far = X.copy()
    far[3, 1], far[7, 2] = 100, 200
    expected = Ranges.of(X.astype(float)).added(far.astype(float))
    assert set(np.flatnonzero(expected)) == {3, 7}
    np.testing.assert_array_equal(Ranges.of(X).added(far), expected)
    np.testing.assert_array_equal(Ranges.of(sp.csr_matrix(X)).added(sp.csr_matrix(far)), expected)


def test_a_row_adds_up_its_values():
    X = np.random.default_rng(0).normal(size=(50, 3))
    ranges = Ranges.of(X)
    far = np.array([[50.0, -60.0, 0.0]])
    each = [ranges.added(np.where(np.arange(3) == j, far, 0.0))[0] for j in range(3)]
    assert ranges.added(far)[0] == pytest.approx(sum(each))
    np.testing.assert_allclose(ranges.of_rows(far)[0], each)


def range_with(core, others):
    columns = (np.array(values, dtype=float)[:, None] for values in (core, others))
    ranges = Ranges.of(*columns)
    return float(ranges.low[0]), float(ranges.high[0])


def test_the_tail_beyond_the_core_belongs_to_the_range():
    assert range_with([0, 1], [1.9, 3, 6, 11]) == (0, 11)
    assert range_with([0, 1], [-0.5, -2, -5]) == (-5, 1)


def test_values_far_from_all_others_do_not():
    assert range_with([0, 1], [2.5, 1e6]) == (0, 1)
    assert range_with([0, 1], [2, 4.5, -1e6]) == (0, 2)
    assert range_with([0, 1], [np.nan]) == (0, 1)


def test_a_column_that_is_constant_in_the_core_has_the_range_of_all_rows():
    """Such as a rare category."""
    assert range_with([0, 0], [0, 1, 0]) == (0, 1)
    assert range_with([np.nan, np.nan], [2, 1]) == (1, 2)
    assert range_with([3, 3], []) == (3, 3)


def test_what_is_added_has_gradients():
    ranges = Ranges(np.array([0.0, 5.0, -np.inf]), np.array([4.0, 5.0, np.inf]))
    X = torch.tensor([[9.0, 6.0, 1.0], [2.0, 5.0, np.nan]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(ranges.of_features(X).sum(), X)
    assert torch.isfinite(gradient).all()
    assert gradient[0, 0] == pytest.approx(2 * (2 * 5 / 4 - 1) * 2 / 4)
    assert gradient[0, 1] > 0
    assert (gradient[1] == 0).all()
