import math
import re

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from sklearn.base import clone

from skae.corruptions import (
    CORRUPTIONS,
    Corruption,
    Features,
    FunctionCorruption,
    Gaussian,
    Masking,
    Missing,
    Occlusion,
    SaltAndPepper,
    Swap,
    resolve_corruption,
)

SAMPLE_SHAPE = (2, 4, 6)
N_FEATURES = math.prod(SAMPLE_SHAPE)


def add_noise(X, generator):
    return X + torch.randn(X.shape, generator=generator, dtype=X.dtype)


DEFAULTS = {name: CORRUPTIONS[name]() for name in CORRUPTIONS}
every_corruption = pytest.mark.parametrize(
    "corruption",
    [*DEFAULTS.values(), Gaussian(level=(0.1, 0.5)), FunctionCorruption(add_noise)],
    ids=[*DEFAULTS, "range of levels", "function"],
)
every_fraction = pytest.mark.parametrize("corruption", [Masking, SaltAndPepper, Swap])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def data(n_samples=50, sample_shape=SAMPLE_SHAPE, dtype=torch.float64):
    """Rows in units of X, the same rows scaled, and their features.

    The columns have unlike means and variances; the scale is far from one.
    """
    rng = np.random.default_rng(0)
    n_features = math.prod(sample_shape)
    X = rng.normal(size=(n_samples, n_features)) * np.linspace(1, 9, n_features)
    X += np.linspace(-40, 70, n_features)
    features, centre, scale = Features(sample_shape).to(dtype), X.mean(0) + 1, 7.0
    features.set(
        mean=X.mean(0),
        deviation=X.std(0),
        low=X.min(0),
        high=X.max(0),
        centre=centre,
        scale=scale,
    )
    return torch.tensor(X, dtype=dtype), torch.tensor((X - centre) / scale, dtype=dtype), features


# Features


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
    noise = Gaussian(2.0, relative=False).corrupt(scaled, features, seeded()) - scaled
    assert (noise * scale).std() == pytest.approx(2, rel=0.05)


def test_features_know_nothing_at_first():
    features = Features([2, 3])
    X = torch.randn(5, 6, generator=seeded())
    assert features.sample_shape == (2, 3)
    assert torch.equal(features.scaled(X), X)
    assert torch.equal(features.unscaled(X), X)
    assert torch.equal(features.deviation, torch.ones(6))
    assert set(features.state_dict()) == {"mean", "deviation", "low", "high"}


# What every corruption does


@every_corruption
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("features_dtype", [torch.float32, torch.float64])
def test_shape_and_dtype_are_kept(corruption, dtype, features_dtype):
    _, X, features = data(dtype=dtype)
    shown = corruption.corrupt(X, features.to(features_dtype), seeded())
    assert shown.shape == X.shape
    assert shown.dtype == dtype
    assert not torch.isinf(shown).any()
    assert torch.isnan(shown).any() == corruption.makes_missing


@every_corruption
def test_rows_are_changed_but_not_in_place(corruption):
    _, X, features = data()
    before = X.clone()
    shown = corruption.corrupt(X, features, seeded())
    assert torch.equal(X, before)
    assert (shown != X).any(1).double().mean() > 0.9  # a fraction that is drawn may be nearly 0


@every_corruption
def test_features_are_left_alone(corruption):
    _, X, features = data()
    before = {name: buffer.clone() for name, buffer in features.named_buffers()}
    corruption.corrupt(X, features, seeded())
    for name, buffer in features.named_buffers():
        assert torch.equal(buffer, before[name])


@every_corruption
def test_randomness_is_that_of_the_generator(corruption):
    _, X, features = data()
    first, again, other = (corruption.corrupt(X, features, seeded(seed)) for seed in (0, 0, 1))
    torch.testing.assert_close(first, again, rtol=0, atol=0, equal_nan=True)
    assert not torch.equal(first, other)


@every_corruption
def test_the_same_generator_goes_on(corruption, generator):
    _, X, features = data()
    first, second = (corruption.corrupt(X, features, generator) for _ in range(2))
    assert not torch.equal(first, second)


