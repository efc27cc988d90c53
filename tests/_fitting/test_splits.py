"""Which rows are held out, and what they say."""

import numpy as np
import pandas as pd
import pytest

from skae._fitting.splits import best_epoch, folds, mean_history, no_split, split


@pytest.mark.parametrize("n", [3, 8, 100, 1001])
def test_split_is_a_partition_drawn_by_the_seed(n):
    training, held_out = split(n, "auto", 0)
    assert sorted([*training, *held_out]) == list(range(n))
    assert len(held_out) == max(1, round(0.1 * n))
    again = split(n, "auto", 0)
    assert all(np.array_equal(a, b) for a, b in zip(again, (training, held_out), strict=True))


def test_split_takes_other_rows_with_another_seed_and_never_just_the_first():
    first, second = split(1000, 0.3, 0)[1], split(1000, 0.3, 1)[1]
    assert len(first) == 300
    assert not np.array_equal(first, second)
    assert 400 < first.mean() < 600


def test_two_rows_are_both_trained_on():
    training, selecting = split(2, 0.5, 0)
    assert training.tolist() == selecting.tolist() == [0, 1]


@pytest.mark.parametrize("n_groups", [2, 3, 30])
@pytest.mark.parametrize("seed", range(3))
def test_split_keeps_groups_together(n_groups, seed):
    groups = np.random.default_rng(0).permutation(np.arange(90) % n_groups)
    training, validation = split(90, 0.2, seed, groups)
    assert np.sort(np.concatenate([training, validation])).tolist() == list(range(90))
    assert not set(groups[training]) & set(groups[validation])
    assert len(set(groups[validation])) == max(1, round(0.2 * n_groups))


def test_split_of_a_single_group_is_that_of_rows():
    for of_rows, of_group in zip(
        split(50, "auto", 1), split(50, "auto", 1, np.zeros(50)), strict=True
    ):
        np.testing.assert_array_equal(of_rows, of_group)


def test_no_split_selects_by_a_part_of_many_rows():
    for n_rows, n_selecting in ((300, 300), (600, 500), (20_000, 1000), (200_000, 5000)):
        training, selecting = no_split(n_rows, 0)
        assert len(training) == n_rows
        assert len(np.unique(selecting)) == n_selecting


def test_folds_are_a_partition():
    parts = folds(30, 0)
    assert [len(part) for part in parts] == [8, 8, 7, 7]
    assert sorted(np.concatenate(parts)) == list(range(30))


def history(valid, seconds=1.0):
    return pd.DataFrame(
        {"epoch": range(len(valid)), "valid_loss": valid, "seconds": [seconds] * len(valid)}
    )


def test_mean_history_weighs_and_carries_the_last_row_on():
    mean = mean_history([history([4.0, 2.0, 1.0]), history([1.0, 0.5])], [1, 3])
    assert mean["valid_loss"].tolist() == [1.75, 0.875, 0.625]
    assert mean["epoch"].tolist() == [0, 1, 2]
    assert mean["seconds"].tolist() == [2, 2, 2]


def test_best_epoch_wants_more_than_noise_to_leave_pca():
    assert best_epoch(pd.Series([1.0, 0.995, 0.99]), from_pca=True) == 0
    assert best_epoch(pd.Series([1.0, 0.995, 0.99]), from_pca=False) == 2
    assert best_epoch(pd.Series([1.0, 0.5, 0.9]), from_pca=True) == 1
