"""Means and covariances, against scikit-learn, scipy and numpy."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import LedoitWolf
from support.tables import correlated

from skae.scores import scatter
from skae.scores.scatter import Scatter


def spiked(n_samples=3000, n_columns=12, n_axes=3, seed=0):
    """Rows that spread along a few axes much more than along all others, where they do evenly."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(n_columns, n_columns)))[0][:n_axes]
    spread = rng.normal(size=(n_samples, n_axes)) * np.linspace(9, 5, n_axes)
    return spread @ axes + rng.normal(size=(n_samples, n_columns)) + 3


def lengths_of(scatter, rows):
    return scatter.mahalanobis(torch.from_numpy(rows)).numpy()


def root_of(scatter):
    """Return the matrix that whitens."""
    n_columns = len(scatter.mean)
    return scatter.whitened(torch.eye(n_columns) + torch.from_numpy(scatter.mean)).numpy()


def covariance_of(scatter):
    return np.linalg.inv(root_of(scatter) @ root_of(scatter))


@pytest.fixture
def wide(monkeypatch):
    """Make the path of very many columns that of more than three, or of more than as many."""

    def wide(most_columns=3):
        monkeypatch.setattr(scatter, "_MOST_COLUMNS", most_columns)

    return wide


@pytest.mark.parametrize(("n_samples", "n_columns"), [(200, 5), (30, 5), (12, 20), (50, 1)])
def test_lengths_are_those_of_ledoit_and_wolf(n_samples, n_columns):
    rows, others = (correlated(n_samples, n_columns, seed) for seed in (0, 1))
    lengths = lengths_of(Scatter.of(rows), others)
    assert lengths.dtype == np.float64
    estimate = LedoitWolf().fit(rows)
    np.testing.assert_allclose(lengths, estimate.mahalanobis(others), rtol=1e-8)
    by_scipy = [mahalanobis(row, rows.mean(axis=0), estimate.precision_) ** 2 for row in others]
    np.testing.assert_allclose(lengths, by_scipy, rtol=1e-8)


def test_many_rows_have_their_sample_covariance():
    rows = correlated(20_000)
    found = Scatter.of(rows)
    np.testing.assert_allclose(found.mean, rows.mean(axis=0))
    np.testing.assert_allclose(covariance_of(found), np.cov(rows.T, bias=True), atol=0.05)
    assert lengths_of(found, rows).mean() == pytest.approx(5, rel=0.01)


@pytest.mark.parametrize("n_axes", [None, 2])
def test_whitened_squares_add_up_to_the_lengths(wide, n_axes):
    if n_axes:
        wide()
    rows, others = correlated(), correlated(seed=1)
    found = Scatter.of(rows)
    whitened = found.whitened(torch.from_numpy(others))
    assert whitened.shape == others.shape
    assert whitened.dtype == torch.float64
    inverse = np.linalg.inv(
        found.axes @ np.diag(found.eigenvalues) @ found.axes.T
        + found.rest * (np.eye(5) - found.axes @ found.axes.T)
    )
    centred = others - rows.mean(axis=0)
    expected = np.einsum("ij,jk,ik->i", centred, inverse, centred)
    np.testing.assert_allclose(whitened.square().sum(1).numpy(), expected, rtol=1e-10)
    np.testing.assert_allclose(lengths_of(found, others), expected, rtol=1e-10)


@pytest.mark.parametrize("n_axes", [None, 2])
def test_the_root_is_the_symmetric_one(wide, n_axes):
    if n_axes:
        wide()
    root = root_of(Scatter.of(correlated()))
    np.testing.assert_allclose(root, root.T, atol=1e-12)
    assert (np.linalg.eigvalsh(root) > 0).all()
    assert np.abs(root - np.diag(root.diagonal())).max() > 0.01


def test_an_error_in_one_of_independent_columns_belongs_to_it():
    rows = np.random.default_rng(0).normal(size=(5000, 4)) * [1, 2, 3, 4]
    found = Scatter.of(rows)
    row = found.mean + np.array([0, 0, 30, 0])
    shares = found.whitened(torch.from_numpy(row)[None]).square().numpy()[0]
    assert shares[2] == pytest.approx(100, rel=0.1)
    assert shares[[0, 1, 3]].max() < 0.2


def test_axes_are_orthonormal():
    for rows in (correlated(), correlated(12, 20)):
        axes = Scatter.of(rows).axes
        np.testing.assert_allclose(axes.T @ axes, np.eye(axes.shape[1]), atol=1e-10)


def degenerate():
    rng = np.random.default_rng(0)
    free = rng.normal(size=(100, 3))
    return {
        "constant column": np.column_stack([free, np.full(100, 7.0)]),
        "collinear columns": np.column_stack([free, free @ [1, 2, 3], 2 * free[:, 0]]),
        "more columns than rows": rng.normal(size=(4, 40)),
        "two rows": rng.normal(size=(2, 6)),
        "all rows equal": np.tile([1.0, -2.0, 0.0, 5.0], (10, 1)),
        "binary": (rng.random((100, 6)) < [0.5, 0.3, 0.01, 0.0, 1.0, 0.9]).astype(float),
        "tiny": free * 1e-30,
        "large": free * 1e15,
    }