@every_corruption
def test_a_batch_of_one_row(corruption):
    _, X, features = data()
    shown = corruption.corrupt(X[:1], features, seeded())
    assert shown.shape == (1, N_FEATURES)
    assert torch.equal(shown, X[:1]) == isinstance(corruption, Swap)
    assert shown.data_ptr() != X.data_ptr()


@every_corruption
def test_parameters_are_scikit_learns(corruption):
    copy = clone(corruption)
    assert copy is not corruption
    assert copy.get_params() == corruption.get_params()
    assert type(corruption)(**corruption.get_params()).get_params() == corruption.get_params()


@every_corruption
def test_defaults_are_accepted(corruption):
    corruption.check(SAMPLE_SHAPE)


def test_no_two_corruptions_are_the_same():
    _, X, features = data()
    shown = [corruption.corrupt(X, features, seeded()) for corruption in DEFAULTS.values()]
    for i, first in enumerate(shown):
        for second in shown[:i]:
            assert not torch.equal(first, second)


# Gaussian


def test_gaussian_noise_is_relative_to_each_feature():
    _, X, features = data(20_000)
    noise = Gaussian(level=0.5).corrupt(X, features, seeded()) - X
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
    shown = Gaussian().corrupt(X, features, seeded())
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
    noise = noise_of_rows(Gaussian((0.02, 0.5)))
    halves = [half.square().mean(1).sqrt() for half in (noise[:, :1000], noise[:, 1000:])]
    assert ((halves[0] / halves[1]).log().abs() < 0.2).all()
    in_levels = noise / noise.square().mean(1, keepdim=True).sqrt()
    assert in_levels.pow(4).mean() == pytest.approx(3, abs=0.05)
    assert in_levels.mean() == pytest.approx(0, abs=0.01)


def test_rows_have_levels_of_their_own():
    levels = noise_of_rows(Gaussian((0.02, 0.5))).square().mean(1).sqrt().log()
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
    free = Gaussian((1.0, 5.0)).corrupt(X, features, seeded())
    assert torch.equal(free[:, 3], X[:, 3])
    shown = Gaussian((1.0, 5.0), clip=(-10, 25)).corrupt(X, features, seeded())
    torch.testing.assert_close(features.unscaled(shown), features.unscaled(free).clamp(-10, 25))


# Masking, salt and pepper, swap


def without_extremes(X, features):
    """Move the lowest and highest entries inwards, where salt and pepper can be told from them."""
    return X.clamp(features.low + 1e-3, features.high - 1e-3)


@every_fraction
@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.9])
def test_fraction_of_the_entries_is_changed(corruption, fraction):
    _, X, features = data(4000)
    changed = corruption(fraction=fraction).corrupt(X, features, seeded()) != X
    bound = 5 * (fraction * (1 - fraction)) ** 0.5
    assert abs(changed.double().mean() - fraction) < bound / X.numel() ** 0.5
    assert ((changed.double().mean(0) - fraction).abs() < bound / 4000**0.5).all()
    # As many in a row as independent draws give.
    expected = N_FEATURES * fraction * (1 - fraction)
    assert changed.sum(1).double().var() == pytest.approx(expected, rel=0.15)


@every_fraction
def test_larger_fraction_changes_more(corruption):
    _, X, features = data()
    X = without_extremes(X, features)
    few, many = (
        corruption(fraction=fraction).corrupt(X, features, seeded()) != X for fraction in (0.1, 0.5)
    )
    assert (many | ~few).all()
    assert many.sum() > 3 * few.sum()


@every_fraction
@pytest.mark.parametrize("fraction", [1, 1.0, np.float64(1)])
def test_fraction_of_one_changes_all(corruption, fraction):
    _, X, features = data()
    X = without_extremes(X, features)
    corruption(fraction=fraction).check(SAMPLE_SHAPE)
    assert (corruption(fraction=fraction).corrupt(X, features, seeded()) != X).all()


