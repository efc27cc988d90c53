import numpy as np
import pytest
import scipy.sparse as sp
from support.numbers import DATA, VALUES, each_data, exact

from skae._data.blocks import densify
from skae._data.moments import Moments, robust_scaling
from skae._data.scaling import LIMIT


@each_data
def test_moments_are_numpys(name):
    X = DATA[name]
    moments, dense = Moments.of(X), exact(X)
    np.testing.assert_allclose(moments.mean, dense.mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(moments.deviation, np.sqrt(dense.var(axis=0).mean()), rtol=1e-10)
    np.testing.assert_allclose(moments.deviations, dense.std(axis=0), rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(moments.lows, dense.min(axis=0))
    np.testing.assert_array_equal(moments.highs, dense.max(axis=0))
    for values in (moments.mean, moments.deviations, moments.lows, moments.highs):
        assert values.dtype == np.float64
        assert values.shape == (X.shape[1],)
    assert moments.minimum == dense.min()
    assert moments.maximum == dense.max()


@each_data
def test_a_weight_counts_repetitions(name, monkeypatch):
    monkeypatch.setattr("skae._data.blocks._BLOCK_ENTRIES", 40)
    X = DATA[name]
    counts = np.arange(X.shape[0]) % 4 + 1
    weighted = Moments.of(X, counts / counts.mean())
    repeated = Moments.of(np.repeat(exact(X), counts, axis=0))
    np.testing.assert_allclose(weighted.mean, repeated.mean, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(weighted.deviation, repeated.deviation, rtol=1e-10)
    np.testing.assert_allclose(
        weighted.deviations, repeated.deviations, rtol=1e-10, atol=1e-12 * repeated.deviation
    )
    np.testing.assert_array_equal(weighted.lows, repeated.lows)
    np.testing.assert_array_equal(weighted.highs, repeated.highs)


@pytest.mark.parametrize("size", [1e-200, 1e-30, 1.0, 1e30, 1e200])
def test_extreme_magnitudes(size):
    moments, reference = Moments.of(VALUES * size), Moments.of(VALUES)
    np.testing.assert_allclose(moments.mean, reference.mean * size, rtol=1e-12)
    np.testing.assert_allclose(moments.deviation, reference.deviation * size, rtol=1e-12)
    np.testing.assert_allclose(moments.deviations, reference.deviations * size, rtol=1e-12)
    scaling = moments.scaling(rescales=True)
    scaled = scaling.apply(VALUES * size, np.float64)
    np.testing.assert_allclose(scaled.var(axis=0).mean(), 1, rtol=1e-10)
    np.testing.assert_allclose(scaling.undo(scaled), VALUES * size, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int64, np.uint8])
@pytest.mark.parametrize("n_samples", [1, 2, 3, 7, 10, 49])
def test_constant_data_are_scaled_to_zero(dtype, n_samples):
    row = np.array([0.1, 0.7, -1.3, 3.0, 200.6]).astype(np.int64).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        row = np.array([0.1, 0.7, -1.3, 3.0, 200.6]).astype(dtype)
    X = np.tile(row, (n_samples, 1))
    scaling = Moments.of(X).scaling(rescales=True)
    np.testing.assert_allclose(scaling.apply(X), 0, atol=1e-10)
    np.testing.assert_allclose(scaling.undo(scaling.apply(X)), X, rtol=1e-10)


def test_data_of_zeros():
    moments = Moments.of(np.zeros((5, 3)))
    assert moments.deviation == 0
    scaling = moments.scaling(rescales=True)
    assert scaling.scale == 1
    assert (scaling.apply(np.zeros((5, 3))) == 0).all()


def test_a_single_entry_that_differs_is_no_constant():
    X = np.zeros((1000, 3))
    X[7, 1] = 1e-12
    scaled = Moments.of(X).scaling(rescales=True).apply(X, np.float64)
    np.testing.assert_allclose(scaled.var(axis=0).mean(), 1)


def test_eight_bit_images_do_not_overflow():
    X = np.array([[0, 255], [255, 0], [200, 100]], dtype=np.uint8)
    scaling = Moments.of(X).scaling(rescales=True)
    dense = X.astype(np.float64)
    expected = (dense - dense.mean(0)) / np.sqrt(dense.var(0).mean())
    np.testing.assert_allclose(scaling.apply(X, np.float64), expected, rtol=1e-12)
    np.testing.assert_allclose(scaling.undo(scaling.apply(X, np.float64)), dense, atol=1e-10)


def test_one_scale_for_all_features():
    scaling = Moments.of(VALUES).scaling(rescales=True)
    scaled = scaling.apply(VALUES, np.float64)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0) * scaling.scale, VALUES.std(axis=0))