@pytest.mark.parametrize("n_axes", [None, 2])
@pytest.mark.parametrize("name", degenerate())
def test_degenerate_rows_have_lengths(name, n_axes, wide):
    if n_axes:
        wide(2)
    rows = degenerate()[name]
    found = Scatter.of(rows)
    assert (found.eigenvalues > 0).all()
    assert found.rest > 0
    lengths = lengths_of(found, rows)
    assert np.isfinite(lengths).all()
    if name != "all rows equal":
        assert lengths.max() > 0.1
    # What leaves the space of the rows is further away than any of them, in any direction.
    size = np.abs(rows - rows.mean(axis=0)).max() or 1.0
    away = rows.mean(axis=0) + 100 * size * np.eye(rows.shape[1])
    assert lengths_of(found, away).min() > lengths.max()


def test_rows_that_are_all_the_same_count_in_units_of_one():
    found = Scatter.of(np.full((10, 4), 3.0))
    np.testing.assert_array_equal(lengths_of(found, np.full((1, 4), 3.0)), 0)
    np.testing.assert_allclose(lengths_of(found, np.array([[3.0, 5, 3, 3]])), 4)


@pytest.mark.parametrize("many_columns", [False, True])
def test_the_unit_of_the_rows_does_not_matter(wide, many_columns):
    if many_columns:
        wide()
    rows, others = correlated(), correlated(seed=1)
    expected = lengths_of(Scatter.of(rows), others)
    for unit, origin in [(1e-6, 0), (1e6, 0), (3.0, 1000.0)]:
        lengths = lengths_of(Scatter.of(unit * rows + origin), unit * others + origin)
        np.testing.assert_allclose(lengths, expected, rtol=1e-7)


def test_a_flat_direction_counts_no_more_than_the_smallest_eigenvalue():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50_000, 2)) * [1, 1e-6]
    lengths = lengths_of(Scatter.of(rows), rows.mean(axis=0) + np.array([[0.0, 0.1]]))
    mean_variance = rows.var(axis=0).mean()
    assert lengths[0] == pytest.approx(0.01 / (1e-4 * mean_variance), rel=0.05)


@pytest.mark.parametrize(("n_samples", "n_columns"), [(20, 60), (59, 60), (2, 7)])
def test_more_columns_than_rows_by_the_products_of_rows(wide, n_samples, n_columns):
    rows, others = (correlated(n_samples, n_columns, seed) for seed in (0, 1))
    expected = lengths_of(Scatter.of(rows), others)
    wide(n_columns - 1)
    found = Scatter.of(rows)
    assert found.axes.shape[1] < n_samples
    np.testing.assert_allclose(lengths_of(found, others), expected, rtol=1e-4)


def test_some_of_many_rows_stand_for_all(wide):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3000, 70)) @ np.diag(np.linspace(1, 3, 70))
    expected = lengths_of(Scatter.of(rows), rows[:50])
    wide(60)
    found = Scatter.of(rows)
    assert found.axes.shape[1] <= 60
    assert np.corrcoef(lengths_of(found, rows[:50]), expected)[0, 1] > 0.8


@pytest.mark.parametrize("n_samples", [20, 100, 400])
@pytest.mark.parametrize("many_columns", [False, True])
def test_new_rows_have_a_length_of_about_one_for_each_column(wide, many_columns, n_samples):
    if many_columns:
        wide(250)
    rng = np.random.default_rng(0)
    found = Scatter.of(rng.normal(size=(n_samples, 300)))
    mean_length = lengths_of(found, rng.normal(size=(50, 300))).mean() / 300
    assert mean_length == pytest.approx(1, rel=0.5)


# Rows of which some values are unknown


def with_known(n_columns, n_samples=40, seed=2):
    rng = np.random.default_rng(seed)
    known = rng.random((n_samples, n_columns)) < rng.random((n_samples, 1))
    known[0], known[1] = True, False
    return torch.from_numpy(known)


@pytest.mark.parametrize("compiling", [False, True])
@pytest.mark.parametrize("n_samples", [3000, 5])
def test_distance_of_known_values_is_that_under_their_covariance(n_samples, compiling, monkeypatch):
    rows = spiked(n_samples)
    found, new = Scatter.of(rows), torch.from_numpy(spiked(40, seed=1))
    known = with_known(12)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: compiling)
    squares = found.squares(torch.where(known, new, 1e6), known)
    covariance = np.linalg.inv(root_of(found) @ root_of(found))
    for of_row, row, mask in zip(squares.numpy(), new.numpy(), known.numpy(), strict=True):
        away = (row - found.mean)[mask]
        expected = away @ np.linalg.solve(covariance[np.ix_(mask, mask)], away) if mask.any() else 0
        assert of_row.sum() == pytest.approx(expected, rel=1e-6)
        assert (of_row >= 0).all()
        assert (of_row[~mask] == 0).all()


def test_complete_rows_contribute_as_without_a_mask():
    found, new = Scatter.of(spiked()), torch.from_numpy(spiked(40, seed=1))
    known = with_known(12)
    squares, complete = found.squares(new, known), found.squares(new)
    torch.testing.assert_close(squares[0], complete[0], rtol=1e-12, atol=0)
    assert torch.equal(found.squares(new, torch.ones_like(known)), complete)
    assert torch.equal(complete, found.whitened(new).square())


def test_with_many_columns_correlations_with_unknown_values_are_ignored(monkeypatch):
    monkeypatch.setattr(scatter, "_MOST_SOLVED", 11)
    found, new = Scatter.of(spiked()), torch.from_numpy(spiked(40, seed=1))
    known = with_known(12)
    filled = torch.where(known, new, torch.from_numpy(found.mean))
    expected = found.mahalanobis(filled)
    torch.testing.assert_close(found.squares(new, known).sum(1), expected)
