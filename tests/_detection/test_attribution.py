"""Contributions of features to a function, against integrals in closed form and Shapley values."""

from itertools import permutations

import numpy as np
import pytest
import torch

from skae._detection.attribution import (
    added_up,
    integrated_gradients,
    known_groups,
    nearest,
    replacement_differences,
)
from skae._runtime.memory import FittingBatches

CPU = torch.device("cpu")


def rows(n_samples=30, n_features=5, seed=0, dtype=torch.float64):
    rng = np.random.default_rng(seed)
    return torch.tensor(rng.normal(size=(n_samples, n_features)) * 2 + 1, dtype=dtype)


WEIGHTS = torch.tensor([1.0, -2.0, 0.0, 3.0, 0.5], dtype=torch.float64)
BASELINES = rows(3, seed=5)
MATRIX = rows(5, seed=1)
MATRIX = MATRIX @ MATRIX.T


def gradients(function, X, baselines=BASELINES):
    return integrated_gradients(function, X, baselines, FittingBatches(CPU))


def replaced(function, X, baselines=BASELINES, group_of=None):
    group_of = np.arange(X.shape[1]) if group_of is None else np.array(group_of)
    return replacement_differences(function, X, baselines, group_of, FittingBatches(CPU))


def quadratic(X):
    return torch.einsum("ij,jk,ik->i", X, MATRIX, X) + X @ WEIGHTS


@pytest.fixture
def network(make_network):
    """A function of a small random network, bent and never negative."""
    network = make_network(5, 3, linear_path=False, dtype=torch.float64)
    network.eval().requires_grad_(False)
    return lambda X: network.encode(X).square().sum(1) + 1


@pytest.mark.parametrize("method", [gradients, replaced])
def test_linear_function(method):
    X = rows()
    contributions = method(lambda X: X @ WEIGHTS + 7, X)
    assert contributions.dtype == torch.float64
    torch.testing.assert_close(contributions, (X - BASELINES.mean(0)) * WEIGHTS)


@pytest.mark.parametrize("method", [gradients, replaced])
def test_quadratic_function(method):
    """Half of (x - b) times the sum of the gradients at both ends, exactly."""
    X = rows()
    expected = torch.stack(
        [(X - b) * ((X + b) @ MATRIX + WEIGHTS) for b in BASELINES]
    ).mean(0)  # fmt: skip
    difference = quadratic(X) - quadratic(BASELINES).mean()
    torch.testing.assert_close(expected.sum(1), difference)
    torch.testing.assert_close(method(quadratic, X), expected)


def test_smooth_functions_are_integrated_well():
    X = rows()
    found = gradients(lambda X: torch.exp(X).sum(1), X)
    expected = torch.exp(X) - torch.exp(BASELINES).mean(0)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_kinks_are_integrated_nearly():
    X = rows()
    found = gradients(lambda X: X.abs().sum(1), X)
    expected = X.abs() - BASELINES.abs().mean(0)
    assert (found - expected).abs().mean() < 0.1 * expected.abs().mean()


