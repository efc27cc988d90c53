"""Scores of rows with missing values, brought to one scale."""

import numpy as np
import pytest
import torch

from skae._detection.missing_scale import MissingScale

N_FEATURES = 10
# Mean squares of the known values, with a heavy tail, and negative scores with another unit for
# each number of known values.
DRAWS = {
    "normal": lambda rng, n, k: rng.chisquare(k, n) / k,
    "heavy tails": lambda rng, n, k: np.square(rng.standard_t(5, (n, k))).mean(1),
    "negative": lambda rng, n, k: 0.5 * rng.chisquare(k, n) - 1.2 * k,
}


def drawn(draw, n, numbers=range(9), seed=0):
    """Return scores and numbers of missing values, `n` rows of each number."""
    rng = np.random.default_rng(seed)
    scores = [DRAWS[draw](rng, n, N_FEATURES - m) for m in numbers]
    return np.concatenate(scores), np.repeat(np.array(list(numbers)), n)


def rates(scale, draw, threshold, n=20_000):
    scores, numbers = drawn(draw, n, seed=1)
    above = scale.apply(scores, numbers) > threshold
    return np.array([above[numbers == m].mean() for m in range(9)])


@pytest.mark.parametrize("draw", DRAWS)
def test_false_alarms_are_as_many_at_each_number(draw):
    """Of 200 calibration rows each; without the scale there are from a tenth to five times."""
    found = []
    for seed in range(8):
        scores, numbers = drawn(draw, 200, seed=10 + seed)
        scale = MissingScale.of(scores, numbers, N_FEATURES)
        threshold = np.quantile(scale.apply(scores, numbers), 0.98)
        found.append(rates(scale, draw, threshold))
    assert np.mean(found, axis=0).min() > 0.01
    assert np.mean(found, axis=0).max() < 0.03
    assert ((np.array(found) > 0.01) & (np.array(found) < 0.04)).mean() > 0.95


@pytest.mark.parametrize("draw", DRAWS)
def test_scores_keep_their_order_and_those_of_complete_rows_their_size(draw):
    scores, numbers = drawn(draw, 200)
    scale = MissingScale.of(scores, numbers, N_FEATURES)
    low = 0.0 if scale.root else -1e9
    ladder = np.concatenate([np.linspace(low, scores.max(), 200), [1e3, 1e6, 1e100, 1e299]])
    for m in range(N_FEATURES):
        found = scale.apply(ladder, np.full(len(ladder), m))
        assert np.isfinite(found).all()
        assert (np.diff(found) > 0).all()
        assert scale.root == (draw != "negative")
        assert found.min() >= 0 or not scale.root
    np.testing.assert_allclose(scale.apply(ladder, np.zeros(len(ladder), int)), ladder, rtol=1e-9)


def test_numbers_with_few_rows_are_pooled_with_their_neighbours():
    """Of one row, location and spread would be arbitrary."""
    scores, numbers = drawn("normal", 300, range(4))
    alone = MissingScale.of(scores, numbers, N_FEATURES)
    scale = MissingScale.of(np.append(scores, 1e6), np.append(numbers, 7), N_FEATURES)
    np.testing.assert_allclose(scale.location[:4], alone.location[:4], rtol=0.02)
    assert scale.above[7] == pytest.approx(alone.above[7], rel=0.05)


def test_numbers_that_no_row_has_are_like_the_nearest():
    scores, numbers = drawn("normal", 200, [2, 3, 6])
    scale = MissingScale.of(scores, numbers, N_FEATURES)
    np.testing.assert_array_equal(scale.above[[0, 1, 2]], 1)
    np.testing.assert_array_equal(scale.location[[0, 1]], scale.location[2])
    np.testing.assert_array_equal(scale.above[7:], scale.above[6])
    assert scale.above[3] > scale.above[4] > scale.above[5] > scale.above[6]


@pytest.mark.parametrize("n_rows", [1, 2, 60])
def test_few_rows_keep_their_scores(n_rows):
    scores, numbers = drawn("normal", n_rows, [0, 5])
    scores, numbers = scores[:n_rows], numbers[-n_rows:]
    scale = MissingScale.of(scores, numbers, N_FEATURES)
    np.testing.assert_allclose(scale.apply(scores, numbers), scores)


def test_two_groups_far_apart_have_their_own_scales():
    """A sensor of five columns that is on or off."""
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.chisquare(10, 300) / 10, 7 + rng.chisquare(5, 300)])
    scale = MissingScale.of(scores, np.repeat([0, 5], 300), N_FEATURES)
    found = scale.apply(scores, np.repeat([0, 5], 300)).reshape(2, 300)
    np.testing.assert_allclose(*np.quantile(found, [0.5, 0.75, 0.9], axis=1).T, rtol=0.1)


def test_equal_scores_and_outliers():
    numbers = np.repeat([0, 1, 2], 100)
    same = MissingScale.of(np.full(300, 3.0), numbers, N_FEATURES)
    np.testing.assert_allclose(same.apply(np.full(300, 3.0), numbers), 3.0)
    assert (
        MissingScale.of(np.zeros(300), numbers, N_FEATURES).apply(np.ones(1), np.ones(1, int)) > 0
    )
    scores, numbers = drawn("normal", 200)
    clean = MissingScale.of(scores, numbers, N_FEATURES)
    scores[::10] = 1e12
    scale = MissingScale.of(scores, numbers, N_FEATURES)
    np.testing.assert_allclose(scale.above, clean.above, rtol=0.25)


def test_a_row_without_any_known_value_is_the_most_ordinary():
    scores, numbers = drawn("normal", 200)
    scores, numbers = np.append(scores, [0.0, 99.0]), np.append(numbers, [10, 10])
    scale = MissingScale.of(scores, numbers, N_FEATURES)
    found = scale.apply(scores, numbers)
    np.testing.assert_array_equal(found[-2:], found[:-2].min())


def test_contributions_add_up_to_the_scaled_score():
    scores, numbers = drawn("normal", 200)
    scale = MissingScale.of(scores, numbers, N_FEATURES)
    rng = np.random.default_rng(0)
    parts = rng.dirichlet(np.ones(4), len(scores)) * scores[:, None]
    parts[0] = 0
    of = torch.from_numpy(parts), torch.from_numpy(numbers)
    found = scale.of_features(*of).numpy()
    expected = scale.apply(parts.sum(axis=1), numbers)
    np.testing.assert_allclose(found.sum(axis=1), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(found[1:].argmax(axis=1), parts[1:].argmax(axis=1))