def test_masking_puts_the_mean_of_the_feature():
    raw, X, features = data()
    shown = Masking(fraction=0.4).corrupt(X, features, seeded())
    filled = features.unscaled(shown)
    expected = torch.where(shown != X, raw.mean(0), raw)
    torch.testing.assert_close(filled, expected)


@pytest.mark.parametrize("fill", [0, -3.5, np.float32(2), np.int64(100)])
def test_masking_fills_in_units_of_the_data(fill):
    raw, X, features = data()
    shown = Masking(fraction=0.4, fill=fill).corrupt(X, features, seeded())
    expected = torch.where(shown != X, torch.full_like(raw, float(fill)), raw)
    torch.testing.assert_close(features.unscaled(shown), expected, atol=1e-12, rtol=1e-12)


def test_salt_and_pepper_is_half_and_half():
    _, X, features = data(4000)
    X = without_extremes(X, features)
    shown = SaltAndPepper(fraction=0.5).corrupt(X, features, seeded())
    low, high, left = shown == features.low, shown == features.high, shown == X
    assert (low | high | left).all()
    for extreme in (low, high):
        assert abs(extreme.double().mean() - 0.25) < 5 * (0.25 * 0.75 / X.numel()) ** 0.5
        assert (extreme.double().mean(0) > 0.2).all()


def rows_that_name_their_entries(n_samples, n_features):
    """Entry (i, j) is ``i + n_samples * j``, so that a value says where it comes from."""
    row, column = torch.arange(n_samples)[:, None], torch.arange(n_features)
    return (row + n_samples * column).double()


def donors(n_samples, n_features, fraction=1.0):
    """Return the row that each entry comes from after a swap, and the column."""
    X = rows_that_name_their_entries(n_samples, n_features)
    shown = Swap(fraction).corrupt(X, Features((n_features,)), seeded()).long()
    return shown % n_samples, shown // n_samples


def test_swap_takes_the_same_feature_of_another_row():
    donor, column = donors(30, 40)
    assert (column == torch.arange(40)).all()
    assert (donor != torch.arange(30)[:, None]).all()


def test_swap_takes_all_other_rows_alike():
    donor, _ = donors(6, 20_000)
    for i in range(6):
        counts = torch.bincount(donor[i], minlength=6)
        others = torch.cat([counts[:i], counts[i + 1 :]]).double() / 20_000
        assert counts[i] == 0
        assert ((others - 0.2).abs() < 5 * (0.2 * 0.8 / 20_000) ** 0.5).all()


def test_swap_has_a_donor_for_each_entry():
    donor, _ = donors(50, 400)
    # Two entries of a row agree about their donor as often as two independent draws do.
    same_in_row = (donor[:, 1:] == donor[:, :-1]).double().mean()
    assert same_in_row == pytest.approx(1 / 49, abs=0.005)
    # So do two entries of a column about the distance to it.
    distance = (donor - torch.arange(50)[:, None]) % 50
    same_distance = (distance[1:] == distance[:-1]).double().mean()
    assert same_distance == pytest.approx(1 / 49, abs=0.005)
    assert all(len(row.unique()) > 45 for row in donor)


def test_swap_keeps_the_distribution_of_each_feature():
    _, X, features = data(4000)
    shown = Swap(fraction=1.0).corrupt(X, features, seeded())
    for j in range(N_FEATURES):
        assert torch.isin(shown[:, j], X[:, j]).all()
    # Rows are drawn with replacement.
    torch.testing.assert_close(shown.std(0), X.std(0), rtol=0.07, atol=0)
    assert ((shown - X).mean(0).abs() < 5 * X.std(0) / 4000**0.5).all()


def test_swap_of_two_rows():
    X = rows_that_name_their_entries(2, 9)
    shown = Swap(fraction=1.0).corrupt(X, Features((9,)), seeded())
    assert torch.equal(shown, X.flip(0))


# Occlusion


