"""The rows that callbacks see."""

import numpy as np
import pytest
import torch
from skorch.utils import data_from_dataset, is_skorch_dataset

from skae._training.shown_rows import (
    ShownRows,
    class_numbers,
    row_batches,
    shown_batch,
    shown_dataset,
)

# Classes 2 and 0, a row without a label, class 1.
TARGETS = torch.tensor([[0.0, 0.2, 0.8], [3.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.1, 0.9, 0.0]])


@pytest.fixture
def batches(make_batches, scaled):
    return make_batches(scaled[:12], 5, seed=0)


@pytest.mark.parametrize("index", [3, -1, slice(2, 9, 3), [4, 1], np.arange(12) > 6, slice(0)])
def test_rows_are_indexed_as_an_array_in_their_own_order(batches, scaled, index):
    shown, expected = ShownRows(batches), scaled[:12].astype(np.float32)
    np.testing.assert_array_equal(shown[index], expected[index])
    assert shown.shape == expected.shape
    assert shown.ndim == 2
    assert len(shown) == 12
    assert shown.dtype == expected.dtype
    np.testing.assert_array_equal(np.asarray(shown), expected)


def test_a_dataset_is_one_of_skorch_with_the_rows_as_their_targets(batches, make_network, scaled):
    dataset = shown_dataset(batches, make_network())
    expected = scaled[:12].astype(np.float32)
    assert is_skorch_dataset(dataset)
    assert len(dataset) == 12
    X, y = data_from_dataset(dataset)
    np.testing.assert_array_equal(X, expected)
    np.testing.assert_array_equal(y, expected)
    for part in dataset[5]:
        np.testing.assert_array_equal(part, expected[5])
    assert shown_dataset(None, make_network()) is None


def test_the_targets_of_a_classifier_are_numbers_of_classes(batches, make_network):
    batches.targets = TARGETS.repeat(3, 1)
    dataset = shown_dataset(batches, make_network())
    assert dataset.y.tolist() == [2, 0, -1, 1] * 3
    assert dataset[4][1] == 2
    assert dataset[2:4][1].tolist() == [-1, 1]
    X = torch.zeros(4, 6)
    rows, numbers = shown_batch((X, torch.ones(4), TARGETS), make_network())
    assert rows is X
    assert numbers.tolist() == class_numbers(TARGETS).tolist() == [2, 0, -1, 1]


def test_missing_values_of_targets_are_filled(make_network):
    class Filling:
        def filled(self, X):
            return X.nan_to_num(7.0)

    X = torch.tensor([[1.0, torch.nan]])
    rows, targets = shown_batch((X, torch.ones(1)), Filling())
    assert rows is X
    assert targets.tolist() == [[1.0, 7.0]]


def test_rows_to_predict_come_in_any_form(batches, make_network, scaled):
    expected = scaled[:12].astype(np.float32)
    shown = shown_dataset(batches, make_network())
    for X in (shown, shown.X, expected.tolist(), expected, torch.from_numpy(expected)):
        parts = list(row_batches(X, torch.device("cpu"), torch.float64))
        assert parts[0].dtype == torch.float64
        np.testing.assert_array_equal(torch.cat(parts), torch.tensor(expected, dtype=torch.float64))
    many = list(row_batches(np.zeros((2500, 6)), torch.device("cpu"), torch.float32))
    assert [len(part) for part in many] == [1024, 1024, 452]