def test_without_rescaling_the_data_stay():
    scaling = Moments.of(VALUES).scaling(rescales=False)
    np.testing.assert_array_equal(scaling.apply(VALUES, np.float64), VALUES)
    np.testing.assert_array_equal(scaling.undo(VALUES), VALUES)


def test_scaling_does_not_lose_digits_of_float32_far_from_zero():
    """Subtracting the mean in float32 would leave the noise of rounding."""
    X = (1e6 + VALUES).astype(np.float32)
    scaling = Moments.of(X).scaling(rescales=True)
    dense = X.astype(np.float64)
    expected = (dense - dense.mean(0)) / np.sqrt(dense.var(0).mean())
    np.testing.assert_allclose(scaling.apply(X, np.float64), expected, rtol=1e-8, atol=1e-8)


def test_each_feature_has_its_own_scale():
    scaling = Moments.of(VALUES).scaling(rescales=True, each=True)
    np.testing.assert_allclose(scaling.scale, VALUES.std(axis=0))
    np.testing.assert_allclose(scaling.centre, VALUES.mean(axis=0))
    scaled = scaling.apply(VALUES, np.float64)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1)
    np.testing.assert_allclose(scaling.undo(scaled), VALUES)


def test_a_scale_for_each_feature_is_asked_for():
    moments = Moments.of(VALUES)
    assert np.ndim(moments.scaling(rescales=True).scale) == 0
    assert np.ndim(moments.scaling(rescales=True, each=True).scale) == 1


@each_data
def test_each_feature_of_any_data_is_standardized(name):
    X = DATA[name]
    dense, scaling = exact(X), Moments.of(X).scaling(rescales=True, each=True)
    scaled = scaling.apply(densify(X), np.float64)
    constant = dense.std(axis=0) == 0
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(scaled.std(axis=0), np.where(constant, 0, 1), rtol=1e-9)
    np.testing.assert_allclose(scaling.undo(scaled), dense, rtol=1e-10, atol=1e-10)
    assert scaling.apply(densify(X)).dtype == np.float32


def test_without_rescaling_there_is_no_scale_for_each():
    scaling = Moments.of(VALUES).scaling(rescales=False, each=True)
    np.testing.assert_array_equal(scaling.apply(1e30 * VALUES, np.float64), 1e30 * VALUES)
    assert scaling.scale == 1


@pytest.mark.parametrize("value", [0.0, 0.1, -7e20, 3e-300])
def test_constant_features_have_a_scale_of_one(value):
    X = np.column_stack([VALUES, np.full(50, value)])
    scaling = Moments.of(X).scaling(rescales=True, each=True)
    assert scaling.scale[4] == 1
    assert (scaling.apply(X, np.float64)[:, 4] == 0).all()
    # A row that is not constant there is seen, in units of X.
    row = X[:1].copy()
    row[0, 4] += 2.5
    expected = 2.5 if abs(value) < 1 else 0
    np.testing.assert_allclose(scaling.apply(row, np.float64)[0, 4], expected, atol=1e-12)


@pytest.mark.parametrize("size", [1e-200, 1e-30, 1.0, 1e30, 1e200])
def test_extreme_magnitudes_of_all_features(size):
    scaling = Moments.of(VALUES * size).scaling(rescales=True, each=True)
    scaled = scaling.apply(VALUES * size, np.float64)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-10)
    np.testing.assert_allclose(scaling.undo(scaled), VALUES * size, rtol=1e-12)


@pytest.mark.parametrize("ratio", [1e-8, 1e-100, 1e-170, 1e-300])
def test_magnitudes_of_features_far_apart(ratio):
    X = VALUES * [1, ratio, 1, 1]
    scaling = Moments.of(X).scaling(rescales=True, each=True)
    np.testing.assert_allclose(scaling.apply(X, np.float64).std(axis=0), 1, rtol=1e-6)


def test_rows_weigh_as_in_the_moments():
    counts = np.arange(50) % 3 + 1
    weighted = Moments.of(VALUES, counts.astype(float)).scaling(rescales=True, each=True)
    repeated = Moments.of(np.repeat(VALUES, counts, axis=0)).scaling(rescales=True, each=True)
    np.testing.assert_allclose(weighted.scale, repeated.scale)