def hidden_by(occlusion, sample_shape, n_samples=300, seed=0):
    """Return which entries are hidden, an array of shape (n_samples, *sample_shape)."""
    occlusion.check(sample_shape)
    X = torch.ones(n_samples, math.prod(sample_shape))
    features = Features(sample_shape)
    shown = clone(occlusion).set_params(fill=-5).corrupt(X, features, seeded(seed))
    assert set(shown.unique().tolist()) <= {-5, 1}
    return (shown == -5).numpy().reshape(n_samples, *(occlusion.sample_shape or sample_shape))


def is_contiguous(line):
    """Whether each row of `line` is one run of True."""
    starts = np.diff(line.astype(int), axis=-1, prepend=0) == 1
    return (starts.sum(-1) == 1).all()


@pytest.mark.parametrize(
    ("size", "height", "width"),
    [
        (0.35, 4, 2),  # 3.5 and 2.1
        (0.5, 5, 3),
        (0.01, 1, 1),
        (1.0, 10, 6),
        (1, 1, 1),
        (3, 3, 3),
        (np.int64(6), 6, 6),
        ((2, 5), 2, 5),
        ([0.2, 0.5], 2, 3),
        ((9, 0.35), 9, 2),
    ],
)
def test_occlusion_hides_one_rectangle_of_each_image(size, height, width):
    hidden = hidden_by(Occlusion(size), (10, 6))
    rows, columns = hidden.any(2), hidden.any(1)
    assert (hidden == rows[:, :, None] & columns[:, None, :]).all()
    assert is_contiguous(rows)
    assert is_contiguous(columns)
    assert (rows.sum(1) == height).all()
    assert (columns.sum(1) == width).all()


def test_occlusion_takes_all_places_alike():
    hidden = hidden_by(Occlusion((2, 3)), (5, 6), n_samples=16_000)
    top, left = hidden.any(2).argmax(1), hidden.any(1).argmax(1)
    counts = np.zeros((5, 6))
    np.add.at(counts, (top, left), 1)
    assert (counts[4:] == 0).all()
    assert (counts[:, 4:] == 0).all()
    assert (abs(counts[:4, :4] - 1000) < 5 * 1000**0.5).all()


def test_occlusion_hides_all_channels_alike():
    hidden = hidden_by(Occlusion((2, 4)), (3, 7, 8))
    assert (hidden == hidden[:, :1]).all()
    assert (hidden[:, 0].sum((1, 2)) == 8).all()
    assert (hidden[:, 0] == hidden_by(Occlusion((2, 4)), (7, 8))).all()


@pytest.mark.parametrize(("size", "length"), [(0.25, 5), (7, 7), (1.0, 20)])
def test_occlusion_hides_one_span_of_each_series(size, length):
    hidden = hidden_by(Occlusion(size, layout="span"), (20,), n_samples=2000)
    assert is_contiguous(hidden)
    assert (hidden.sum(1) == length).all()
    assert set(hidden.argmax(1)) == set(range(21 - length))


def test_occlusion_hides_all_channels_of_a_series_alike():
    span = hidden_by(Occlusion(6, layout="span"), (20,))
    hidden = hidden_by(Occlusion(6, layout="span"), (20, 3))
    assert (hidden == span[:, :, None]).all()
    hidden = hidden_by(Occlusion(6, layout="span"), (20, 1))
    assert (hidden == span[:, :, None]).all()


def test_occlusion_of_a_series_of_one_channel_needs_no_layout():
    hidden = hidden_by(Occlusion(0.3), (20, 1))
    assert is_contiguous(hidden[..., 0])
    assert (hidden.sum((1, 2)) == 6).all()


@pytest.mark.parametrize("sample_shape", [(8, 6), (2, 6, 4), [4, 12], (48,)])
def test_occlusion_takes_the_shape_given_for_the_one_shown(sample_shape):
    layout = "span" if len(sample_shape) == 1 else None
    given = hidden_by(Occlusion(0.4, sample_shape=sample_shape), (48,))
    shown = hidden_by(Occlusion(0.4, layout=layout), tuple(sample_shape))
    assert (given == shown).all()


