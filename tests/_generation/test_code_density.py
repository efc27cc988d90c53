"""A density over codes."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from skae._generation.code_density import CodeDensity


def codes(n_codes=400, n_components=3, dtype=np.float32):
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(n_codes, n_components)) @ rng.normal(size=(n_components, n_components))
    return (mixed + np.arange(n_components)).astype(dtype)


def draws(density, n_samples=20_000, seed=0):
    return density.sample(n_samples, np.random.RandomState(seed))


def test_moments_are_those_of_the_codes():
    given = codes()
    drawn = draws(CodeDensity(given))
    assert drawn.shape == (20_000, 3)
    assert drawn.dtype == np.float64
    np.testing.assert_allclose(drawn.mean(axis=0), given.mean(axis=0), atol=0.1)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(given.T), atol=0.25)
    correlations = np.corrcoef(given.T)
    assert np.abs(correlations - np.eye(3)).max() > 0.3
    np.testing.assert_allclose(np.corrcoef(drawn.T), correlations, atol=0.06)


def test_two_groups_stay_apart():
    rng = np.random.default_rng(0)
    given = rng.normal(size=(300, 2)) + np.where(np.arange(300) % 3 == 0, 10, -10)[:, None]
    drawn = draws(CodeDensity(given))
    assert (np.abs(np.abs(drawn[:, 0]) - 10) < 6).mean() > 0.999
    assert (drawn[:, 0] > 0).mean() == pytest.approx(1 / 3, abs=0.02)


def test_order_is_random():
    rng = np.random.default_rng(0)
    given = rng.normal(size=(300, 2)) + np.where(np.arange(300) < 150, 10, -10)[:, None]
    positive = draws(CodeDensity(given), 200)[:, 0] > 0
    assert 50 < np.count_nonzero(positive[1:] != positive[:-1]) < 150


@pytest.mark.parametrize(
    ("n_codes", "n_components", "n_gaussians", "covariance_type"),
    [
        (2, 3, 1, "full"),
        (5, 1, 1, "full"),
        (29, 3, 1, "full"),
        (30, 3, 2, "full"),
        (400, 3, 10, "full"),
        (640, 64, 2, "full"),
        (400, 65, 10, "diag"),
        (12, 65, 2, "diag"),
        (3, 100, 1, "diag"),
    ],
)
def test_size_of_the_mixture(n_codes, n_components, n_gaussians, covariance_type):
    density = CodeDensity(codes(n_codes, n_components))
    mixture = density.mixture()
    assert mixture.n_components == n_gaussians
    assert mixture.covariance_type == covariance_type
    drawn = draws(density, 7)
    assert drawn.shape == (7, n_components)
    assert np.isfinite(drawn).all()


def test_large_codes_keep_means_and_variances():
    given = codes(400, 70)
    drawn = draws(CodeDensity(given))
    deviations = given.std(axis=0)
    shift = np.abs(drawn.mean(axis=0) - given.mean(axis=0)) / deviations
    assert shift.max() < 0.05
    np.testing.assert_allclose(drawn.std(axis=0), deviations, rtol=0.05)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_codes_of_any_size(size):
    drawn = draws(CodeDensity(size * codes()))
    assert np.isfinite(drawn).all()
    np.testing.assert_allclose(drawn.std(axis=0), size * codes().std(axis=0), rtol=0.1)


@pytest.mark.parametrize("n_distinct", [1, 3])
def test_few_distinct_codes(n_distinct):
    given = np.tile(codes()[:n_distinct], (200, 1))
    drawn = draws(CodeDensity(given), 300)
    distances = np.linalg.norm(drawn[:, None] - given[None, :n_distinct], axis=2).min(axis=1)
    assert distances.max() < 0.1


def test_random_state_decides():
    density = CodeDensity(codes())
    first, same, other = (draws(density, 50, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, same)
    assert not np.allclose(first, other)


def test_mixture_is_fitted_once_when_it_is_needed():
    density = CodeDensity(codes())
    assert density._mixture is None
    assert density.mixture() is density.mixture()


@pytest.mark.parametrize("used", [False, True])
def test_pickle_round_trip(used):
    density = CodeDensity(codes())
    if used:
        density.mixture()
    loaded = pickle.loads(pickle.dumps(density))
    assert np.array_equal(draws(loaded, 50), draws(density, 50))


def test_threads_draw_from_the_same_mixture():
    density = CodeDensity(codes())
    with ThreadPoolExecutor(4) as pool:
        mixtures = list(pool.map(lambda _: density.mixture(), range(4)))
        drawn = list(pool.map(lambda seed: draws(density, 50, seed), [3] * 4))
    assert all(np.array_equal(mixture.means_, mixtures[0].means_) for mixture in mixtures)
    assert all(np.array_equal(each, drawn[0]) for each in drawn)
