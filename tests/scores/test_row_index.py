"""Distances to the nearest training rows, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from skae.scores import row_index
from skae.scores.row_index import RowIndex


def rows(n_samples=60, seed=0, missing=0.0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 5))
    return np.where(rng.random(X.shape) < missing, np.nan, X).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_neighbors", [1, 4])
def test_distances_to_other_rows(n_neighbors, dtype):
    X, new = rows(dtype=dtype), rows(9, 1, dtype=dtype)
    found = RowIndex.of(X).squared_distances(torch.from_numpy(new), n_neighbors)
    distances, _ = NearestNeighbors(n_neighbors=n_neighbors).fit(X).kneighbors(new)
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found, distances[:, -1] ** 2, rtol=1e-5)


@pytest.mark.parametrize("n_neighbors", [1, 4])
def test_a_row_is_not_its_own_neighbour(n_neighbors):
    X = rows()
    found = RowIndex.of(X).squared_distances(torch.from_numpy(X), n_neighbors)
    distances, _ = NearestNeighbors(n_neighbors=n_neighbors).fit(X).kneighbors()
    np.testing.assert_allclose(found, distances[:, -1] ** 2, rtol=1e-10)


def test_of_equal_rows_one_is_left_out():
    X = np.vstack([rows(10), rows(10)[:1]])
    found = RowIndex.of(X).squared_distances(torch.from_numpy(X), 1)
    assert found[0] == found[10] == 0
    assert (found[1:10] > 0).all()


@pytest.mark.parametrize("missing", [(0.3, 0.0), (0.0, 0.3), (0.3, 0.3)])
@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_missing_values_of_training_rows_count_as_expected(missing, shift):
    X, new = rows(missing=missing[0]) + shift, rows(9, 1, missing=missing[1]) + shift
    expected = np.empty((len(new), len(X)))
    for i, row in enumerate(new):
        known = ~np.isnan(row)
        differences = np.square(row - X)
        of_column = np.square(row - np.nanmean(X, axis=0)) + np.nanvar(X, axis=0)
        differences = np.where(np.isnan(X), of_column, differences)
        expected[i] = differences[:, known].mean(axis=1) * X.shape[1]
    found = RowIndex.of(X).squared_distances(torch.from_numpy(new), 1)
    np.testing.assert_allclose(found, expected.min(axis=1), rtol=1e-7)


def test_distances_of_a_normal_row_do_not_vanish_with_missing_values():
    """Of rows with few common values, some agree by chance."""
    X, new = rows(2000, missing=0.6), torch.from_numpy(rows(200, 1))
    complete = RowIndex.of(rows(2000)).squared_distances(new, 1).median()
    assert RowIndex.of(X).squared_distances(new, 1).median() > complete


def test_an_incomplete_row_is_not_its_own_neighbour():
    X = rows(missing=0.3)
    X = X[~np.isnan(X).all(axis=1)]
    found = RowIndex.of(X).squared_distances(torch.from_numpy(X), 1)
    for i, row in enumerate(X):
        others = RowIndex.of(X)._expected()
        known = ~np.isnan(row)
        squares = np.square(row - others[0]) + others[1]
        expected = np.delete(squares[:, known].mean(axis=1) * X.shape[1], i).min()
        assert found[i] == pytest.approx(expected)


def test_a_column_without_any_known_value_adds_nothing_to_its_mean():
    X = rows()
    X[:, 2] = np.nan
    found = RowIndex.of(X).squared_distances(torch.from_numpy(rows(9, 1)), 1)
    assert torch.isfinite(found).all()


def test_parts_of_many_rows_are_the_same(monkeypatch):
    index, new = RowIndex.of(rows()), torch.from_numpy(rows(50, 1))
    whole = index.squared_distances(new, 2)
    monkeypatch.setattr(row_index, "_MOST_DISTANCES", 200)
    torch.testing.assert_close(index.squared_distances(new, 2), whole)


@pytest.mark.parametrize("n_rows", [1, 64, 1000, 1024])
def test_blocks_have_the_nearest_rows(n_rows, monkeypatch):
    X, new = rows(n_rows), rows(50, 1)
    found = RowIndex.of(X).squared_distances(torch.from_numpy(new), 3)
    monkeypatch.setattr(row_index, "_BLOCK", 10**6)
    torch.testing.assert_close(
        RowIndex.of(X).squared_distances(torch.from_numpy(new), 3), found, rtol=0, atol=0
    )


def test_gradients_lead_away_from_the_neighbour():
    X, new = rows(), torch.from_numpy(rows(4, 1)).requires_grad_()
    (gradient,) = torch.autograd.grad(RowIndex.of(X).squared_distances(new, 1).sum(), new)
    _, nearest = NearestNeighbors(n_neighbors=1).fit(X).kneighbors(new.detach().numpy())
    torch.testing.assert_close(gradient, 2 * (new.detach() - torch.from_numpy(X[nearest[:, 0]])))


def test_far_rows_are_far():
    new = torch.tensor([[1.0], [1e6], [1e15], [1e30]], dtype=torch.float64).expand(4, 5)
    found = RowIndex.of(rows()).squared_distances(new.contiguous(), 1)
    assert torch.isfinite(found).all()
    assert (found.diff() > 0).all()


def test_an_index_has_a_limited_size(monkeypatch):
    monkeypatch.setattr(row_index, "_MOST_ROWS", 7)
    assert len(RowIndex.of(rows()).rows) == 7
    monkeypatch.setattr(row_index, "_MOST_ENTRIES", 20)
    assert len(RowIndex.of(rows()).rows) == 4


@pytest.mark.parametrize("n_samples", [1, 2])
def test_few_rows(n_samples):
    found = RowIndex.of(rows(n_samples)).squared_distances(torch.from_numpy(rows(3, 1)), 5)
    assert found.shape == (3,)
    assert torch.isfinite(found).all()