def test_occlusion_draws_a_place_for_each_row():
    hidden = hidden_by(Occlusion(3), (9, 9), n_samples=200)
    assert len(np.unique(hidden.reshape(200, -1), axis=0)) > 45  # of 49 places


def test_larger_occlusion_hides_more():
    fractions = [hidden_by(Occlusion(size), (10, 10)).mean() for size in (0.2, 0.5, 0.9)]
    np.testing.assert_allclose(fractions, [0.04, 0.25, 0.81])


def test_occlusion_fills_in_units_of_the_data():
    raw, X, features = data()
    for fill, expected in [(-123.0, torch.tensor(-123.0).double()), ("mean", raw.mean(0))]:
        shown = Occlusion(fill=fill).corrupt(X, features, seeded())
        assert (shown != X).sum(1).eq(2 * 1 * 2).all()
        expected = torch.where(shown != X, expected, raw)
        torch.testing.assert_close(features.unscaled(shown), expected)


# Functions


def test_function_sees_the_units_of_the_data():
    raw, X, features = data()
    seen = []
    corruption = FunctionCorruption(lambda X, generator: seen.append(X) or X * 2)
    shown = corruption.corrupt(X, features, seeded())
    torch.testing.assert_close(seen[0], raw)
    torch.testing.assert_close(features.unscaled(shown), 2 * raw)


def test_function_gets_the_generator(generator):
    _, X, features = data()
    seen = []
    FunctionCorruption(lambda X, g: seen.append(g) or X).corrupt(X, features, generator)
    assert seen[0] is generator


