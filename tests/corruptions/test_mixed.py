"""Each row gets one of several corruptions."""

import pytest
import torch
from support.corruptions import data, refuses, seeded, without_extremes

from skae.corruptions import Gaussian, Masking, Mixed, SaltAndPepper


def test_each_row_gets_one_of_the_corruptions():
    _, X, features = data(3000)
    X = without_extremes(X, features)
    mixed = Mixed((Gaussian(0.5, relative=True), SaltAndPepper(0.5), Masking(0.5)))
    shown = mixed.corrupt(X, features, seeded())
    extreme = ((shown == features.low) | (shown == features.high)).double().mean(1)
    mean = (shown == features.mean).double().mean(1)
    noisy = (shown != X).double().mean(1)
    # Half of the entries for two of the sorts, all of them for the third.
    sorts = torch.stack([(noisy == 1), (extreme > 0.1), (mean > 0.1)])
    assert (sorts.sum(0) == 1).all()
    assert sorts.double().mean(1).tolist() == pytest.approx([1 / 3] * 3, abs=0.04)


def test_half_of_the_default_is_gaussian():
    _, X, features = data(3000)
    X = without_extremes(X, features)
    shown = Mixed().corrupt(X, features, seeded())
    assert (shown != X).all(1).double().mean() == pytest.approx(0.5, abs=0.04)


def test_functions_and_missing_values_can_be_mixed():
    _, X, features = data(400)
    mixed = Mixed([lambda X, generator: X + 100, "missing"])
    mixed.check(features.sample_shape)
    shown = mixed.corrupt(X, features, seeded())
    missing = torch.isnan(shown).any(1)
    assert 0.3 < missing.double().mean() < 0.6
    torch.testing.assert_close(shown[~missing].isnan().sum(), torch.tensor(0))
    assert mixed.makes_missing
    assert not Mixed().makes_missing


def test_parts_are_checked():
    refuses(Mixed(("gaussian", Masking(2.0))), "fraction of Masking must be .*got 2.0")
    refuses(Mixed(("noise",)), r"corruption must be one of \['gaussian', .*got 'noise'")


@pytest.mark.parametrize("corruptions", [(), "gaussian", None, ("gaussian", None)])
def test_what_is_no_tuple_of_corruptions_is_refused(corruptions):
    refuses(Mixed(corruptions), r"corruptions of Mixed must be a tuple of names or objects")
