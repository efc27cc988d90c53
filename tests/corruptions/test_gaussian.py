import math
import re

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from support.corruptions import (
    N_FEATURES,
    NO_NUMBERS,
    SAMPLE_SHAPE,
    bounded_data,
    data,
    refuses,
    seeded,
)

from skae.corruptions import Gaussian


def test_gaussian_noise_is_relative_to_each_feature():
    _, X, features = data(20_000)
    noise = Gaussian(level=0.5, relative=True).corrupt(X, features, seeded()) - X
    torch.testing.assert_close(noise.std(0), 0.5 * features.deviation, rtol=0.03, atol=0)
    assert (noise.mean(0).abs() < 5 * 0.5 * features.deviation / 20_000**0.5).all()
    kurtosis = (noise / noise.std(0)).pow(4).mean()
    assert kurtosis == pytest.approx(3, abs=0.05)


def test_gaussian_noise_of_entries_is_independent():
    _, X, features = data(20_000)
    noise = Gaussian().corrupt(X, features, seeded()) - X
    correlation = torch.corrcoef(noise.T) - torch.eye(N_FEATURES)
    assert correlation.abs().max() < 6 / 20_000**0.5


def test_gaussian_noise_in_units_of_the_data():
    raw, X, features = data(20_000)
    shown = Gaussian(level=2.5, relative=False).corrupt(X, features, seeded())
    deviation = (features.unscaled(shown) - raw).std(0)
    np.testing.assert_allclose(deviation.numpy(), 2.5, rtol=0.03)


def test_gaussian_spares_constant_features():
    _, X, features = data()
    features.deviation[3] = 0
    shown = Gaussian(relative=True).corrupt(X, features, seeded())
    assert torch.equal(shown[:, 3], X[:, 3])
    shown = Gaussian(relative=False).corrupt(X, features, seeded())
    assert (shown[:, 3] != X[:, 3]).all()


@pytest.mark.parametrize("relative", [True, False])
def test_gaussian_noise_is_proportional_to_its_level(relative):
    _, X, features = data()
    small, large = (
        Gaussian(level, relative).corrupt(X, features, seeded()) - X for level in (0.1, 0.4)
    )
    torch.testing.assert_close(large, 4 * small)


def test_gaussian_clips_to_the_range_of_all_features():
    raw, X, features = data()
    free = features.unscaled(Gaussian(level=3.0).corrupt(X, features, seeded()))
    shown = features.unscaled(Gaussian(level=3.0, clip="range").corrupt(X, features, seeded()))
    assert free.min() < raw.min() - 1
    assert free.max() > raw.max() + 1
    torch.testing.assert_close(shown, free.clamp(raw.min(), raw.max()))
    # One range for all: the first feature, whose values are small, goes beyond its own.
    assert shown[:, 0].max() > raw[:, 0].max()


@pytest.mark.parametrize("clip", [(-10, 25.0), [0, math.inf], (-math.inf, np.float32(20))])
def test_gaussian_clips_in_units_of_the_data(clip):
    _, X, features = data()
    free = features.unscaled(Gaussian().corrupt(X, features, seeded()))
    shown = features.unscaled(Gaussian(clip=clip).corrupt(X, features, seeded()))
    torch.testing.assert_close(shown, free.clamp(float(clip[0]), float(clip[1])))
    assert not torch.allclose(shown, free)


def noise_of_rows(corruption, n_samples=400, n_features=2000):
    """Return noise in deviations of the features, (n_samples, n_features)."""
    _, X, features = data(n_samples, (n_features,))
    noise = corruption.corrupt(X, features, seeded()) - X
    return noise / (features.deviation if corruption.relative else 1 / features.scale)


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("level", [(0.02, 0.5), [1, 10.0], (0.3, 0.31)])
def test_levels_of_rows_are_log_uniform(level, relative):
    low, high = (math.log(bound) for bound in level)
    found = noise_of_rows(Gaussian(level, relative)).square().mean(1).sqrt().log()
    # The level of a row is known to 1.6 percent.
    assert found.min() > low - 0.08
    assert found.max() < high + 0.08
    if high - low < 0.1:
        assert found.std() < 0.03
        return
    fraction = (found - low) / (high - low)
    assert kstest(fraction.numpy(), "uniform").pvalue > 0.01
    # Not uniform in the level itself.
    levels = (found.exp() - level[0]) / (level[1] - level[0])
    assert kstest(levels.numpy(), "uniform").pvalue < 1e-6


def test_a_row_has_one_level():
    noise = noise_of_rows(Gaussian((0.02, 0.5), relative=True))
    halves = [half.square().mean(1).sqrt() for half in (noise[:, :1000], noise[:, 1000:])]
    assert ((halves[0] / halves[1]).log().abs() < 0.2).all()
    in_levels = noise / noise.square().mean(1, keepdim=True).sqrt()
    assert in_levels.pow(4).mean() == pytest.approx(3, abs=0.05)
    assert in_levels.mean() == pytest.approx(0, abs=0.01)