def test_contributions_of_a_network_are_the_integral(network):
    X, n_steps = rows(), 400
    fine = torch.zeros_like(X)
    for b in BASELINES:
        for step in range(n_steps):
            point = (b + (step + 0.5) / n_steps * (X - b)).requires_grad_()
            (slope,) = torch.autograd.grad(network(point).sum(), point)
            fine += (X - b) * slope / n_steps / len(BASELINES)
    torch.testing.assert_close(
        fine.sum(1), network(X) - network(BASELINES).mean(), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(gradients(network, X), fine, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("method", [gradients, replaced])
def test_a_feature_that_does_not_count_gets_nothing(network, method):
    X, baselines = rows(n_features=6), rows(3, 6, seed=5)
    contributions = method(lambda X: network(X[:, :5]), X, baselines)
    assert (contributions[:, 5].abs() < 1e-12).all()
    assert (contributions[:, :5] != 0).all()


@pytest.mark.parametrize("method", [gradients, replaced])
def test_a_row_does_not_depend_on_the_others(network, method):
    X = rows()
    alone = torch.cat([method(network, row[None]) for row in X])
    torch.testing.assert_close(method(network, X), alone, rtol=0, atol=0)


@pytest.mark.parametrize("method", [gradients, replaced])
def test_small_batches_change_nothing(network, method):
    X, whole = rows(4), method(network, rows(4))
    sizes = []

    def noted(points):
        sizes.append(len(points))
        return network(points)

    batches = FittingBatches(CPU, 5)
    if method is gradients:
        found = integrated_gradients(noted, X, BASELINES, batches)
    else:
        found = replacement_differences(noted, X, BASELINES, np.arange(5), batches)
    assert max(sizes) <= 5
    torch.testing.assert_close(found, whole)


@pytest.mark.parametrize("method", [gradients, replaced])
def test_rows_and_baselines_are_left_alone(network, method):
    X, baselines = rows(), BASELINES.clone()
    method(network, X, baselines)
    assert torch.equal(X, rows())
    assert torch.equal(baselines, BASELINES)
    assert not X.requires_grad
    assert not baselines.requires_grad


def test_far_rows_have_finite_contributions(network):
    X = 1e9 * rows(dtype=torch.float32)
    found = gradients(lambda X: network(X.double()), X, BASELINES.float())
    assert torch.isfinite(found).all()


def test_float32_rows_are_compared_in_float64():
    """Each difference is small beside the values, and their sum is exact all the same."""
    X = (rows() + 4096).float()
    baselines = (BASELINES + 4096).float()
    found = gradients(lambda X: (X.double() - 4096).square().sum(1), X, baselines)
    expected = (X.double() - 4096).square() - (baselines.double() - 4096).square().mean(0)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("method", [gradients, replaced])
def test_missing_values_stay_missing_and_get_nothing(method):
    X = rows()
    X[:, 2] = torch.nan
    seen = []

    def of_known(X):
        seen.append(torch.isnan(X[:, 2]).all() and not torch.isnan(X[:, [0, 1, 3, 4]]).any())
        return quadratic(torch.nan_to_num(X))

    found = method(of_known, X)
    assert all(seen)
    assert (found[:, 2] == 0).all()
    known = BASELINES.clone()
    known[:, 2] = 0
    difference = quadratic(torch.nan_to_num(X)) - quadratic(known).mean()
    torch.testing.assert_close(found.sum(1), difference)


def test_replacements_are_shapley_values_of_pairs():
    """All orders in which the features of a row replace those of a baseline, by hand."""
    X = rows(2, 3)
    baselines = rows(2, 3, seed=5)

    def pairs(X):
        return X[:, 0] * X[:, 1] + X[:, 1] * X[:, 2] - X[:, 0]

    expected = torch.zeros_like(X)
    for i, x in enumerate(X):
        for b in baselines:
            for order in permutations(range(3)):
                point = b.clone()
                for j in order:
                    before = pairs(point[None])
                    point[j] = x[j]
                    expected[i, j] += (pairs(point[None]) - before)[0] / (2 * 6)
    torch.testing.assert_close(_unscaled(pairs, X, baselines), expected)


def _unscaled(function, X, baselines):
    """Return replacement differences of a function that is larger, so that none is scaled down."""
    found = replaced(function, X, baselines)
    torch.testing.assert_close(found.sum(1), function(X) - function(baselines).mean())
    return found


def test_replacements_of_groups_move_their_features_together():
    """A jump of two dummies at once is one change; either of them alone would be another."""
    X, baselines = torch.tensor([[0.0, 1.0, 5.0]]), torch.tensor([[1.0, 0.0, 5.0]])

    def off_diagonal(X):
        return (X[:, 0] == X[:, 1]).double() * 100 + X[:, 1].double()

    found = replaced(off_diagonal, X.double(), baselines.double(), [0, 0, 1])
    np.testing.assert_allclose(found, [[1.0, 0.0]])


def test_replacements_that_explain_the_same_are_scaled_down():
    def largest(X):
        return X.max(1).values

    X, baselines = torch.tensor([[4.0, -1.0, -1.0]]), torch.tensor([[0.0, 1.0, 1.0]])
    found = replaced(largest, X.double(), baselines.double())
    # 3 is what is to be explained; the first feature alone changes 3 and 3, the others nothing.
    np.testing.assert_allclose(found, [[3.0, 0.0, 0.0]])

    def either(X):
        return (X > 0).any(1).double()

    ones, zeros = torch.ones(1, 3).double(), torch.zeros(1, 3).double()
    # The first change of each is 1 and the last is 0.
    np.testing.assert_allclose(replaced(either, ones, zeros), [[1 / 3, 1 / 3, 1 / 3]])


def test_what_is_left_is_shared_evenly():
    contributions = np.array([[3.0, -1.0, 0.0], [3.0, -1.0, 0.0], [1.0, 2.0, 3.0]])
    known = np.array([[True, True, True], [True, True, False], [True, True, True]])
    found = added_up(contributions, np.array([5.0, 4.0, 0.0]), known)
    np.testing.assert_allclose(found, [[4, 0, 1], [4, 0, 0], [-1, 0, 1]])


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_shared_evenly(broken):
    known = np.array([[True, False, True]])
    found = added_up(np.array([[broken, 0.0, 1.0]]), np.array([6.0]), known)
    np.testing.assert_allclose(found, [[3, 0, 3]])


def test_a_row_without_known_values_still_adds_up():
    found = added_up(np.zeros((1, 4)), np.array([2.0]), np.zeros((1, 4), dtype=bool))
    np.testing.assert_allclose(found, [[0.5] * 4])


def test_a_group_is_known_if_one_of_its_values_is():
    X = np.array([[1.0, np.nan, np.nan], [np.nan, np.nan, 0.0]])
    known = known_groups(X, np.array([0, 0, 1]))
    np.testing.assert_array_equal(known, [[True, False], [False, True]])


def test_the_nearest_baselines_are_those_with_the_smallest_differences():
    X = torch.tensor([[0.0, 0.0], [5.0, float("nan")]])
    baselines = torch.tensor([[3.0, 3.0], [1.0, -1.0], [4.0, 100.0], [0.0, 2.5]])
    found = nearest(X, baselines, 2)
    assert sorted(found[0].tolist()) == [[0.0, 2.5], [1.0, -1.0]]
    assert sorted(found[1].tolist()) == [[3.0, 3.0], [4.0, 100.0]]  # what is missing is not counted
    assert nearest(X, baselines, 9).shape == (2, 4, 2)
