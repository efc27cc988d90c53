import numpy as np
import pytest
import torch
from support.corruptions import N_FEATURES, bounded_data, data, seeded

from skae.corruptions import Features, Gaussian


def test_features_are_kept_in_scaled_units():
    X, scaled, features = data()
    torch.testing.assert_close(features.mean, scaled.mean(0))
    torch.testing.assert_close(features.deviation, scaled.std(0, correction=0))
    torch.testing.assert_close(features.low, scaled.amin(0))
    torch.testing.assert_close(features.high, scaled.amax(0))
    torch.testing.assert_close(features.unscaled(scaled), X)
    torch.testing.assert_close(features.scaled(X), scaled)


def test_features_scale_numbers_and_rows():
    X, scaled, features = data()
    torch.testing.assert_close(features.scaled(X[0]), scaled[0])
    zero = features.scaled(0)
    assert zero.shape == (N_FEATURES,)
    torch.testing.assert_close(zero, -features.centre / 7)
    torch.testing.assert_close(features.unscaled(zero), torch.zeros_like(zero), atol=1e-12, rtol=0)
    torch.testing.assert_close(features.scaled(np.float32(0)), zero)
    torch.testing.assert_close(features.scaled(torch.zeros(3, 1)), zero.expand(3, -1))


def test_features_far_from_zero_keep_their_digits():
    features = Features((3,))
    features.set(
        mean=np.full(3, 1e8 + 1),
        deviation=np.full(3, 2.0),
        low=np.full(3, 1e8 - 1),
        high=torch.full((3,), 1e8 + 3, dtype=torch.float64),
        centre=np.full(3, 1e8),
        scale=2.0,
    )
    assert features.mean.dtype == torch.float32
    assert features.mean.tolist() == [0.5] * 3
    assert features.low.tolist() == [-0.5] * 3
    assert features.high.tolist() == [1.5] * 3
    assert features.deviation.tolist() == [1] * 3


def test_features_take_numbers_and_read_only_arrays():
    centre = np.arange(4.0)
    centre.flags.writeable = False
    features = Features((2, 2))
    features.set(mean=0.0, deviation=3, low=-1, high=1.0, centre=centre, scale=np.float64(2))
    assert features.sample_shape == (2, 2)
    assert features.mean.tolist() == [0, -0.5, -1, -1.5]
    assert features.deviation.tolist() == [1.5] * 4
    assert features.scale.tolist() == [2] * 4


def test_features_may_have_scales_of_their_own():
    X, _, features = data()
    centre, scale = X.mean(0), torch.linspace(0.5, 20, N_FEATURES, dtype=torch.float64)
    features.set(mean=X.mean(0), deviation=X.std(0), low=-1, high=1, centre=centre, scale=scale)
    scaled = (X - centre) / scale
    torch.testing.assert_close(features.scaled(X), scaled)
    torch.testing.assert_close(features.unscaled(scaled), X)
    torch.testing.assert_close(features.deviation, scaled.std(0))
    torch.testing.assert_close(features.low, (-1 - centre) / scale)
    noise = Gaussian(2.0, relative=False, clip=None).corrupt(scaled, features, seeded()) - scaled
    assert (noise * scale).std() == pytest.approx(2, rel=0.05)


def test_features_know_nothing_at_first():
    features = Features([2, 3])
    X = torch.randn(5, 6, generator=seeded())
    assert features.sample_shape == (2, 3)
    assert torch.equal(features.scaled(X), X)
    assert torch.equal(features.unscaled(X), X)
    assert torch.equal(features.deviation, torch.ones(6))
    assert set(features.state_dict()) == {"mean", "deviation", "low", "high"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_with_common_bounds_are_bounded(dtype):
    _, _, features = bounded_data(dtype=dtype)
    for found, expected in zip(features.to(dtype).bounds(), (50, 250), strict=True):
        in_units = features.unscaled(found)
        torch.testing.assert_close(in_units, torch.full_like(in_units, expected))


def test_rows_without_common_bounds_are_unbounded():
    assert data()[2].bounds() is None
    assert Features((3,)).bounds() is None


def test_a_bound_on_one_side_is_none():
    """As of counts."""
    _, _, features = bounded_data()
    features.high.copy_(torch.linspace(1, 2, N_FEATURES))
    assert features.bounds() is None


def test_two_features_share_no_bounds_by_chance():
    features = Features((2,))
    features.set(mean=0, deviation=1, low=np.r_[-3.0, -2], high=np.r_[2.0, 3], centre=0, scale=1)
    assert features.bounds() is None
