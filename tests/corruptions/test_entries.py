"""What corruptions of single entries share."""

import numpy as np
import pytest
import torch
from support.corruptions import (
    N_FEATURES,
    NO_NUMBERS,
    SAMPLE_SHAPE,
    bounded_data,
    data,
    refuses,
    seeded,
    without_extremes,
)

from skae.corruptions import Masking, Occlusion, SaltAndPepper, Swap

every_fraction = pytest.mark.parametrize("corruption", [Masking, SaltAndPepper, Swap])


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
    refuses(
        corruption(fill=fill), f"fill of {name} must be 'auto', 'mean' or a finite number .*, got "
    )


every_range = pytest.mark.parametrize("corruption", [Masking, SaltAndPepper])


@every_range
def test_each_row_draws_its_fraction_from_the_range(corruption):
    _, X, features = data(4000)
    X = without_extremes(X, features)
    given = corruption(fraction=(0.2, 0.6))
    changed = (given.corrupt(X, features, seeded()) != X).double().mean(1)
    assert changed.mean() == pytest.approx(0.4, abs=0.01)
    # A uniform fraction, and the binomial number of entries of one that is known.
    expected = 0.4**2 / 12 + (0.24 - 0.4**2 / 12) / N_FEATURES
    assert changed.var() == pytest.approx(expected, rel=0.1)
    assert given.varies()
    assert not corruption(fraction=0.3).varies()


@every_range
@pytest.mark.parametrize("fraction", [(0.5, 0.5), (-0.1, 0.5), (0.5, 1.1), (0.5,), ("0", "1")])
def test_refuses_a_range_of_fractions(corruption, fraction):
    refuses(corruption(fraction), r"or a pair \(low, high\) with 0 <= low < high <= 1, got ")


@pytest.mark.parametrize("corruption", [Masking(1.0), Occlusion(1.0)], ids=["masking", "occlusion"])
def test_bounded_rows_are_filled_with_bounds_and_means(corruption):
    raw, X, features = bounded_data(3000)
    filled = features.unscaled(corruption.corrupt(X, features, seeded()))
    values = [torch.full_like(raw[0], 50.0), raw.mean(0), torch.full_like(raw[0], 250.0)]
    found = torch.stack([(filled - value).abs().amax(1) < 1e-6 for value in values])
    assert (found.sum(0) == 1).all()  # one value for a whole row
    assert found.double().mean(1).tolist() == pytest.approx([1 / 3] * 3, abs=0.04)
    given = corruption.set_params(fill="mean").corrupt(X, features, seeded())
    torch.testing.assert_close(features.unscaled(given), values[1].expand(3000, -1))