@pytest.mark.parametrize("rescales", [True, False])
@pytest.mark.parametrize("each", [True, False])
def test_a_limit_is_asked_for(rescales, each):
    moments = Moments.of(VALUES)
    assert moments.scaling(rescales=rescales, each=each).limit == np.inf
    limited = moments.scaling(rescales=rescales, each=each, limited=True)
    assert limited.limit == LIMIT
    free = moments.scaling(rescales=rescales, each=each)
    np.testing.assert_array_equal(limited.apply(VALUES), free.apply(VALUES))


def test_squares_of_squares_of_the_limit_are_finite():
    """In float32 for what a network makes of rows, and in float64 for the scores."""
    scaling = Moments.of(VALUES).scaling(rescales=True, each=True, limited=True)
    scaled = scaling.apply(np.full((1, 4), 1e300))
    assert (scaled == LIMIT).all()
    assert np.isfinite(np.square(scaled)).all()
    assert np.isfinite(np.square(np.square(scaled.astype(np.float64)))).all()


def test_rows_that_are_scaled_are_left_alone():
    X = np.full((3, 4), 1e300)
    Moments.of(VALUES).scaling(rescales=True, each=True, limited=True).apply(X, np.float64)
    assert (X == 1e300).all()


def robust(X):
    return robust_scaling(X, Moments.of(X))


@each_data
def test_robust_scaling_is_by_quartiles(name):
    X = DATA[name]
    dense, scaling = exact(X), robust(X)
    low, middle, high = np.percentile(dense, [25, 50, 75], axis=0)
    np.testing.assert_allclose(scaling.centre, middle)
    spread = np.where(high > low, (high - low) / 1.34898, dense.std(axis=0))
    np.testing.assert_allclose(scaling.scale, np.where(spread > 0, spread, 1), rtol=1e-5)
    assert scaling.limit == LIMIT
    np.testing.assert_allclose(scaling.undo(scaling.apply(densify(X), np.float64)), dense)


def test_robust_scaling_of_normal_features_standardizes():
    X = np.random.default_rng(0).normal(size=(15_000, 2)) * [3, 0.1] + [7, -2]
    np.testing.assert_allclose(robust(X).scale, [3, 0.1], rtol=0.03)
    np.testing.assert_allclose(robust(X).centre, [7, -2], atol=0.1)


@pytest.mark.parametrize("size", [1e3, 1e12, 1e300])
def test_outliers_change_robust_scaling_little(size):
    X = np.random.default_rng(0).normal(size=(2000, 3))
    clean = robust(X)
    X[:200] = size
    np.testing.assert_allclose(robust(X).scale, clean.scale, rtol=0.25)
    np.testing.assert_allclose(robust(X).centre, clean.centre, atol=0.25)
    assert np.isfinite(robust(X).apply(X)).all()


def test_robust_scaling_of_a_majority_of_one_value():
    X = np.zeros((100, 2))
    X[:20, 0] = 5.0
    scaling = robust(X)
    np.testing.assert_allclose(scaling.scale, [2, 1])
    np.testing.assert_array_equal(scaling.centre, 0)


def test_robust_scaling_of_many_rows_takes_some_from_everywhere(monkeypatch):
    monkeypatch.setattr("skae._data.moments._ROWS_OF_QUANTILES", 50)
    X = np.linspace(0, 1, 5001)[:, None]
    scaling = robust(X)
    np.testing.assert_allclose(scaling.centre, 0.5, atol=0.02)
    np.testing.assert_allclose(scaling.scale, 0.5 / 1.34898, rtol=0.03)
    np.testing.assert_array_equal(robust(sp.csr_matrix(X)).scale, scaling.scale)


@pytest.mark.parametrize("size", [1e-37, 1e-19, 1e-17, 1e17, 1e19, 1e36])
def test_float32_of_extreme_magnitudes(size):
    X = (VALUES * size).astype(np.float32)
    scaling = Moments.of(X).scaling(rescales=True)
    expected = Moments.of(VALUES).scaling(rescales=True).apply(VALUES)
    np.testing.assert_allclose(scaling.apply(X), expected, atol=1e-4)
    np.testing.assert_allclose(scaling.undo(scaling.apply(X), np.float32), X, rtol=1e-4)
