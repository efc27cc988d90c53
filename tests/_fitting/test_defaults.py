"""The "auto" of the training parameters, at the sizes that the documentation names."""

import pytest

from skae._fitting.defaults import (
    auto_batch_size,
    auto_epochs,
    auto_jitter,
    auto_learning_rate,
    detector_batch_size,
    detector_epochs,
    detector_learning_rate,
)


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


@pytest.mark.parametrize(
    ("n_samples", "expected"), [(20, 32), (1000, 100), (1281, 128), (10**6, 128)]
)
def test_batch_size_of_detectors(n_samples, expected):
    assert detector_batch_size(n_samples, 5) == expected


@pytest.mark.parametrize(
    ("n_samples", "batch_size", "expected"),
    [(499, 50, 30), (500, 50, 80), (1000, 100, 80), (100_000, 128, 1), (10**7, 128, 1)],
)
def test_epochs_of_detectors_make_the_batches(n_samples, batch_size, expected):
    assert detector_epochs(n_samples, batch_size) == expected


def test_the_learning_rate_of_detectors_is_the_same_for_all():
    assert detector_learning_rate(32, 2) == detector_learning_rate(128, 500) == 0.0025