def test_function_may_work_in_place():
    raw, X, features = data()
    before = X.clone()
    shown = FunctionCorruption(lambda X, generator: X.fill_(3.0)).corrupt(X, features, seeded())
    torch.testing.assert_close(features.unscaled(shown), torch.full_like(raw, 3))
    assert torch.equal(X, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_entries_that_a_function_leaves_alone_stay_to_the_last_digit(dtype):
    _, X, features = data(dtype=dtype)

    def first_feature(X, generator):
        X[:, 0] = 0
        return X

    shown = FunctionCorruption(first_feature).corrupt(X, features, seeded())
    assert torch.equal(shown[:, 1:], X[:, 1:])
    assert (shown[:, 0] != X[:, 0]).all()
    # Without care they would not.
    assert not torch.equal(features.scaled(features.unscaled(X)), X)


@pytest.mark.parametrize(
    ("function", "came"),
    [
        (lambda X, generator: X[:, :1], r"Tensor of shape \(50, 1\)"),
        (lambda X, generator: X.mean(), r"Tensor of shape \(\)"),
        (lambda X, generator: X.numpy(), r"ndarray of shape \(50, 48\)"),
        (lambda X, generator: None, "NoneType of shape None"),
    ],
)
def test_function_that_gives_something_else_is_refused(function, came):
    _, X, features = data()
    with pytest.raises(ValueError, match=rf"tensor of shape \(50, 48\), but returned {came}: "):
        FunctionCorruption(function).corrupt(X, features, seeded())


# Names, objects, functions


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_name_is_its_default(name):
    corruption = resolve_corruption(name)
    assert type(corruption) is CORRUPTIONS[name]
    assert corruption.get_params() == CORRUPTIONS[name]().get_params()


def test_none_is_no_corruption():
    assert resolve_corruption(None) is None


def test_an_object_is_copied():
    given = Masking(fraction=0.7)
    corruption = resolve_corruption(given)
    assert corruption is not given
    assert corruption.fraction == 0.7


def test_a_function_becomes_a_corruption():
    corruption = resolve_corruption(add_noise)
    assert isinstance(corruption, FunctionCorruption)
    assert corruption.function is add_noise


def test_an_object_of_ones_own_stays_itself_also_where_it_can_be_called():
    class Own(Corruption):
        def corrupt(self, X, features, generator):
            return X + 1

        def __call__(self):
            return None

    assert type(resolve_corruption(Own())) is Own
    Own().check((3,))


def test_what_is_no_corruption_is_refused():
    with pytest.raises(ValueError, match=r"corruption must be one of .*'swap'.* got 'salt'"):
        resolve_corruption("salt")
    with pytest.raises(TypeError, match=r"skae's Corruption, got .* \(a class: add parentheses\)"):
        resolve_corruption(Masking)
    with pytest.raises(TypeError, match=r"skae's Corruption, got 0\.3\."):
        resolve_corruption(0.3)


# Parameters out of range

NO_NUMBERS = [math.nan, math.inf, -math.inf, "1", None, [0.5], True, 0.5j]


def refuses(corruption, match, sample_shape=SAMPLE_SHAPE):
    with pytest.raises(ValueError, match=match):
        corruption.check(sample_shape)


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
    refuses(Gaussian(relative=relative), "relative of Gaussian must be True or False, got ")


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
    refuses(Gaussian(clip=clip), r"clip of Gaussian must be None, 'range' or a pair .*, got ")


@every_fraction
@pytest.mark.parametrize("fraction", [0, -0.1, 1.01, 2, *NO_NUMBERS])
def test_refuses_a_fraction(corruption, fraction):
    refuses(
        corruption(fraction), f"fraction of {corruption.__name__} must be a number > 0 and <= 1"
    )


@pytest.mark.parametrize("corruption", [Masking, Occlusion])
@pytest.mark.parametrize("fill", ["median", *NO_NUMBERS])
def test_refuses_a_fill(corruption, fill):
    name = corruption.__name__
    refuses(corruption(fill=fill), f"fill of {name} must be 'mean' or a finite number .*, got ")


@pytest.mark.parametrize(
    "size", [0, -1, 0.0, 1.5, (2,), (1, 2, 3), (1, 0), (0.5, "1"), *NO_NUMBERS]
)
def test_occlusion_refuses_a_size(size):
    refuses(Occlusion(size), r"size of Occlusion must be a fraction > 0 .*, got .* of 4 x 6 pixels")


@pytest.mark.parametrize(
    ("size", "sample_shape"), [(5, (2, 4, 6)), ((4, 7), (4, 6)), (2, (20, 1)), ((5, 0.5), (4, 6))]
)
def test_occlusion_refuses_a_size_that_does_not_fit(size, sample_shape):
    refuses(
        Occlusion(size),
        r"size=.* of Occlusion is larger than a side of samples of \d+ x \d+ pixels",
        sample_shape,
    )


def test_occlusion_refuses_a_span_that_does_not_fit_or_has_two_sides():
    refuses(Occlusion(21, layout="span"), "size=21 of Occlusion is larger", (20, 3))
    refuses(Occlusion((3, 3), layout="span"), "size of Occlusion must be", (20, 3))


@pytest.mark.parametrize("layout", ["image", True, ("span",)])
def test_occlusion_refuses_a_layout(layout):
    refuses(Occlusion(layout=layout), "layout of Occlusion must be None or 'span', got ")


def test_occlusion_asks_for_the_shape_where_there_is_none():
    refuses(Occlusion(), r"sample_shape of Occlusion must be given .* 64 values", (64,))


def test_occlusion_refuses_a_shape_of_another_size():
    match = r"sample_shape=\(7, 7\) of Occlusion has 49 values, but X has 48 features"
    refuses(Occlusion(sample_shape=(7, 7)), match, (48,))


@pytest.mark.parametrize("sample_shape", [(), (1, 1, 6, 8), (6.0, 8), (-6, -8), "68", 48])
def test_occlusion_refuses_what_is_no_shape_of_images(sample_shape):
    match = "layout=None takes a sample_shape of 1 to 3 integers, got "
    refuses(Occlusion(sample_shape=sample_shape), match, (48,))


def test_occlusion_refuses_images_as_series():
    match = r"layout='span' takes a sample_shape of 1 to 2 integers, got \(2, 4, 6\)"
    refuses(Occlusion(layout="span"), match)


def test_function_must_be_one():
    refuses(FunctionCorruption("noise"), "function of FunctionCorruption must be a callable")


@pytest.mark.parametrize(
    "corruption",
    [
        Gaussian(np.float32(0.5), clip="range"),
        Gaussian(np.int64(3), relative=False, clip=(0, 1)),
        Gaussian((np.float32(0.5), np.int64(2))),
        Masking(np.float64(0.5), fill=np.float32(2)),
        SaltAndPepper(np.float32(0.5)),
        Swap(np.float64(0.5)),
        Occlusion(np.float64(0.5), fill=0, sample_shape=(6, 8)),
        Occlusion((np.int64(2), 0.5)),
    ],
    ids=repr,
)
def test_numbers_of_numpy_are_taken(corruption):
    corruption.check(SAMPLE_SHAPE)
    _, X, features = data()
    shown = corruption.corrupt(X, features, seeded())
    assert shown.dtype == X.dtype
    assert (shown != X).any()


@pytest.mark.parametrize(
    ("sample_shape", "channel_axis", "moved"),
    [((3, 20), 0, (20, 3)), ((20, 3), -1, (20, 3)), ((20,), None, None)],
)
def test_occlusion_of_series_whose_architecture_knows_the_channels(
    sample_shape, channel_axis, moved
):
    occlusion = Occlusion(6, fill=-5.0, layout=None if moved else "span")
    occlusion.check(sample_shape, channel_axis)
    X = torch.ones(40, math.prod(sample_shape))
    shown = occlusion.corrupt(
        X, Features(sample_shape, channel_axis), torch.Generator().manual_seed(0)
    )
    hidden = (shown == -5).numpy().reshape(40, *sample_shape)
    if channel_axis is not None:
        hidden = np.moveaxis(hidden, channel_axis % 2 + 1, -1)
        assert (hidden == hidden[:, :, :1]).all()  # all channels alike
        hidden = hidden[:, :, 0]
    assert (hidden.sum(1) == 6).all()
    assert (np.abs(np.diff(hidden.astype(int), axis=1)).sum(1) <= 2).all()  # in one piece


def test_occlusion_of_images_with_the_channels_last():
    occlusion = Occlusion((2, 3), fill=-5.0)
    occlusion.check((6, 7, 3), -1)
    shown = occlusion.corrupt(
        torch.ones(40, 126), Features((6, 7, 3), -1), torch.Generator().manual_seed(0)
    )
    hidden = (shown == -5).numpy().reshape(40, 6, 7, 3)
    assert (hidden == hidden[..., :1]).all()
    assert (hidden[..., 0].any(2).sum(1) == 2).all()
    assert (hidden[..., 0].any(1).sum(1) == 3).all()


# Missing


@pytest.mark.parametrize(("fraction", "mean"), [(0.3, 0.3), ((0.0, 1.0), 0.5), ((0.1, 0.3), 0.2)])
def test_missing_hides_its_fraction(fraction, mean):
    _, X, features = data(n_samples=4000)
    hidden = torch.isnan(Missing(fraction).corrupt(X, features, seeded()))
    assert float(hidden.double().mean()) == pytest.approx(mean, abs=0.02)


def test_missing_draws_a_fraction_for_each_row():
    _, X, features = data(n_samples=4000)
    of_rows = torch.isnan(Missing((0.2, 0.6)).corrupt(X, features, seeded())).double().mean(1)
    spread = of_rows.std() ** 2 - 0.4 * 0.6 / N_FEATURES  # what is left is that of the fractions
    assert float(spread) == pytest.approx(0.4**2 / 12, rel=0.2)


@pytest.mark.parametrize(
    "fraction",
    [0, 1.5, -0.1, "all", True, None, (0.5, 0.5), (0.6, 0.2), (0.1,), (-0.1, 0.5), (0, 2)],
)
def test_missing_refuses_fractions_out_of_range(fraction):
    with pytest.raises(ValueError, match="fraction of Missing must be a number > 0 and <= 1"):
        Missing(fraction).check(SAMPLE_SHAPE)
