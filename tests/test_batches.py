from itertools import chain

import numpy as np
import pytest
import torch

SIZES = [
    (n_samples, batch_size)
    for batch_size in (2, 3, 4, 7, 16, 64)
    for n_samples in (2, 3, 4, 5, 7, 9, 15, 17, 31, 65, 100)
]


def numbered(n_samples):
    """Rows that carry their own number."""
    return np.arange(n_samples, dtype=np.float64)[:, None] * [1.0, 10.0]


def flat(one_pass):
    return list(chain.from_iterable(one_pass))


def passes(batches, n=1):
    return [[X[:, 0].int().tolist() for X, _ in batches] for _ in range(n)]


@pytest.mark.parametrize(("n_samples", "batch_size"), SIZES)
def test_each_row_once_in_each_pass(make_batches, n_samples, batch_size):
    batches = make_batches(numbered(n_samples), batch_size)
    for one_pass in passes(batches, 3):
        assert sorted(flat(one_pass)) == list(range(n_samples))
        assert len(one_pass) == len(batches)


@pytest.mark.parametrize(("n_samples", "batch_size"), SIZES)
def test_batches_are_of_nearly_equal_size(make_batches, n_samples, batch_size):
    lengths = [len(batch) for batch in passes(make_batches(numbered(n_samples), batch_size))[0]]
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) <= 1.5 * batch_size + 1


@pytest.mark.parametrize(("n_samples", "batch_size"), SIZES)
def test_no_batch_of_a_single_row(make_batches, n_samples, batch_size):
    lengths = [len(batch) for batch in passes(make_batches(numbered(n_samples), batch_size))[0]]
    assert min(lengths) >= 2


def test_fewer_rows_than_a_batch_make_one(make_batches):
    batches = make_batches(numbered(5), batch_size=1000)
    assert len(batches) == 1
    assert sorted(passes(batches)[0][0]) == [0, 1, 2, 3, 4]


def test_batches_of_one_row_on_demand(make_batches):
    assert sorted(passes(make_batches(numbered(4), batch_size=1))[0]) == [[0], [1], [2], [3]]


def test_a_new_order_in_each_pass(make_batches):
    first, second, third = passes(make_batches(numbered(50)), 3)
    assert first != second
    assert second != third
    assert flat(first) != list(range(50))


def test_same_seed_same_orders(make_batches):
    first, same, other = (make_batches(numbered(50), seed=seed) for seed in (3, 3, 4))
    assert passes(first, 3) == passes(same, 3)
    assert passes(first) != passes(other)


def test_without_generator_the_order_stays(make_batches):
    batches = make_batches(numbered(50), seed=None)
    first, second = passes(batches, 2)
    assert first == second
    assert flat(first) == list(range(50))


def test_only_the_chosen_rows(make_batches):
    batches = make_batches(numbered(50), batch_size=4)
    batches.index = torch.tensor([40, 3, 7, 12, 9])
    assert sorted(flat(passes(batches)[0])) == [3, 7, 9, 12, 40]


def test_weights_go_with_their_rows(make_batches):
    batches = make_batches(numbered(50), sample_weight=np.arange(50) / 2)
    for X, weight in batches:
        torch.testing.assert_close(weight, X[:, 0] / 2)
        torch.testing.assert_close(X[:, 1], X[:, 0] * 10)