def test_rows_have_levels_of_their_own():
    levels = noise_of_rows(Gaussian((0.02, 0.5), relative=True)).square().mean(1).sqrt().log()
    neighbours = torch.corrcoef(torch.stack([levels[1:], levels[:-1]]))[0, 1]
    assert levels.std() > 0.5
    assert abs(neighbours) < 0.2


def test_levels_are_those_of_the_generator(generator):
    _, X, features = data(200)
    gaussian = Gaussian((0.01, 1.0))
    first, again, other = (gaussian.corrupt(X, features, seeded(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    sizes = [(shown - X).square().mean(1).log() for shown in (first, other)]
    assert abs(torch.corrcoef(torch.stack(sizes))[0, 1]) < 0.3
    assert not torch.equal(
        gaussian.corrupt(X, features, generator), gaussian.corrupt(X, features, generator)
    )


def test_a_range_of_levels_spares_constant_features_and_clips():
    _, X, features = data(200)
    features.deviation[3] = 0
    free = Gaussian((1.0, 5.0), True).corrupt(X, features, seeded())
    assert torch.equal(free[:, 3], X[:, 3])
    shown = Gaussian((1.0, 5.0), True, clip=(-10, 25)).corrupt(X, features, seeded())
    torch.testing.assert_close(features.unscaled(shown), features.unscaled(free).clamp(-10, 25))


@pytest.mark.parametrize(
    "level",
    [
        0,
        -0.1,
        *NO_NUMBERS,
        (),
        (0.1,),
        (0.1, 0.2, 0.3),
        (0, 1),
        (-0.1, 0.5),
        (0.5, 0.1),
        (0.3, 0.3),
        (0.1, math.inf),
        (math.nan, 0.5),
        (0.1, math.nan),
        ("0.1", "0.5"),
        (0.1, None),
        (True, 2),
        "ab",
        {0.1, 0.5},
        np.array([0.1, 0.5]),
    ],
    ids=repr,
)
def test_gaussian_refuses_a_level(level):
    refuses(
        Gaussian(level),
        r"^level of Gaussian must be a finite number > 0, or a pair \(low, high\) of such numbers "
        rf"with low < high, got {re.escape(repr(level))}\.$",
    )


@pytest.mark.parametrize(
    "level", [(0.1, 0.5), [0.02, 3], (np.float32(0.1), np.int64(2)), (1e-300, 1e300)]
)
def test_gaussian_takes_a_range_of_levels(level):
    Gaussian(level).check(SAMPLE_SHAPE)


@pytest.mark.parametrize("relative", ["yes", None, 1])
def test_gaussian_refuses_what_is_not_relative_or_absolute(relative):
    refuses(Gaussian(relative=relative), "relative of Gaussian must be True, False or 'auto', got ")


@pytest.mark.parametrize(
    "clip",
    [
        "minmax",
        1.0,
        True,
        (0,),
        (0, 1, 2),
        (1, 0),
        (1, 1),
        (0, math.nan),
        (math.nan, 1),
        ("0", "1"),
    ],
)
def test_gaussian_refuses_a_range(clip):
    refuses(
        Gaussian(clip=clip), r"clip of Gaussian must be 'auto', None, 'range' or a pair .*, got "
    )


# --- units and bounds by the data


def auto_noise(X, features):
    """Return noise of level 0.5 in the units of X, (n_samples, n_features)."""
    shown = Gaussian(0.5, clip=None).corrupt(X, features, seeded())
    return (shown - X) * features.scale


def test_unbounded_rows_get_noise_in_two_units():
    raw, X, features = data(4000)
    noise = auto_noise(X, features)
    # The last feature varies nine times as much as the first.
    ratio = noise[:, -8:].square().mean(1) / noise[:, :8].square().mean(1)
    of_all = ratio < 5
    assert of_all.double().mean() == pytest.approx(0.5, abs=0.05)
    unit = raw.var(0, correction=0).mean().sqrt()
    torch.testing.assert_close(noise[of_all].std(), 0.5 * unit, rtol=0.03, atol=0)
    expected = 0.5 * raw.std(0)[-8:]
    torch.testing.assert_close(noise[~of_all][:, -8:].std(0), expected, rtol=0.1, atol=0)


def test_bounded_rows_get_noise_in_units_of_their_range():
    _, X, features = bounded_data(4000)
    noise = auto_noise(X, features)
    torch.testing.assert_close(noise.std(0), torch.full_like(noise[0], 100.0), rtol=0.06, atol=0)


def test_half_of_bounded_rows_are_clipped():
    _, X, features = bounded_data(4000)
    free, shown = (
        features.unscaled(Gaussian(0.5, clip=clip).corrupt(X, features, seeded()))
        for clip in (None, "auto")
    )
    clipped = (shown != free).any(1)
    assert clipped.double().mean() == pytest.approx(0.5, abs=0.05)
    torch.testing.assert_close(shown[clipped], free[clipped].clamp(50, 250))


def test_unbounded_rows_are_not_clipped():
    _, X, features = data()
    free, shown = (
        Gaussian(5.0, clip=clip).corrupt(X, features, seeded()) for clip in (None, "auto")
    )
    assert torch.equal(free, shown)
