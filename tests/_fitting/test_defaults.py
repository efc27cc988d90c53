"""The "auto" of the parameters, at the sizes that the documentation names."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch

from skae._fitting.defaults import (
    DETECTOR,
    GENERAL,
    auto_batch_size,
    auto_epochs,
    auto_jitter,
    auto_learning_rate,
    auto_or,
    resolve_n_components,
)
from skae._start.principal_axes import PrincipalAxes
from skae.kinds import KINDS, Undercomplete


@pytest.mark.parametrize(
    ("n_samples", "n_features", "expected"),
    [(20, 5, 32), (1000, 5, 100), (10**6, 255, 512), (10**6, 256, 256)],
)
def test_batch_size(n_samples, n_features, expected):
    assert auto_batch_size(n_samples, n_features) == expected


@pytest.mark.parametrize(
    ("n_samples", "batch_size", "n_batches"),
    [(400, 40, 300), (1000, 100, 1000), (5120, 512, 1000 / 2**0.5), (20_480, 512, 2000 / 2**0.5)],
)
def test_epochs_make_the_batches(n_samples, batch_size, n_batches):
    per_epoch = n_samples / batch_size
    assert auto_epochs(n_samples, batch_size) == pytest.approx(n_batches / per_epoch, rel=0.03)


def test_epochs_fall_by_the_root_of_the_batch_size_beyond_256():
    assert auto_epochs(2560, 256) == 100
    assert auto_epochs(3000, 300) == round(100 * (256 / 300) ** 0.5) == 92


def test_epochs_have_bounds():
    assert auto_epochs(32, 32) == 150
    assert auto_epochs(10**6, 512) == 10


def test_learning_rate_and_jitter_shrink_as_stated():
    assert auto_learning_rate(512, 64) == pytest.approx(0.007)
    assert auto_learning_rate(32, 64) == auto_learning_rate(32, 2) == pytest.approx(0.0035)
    assert auto_learning_rate(512, 256) == pytest.approx(0.0035)
    assert auto_jitter(100) == auto_jitter(500) == 0.6
    assert auto_jitter(2000) == pytest.approx(0.3)
    assert auto_jitter(20_000) == 0


@pytest.mark.parametrize(("n_samples", "n_batches"), [(499, 300), (500, 1000)])
def test_fewer_than_500_rows_are_few(n_samples, n_batches):
    assert auto_epochs(n_samples, 50) == n_batches / 10


@pytest.mark.parametrize(("n_samples", "expected"), [(5000, 1000), (45_000, 1500)])
def test_many_rows_are_trained_on_for_more_batches(n_samples, expected):
    """By the root of their number beyond 5,000, up to 1,500 batches."""
    per_epoch = round(n_samples / 256)
    assert auto_epochs(n_samples, 256) == max(10, round(expected / per_epoch))


def test_jitter_ends_at_20_000_rows():
    assert auto_jitter(19_999) == pytest.approx(0.6 * (500 / 19_999) ** 0.5)


@pytest.mark.parametrize(
    ("n_samples", "n_features", "expected"), [(20, 5, 32), (1000, 5, 100), (10**6, 5, 128)]
)
def test_batch_size_of_a_detector(n_samples, n_features, expected):
    assert DETECTOR.batch_size(n_samples, n_features) == expected


@pytest.mark.parametrize(
    ("n_samples", "batch_size", "expected"),
    [(400, 40, 30), (499, 50, 30), (500, 50, 80), (10_000, 100, 8), (10**6, 128, 1), (20, 32, 300)],
)
def test_epochs_of_a_detector_make_800_batches_or_300(n_samples, batch_size, expected):
    assert DETECTOR.epochs(n_samples, batch_size) == expected


def test_learning_rate_of_a_detector_is_one_for_all_sizes():
    assert DETECTOR.learning_rate(32, 2) == DETECTOR.learning_rate(128, 300) == 0.0025


def test_the_general_rules_are_those_above_and_rules_cannot_be_changed():
    assert GENERAL.batch_size(1000, 5) == 100
    assert GENERAL.epochs(1000, 100) == 100
    assert GENERAL.learning_rate(512, 64) == pytest.approx(0.007)
    with pytest.raises(FrozenInstanceError):
        GENERAL.epochs = None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), (np.uint8(200), 200), (0.5, 0.5), (np.float32(0.5), 0.5), (0, 0), ("auto", 7)],
)
def test_auto_or_returns_pythons_numbers(value, expected):
    found = auto_or(value, 7)
    assert found == expected
    assert type(found) is type(expected)
    assert found * 1000 == expected * 1000


# --- the size of the code


every_kind = pytest.mark.parametrize("kind", KINDS)


def spectrum(shares):
    variances = torch.tensor(shares, dtype=torch.float64)
    n = len(shares)
    return PrincipalAxes(
        torch.eye(n).double(), variances, torch.zeros(n).double(), float(variances.sum())
    )


GEOMETRIC = spectrum([0.5**i for i in range(20)])
FLAT = spectrum([1.0] * 400)


@pytest.mark.parametrize("n_components", [1, 7, 1000, np.int64(5), np.uint8(3)])
@every_kind
def test_integers_stand_for_themselves(n_components, kind):
    found = resolve_n_components(n_components, None, 10, KINDS[kind]())
    assert type(found) is int
    assert found == n_components


@pytest.mark.parametrize(
    ("share", "expected"), [(0.3, 1), (0.6, 2), (0.8, 3), (0.9, 4), (np.float64(0.99), 7)]
)
@every_kind
def test_shares_are_of_the_variance(share, expected, kind):
    assert resolve_n_components(share, GEOMETRIC, 20, KINDS[kind]()) == expected


def test_shares_are_not_limited():
    assert resolve_n_components(0.9, FLAT, 400, Undercomplete()) == 360


@pytest.mark.parametrize(
    ("axes", "n_features", "expected"),
    [
        (GEOMETRIC, 20, 4),  # 0.9 of the variance
        (FLAT, 400, 64),  # never more
        (spectrum([1.0] * 20), 20, 10),  # half of the features
        (spectrum([1.0] * 7), 7, 4),  # rounded up
        (spectrum([1.0]), 1, 1),
        (spectrum([0.0] * 5), 5, 1),
    ],
)
@pytest.mark.parametrize(
    "kind", [name for name in KINDS if name not in ("overcomplete", "sparse", "compressive")]
)
def test_auto(axes, n_features, expected, kind):
    assert resolve_n_components("auto", axes, n_features, KINDS[kind]()) == expected


@pytest.mark.parametrize(("n_features", "expected"), [(1, 2), (20, 40), (512, 1024), (784, 1296)])
def test_auto_of_the_overcomplete_kind_is_larger_than_the_data(n_features, expected):
    kind = KINDS["overcomplete"]()
    assert resolve_n_components("auto", GEOMETRIC, n_features, kind) == expected


@pytest.mark.parametrize(("n_features", "expected"), [(1, 1), (20, 20), (256, 256), (784, 256)])
def test_auto_of_the_sparse_kind_is_as_large_as_the_data(n_features, expected):
    assert resolve_n_components("auto", GEOMETRIC, n_features, KINDS["sparse"]()) == expected
