"""What corruptions of single entries share."""

import numpy as np
import pytest
from support.corruptions import (
    N_FEATURES,
    NO_NUMBERS,
    SAMPLE_SHAPE,
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
    refuses(corruption(fill=fill), f"fill of {name} must be 'mean' or a finite number .*, got ")
