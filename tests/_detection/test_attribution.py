"""Shares of features in a number, against integrals in closed form."""

import numpy as np
import pytest
import torch

from skae._detection.attribution import integrated_gradients


def rows(n_samples=30, n_features=5, seed=0, dtype=torch.float64):
    rng = np.random.default_rng(seed)
    return torch.tensor(rng.normal(size=(n_samples, n_features)) * 2 + 1, dtype=dtype)


WEIGHTS = torch.tensor([1.0, -2.0, 0.0, 3.0, 0.5], dtype=torch.float64)
ORIGIN = torch.tensor([0.5, -1.0, 2.0, 0.0, 0.25], dtype=torch.float64)


def with_what_is_left(contributions, values):
    """Share out what is left in proportion to the sizes."""
    left = values - contributions.sum(1)
    sizes = contributions.abs()
    return contributions + left[:, None] * sizes / sizes.sum(1, keepdim=True)


@pytest.fixture
def network(make_network):
    """A function of a small random network, bent and never negative."""
    network = make_network(5, 3, linear_path=False, dtype=torch.float64)
    network.eval().requires_grad_(False)
    return lambda X: network.encode(X).square().sum(1) + 1


def test_linear_function():
    X = rows()
    contributions = integrated_gradients(lambda X: X @ WEIGHTS, X, torch.zeros(5).double())
    assert contributions.dtype == torch.float64
    torch.testing.assert_close(contributions, X * WEIGHTS, rtol=1e-10, atol=1e-10)


def test_linear_function_that_is_zero_at_the_origin():
    X = rows()
    contributions = integrated_gradients(lambda X: (X - ORIGIN) @ WEIGHTS, X, ORIGIN)
    torch.testing.assert_close(contributions, (X - ORIGIN) * WEIGHTS, rtol=1e-10, atol=1e-10)


def test_what_the_origin_has_is_shared_out_by_size():
    X = rows()
    contributions = integrated_gradients(lambda X: X @ WEIGHTS + 7, X, ORIGIN)
    expected = with_what_is_left((X - ORIGIN) * WEIGHTS, X @ WEIGHTS + 7)
    torch.testing.assert_close(contributions, expected, rtol=1e-10, atol=1e-10)
    by_hand = integrated_gradients(
        lambda X: X.sum(1) + 8, torch.tensor([[1.0, -3.0]]), torch.zeros(2)
    )
    # 1 and -3, and of what is left, 6 - (-2), a quarter and three quarters.
    np.testing.assert_allclose(by_hand, [[1 + 2, -3 + 6]])


def test_quadratic_function():
    """The contributions are half of (x - o) times gradient and slope at the origin, exactly."""
    X, matrix = rows(), rows(5, 5, seed=1)
    matrix = matrix @ matrix.T

    def function(X):
        return torch.einsum("ij,jk,ik->i", X, matrix, X) + X @ WEIGHTS

    contributions = integrated_gradients(function, X, ORIGIN)
    middle = 0.5 * (X + ORIGIN)
    expected = (X - ORIGIN) * (2 * middle @ matrix + WEIGHTS)
    torch.testing.assert_close(expected.sum(1), function(X) - function(ORIGIN[None]))
    torch.testing.assert_close(
        contributions, with_what_is_left(expected, function(X)), rtol=1e-9, atol=1e-9
    )


def test_squared_length_belongs_to_the_squares():
    X = rows()
    contributions = integrated_gradients(lambda X: (X - ORIGIN).square().sum(1), X, ORIGIN)
    torch.testing.assert_close(contributions, (X - ORIGIN).square(), rtol=1e-10, atol=1e-10)


def test_cubic_function_nearly():
    X = rows()
    contributions = integrated_gradients(lambda X: (X - ORIGIN).abs().pow(3).sum(1), X, ORIGIN)
    torch.testing.assert_close(contributions, (X - ORIGIN).abs().pow(3), rtol=2e-3, atol=1e-10)


def test_a_product_belongs_to_both():
    X = torch.tensor([[3.0, 5.0, 9.0]], dtype=torch.float64)
    contributions = integrated_gradients(lambda X: X[:, 0] * X[:, 1], X, torch.zeros(3).double())
    np.testing.assert_allclose(contributions, [[7.5, 7.5, 0]], atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shift", [-5.0, 0.0, 1e4])
def test_contributions_add_up(network, dtype, shift):
    X, origin = rows(dtype=dtype), ORIGIN.to(dtype)

    def function(X):
        return network(X.double()) + shift

    contributions = integrated_gradients(function, X, origin)
    assert contributions.shape == X.shape
    assert contributions.dtype == torch.float64
    np.testing.assert_allclose(contributions.sum(1), function(X), rtol=1e-10, atol=1e-9)


def test_contributions_of_a_network_are_the_integral(network):
    """What is left is nearly what the function has at the origin; the rest is the integral."""
    X = rows()
    fine, n_steps = torch.zeros_like(X), 2000
    for step in range(n_steps):
        point = (ORIGIN + (step + 0.5) / n_steps * (X - ORIGIN)).requires_grad_()
        fine += torch.autograd.grad(network(point).sum(), point)[0] / n_steps
    fine = fine * (X - ORIGIN)
    completeness = network(X) - network(ORIGIN[None])
    torch.testing.assert_close(fine.sum(1), completeness, rtol=1e-5, atol=1e-6)
    contributions = integrated_gradients(network, X, ORIGIN)
    torch.testing.assert_close(
        contributions, with_what_is_left(fine, network(X)), rtol=0.02, atol=0.02
    )


def test_a_feature_that_does_not_count_gets_nothing(network):
    X = rows(n_features=6)
    origin = torch.cat([ORIGIN, torch.zeros(1).double()])
    contributions = integrated_gradients(lambda X: network(X[:, :5]), X, origin)
    assert (contributions[:, 5] == 0).all()
    assert (contributions[:, :5] != 0).all()


def test_a_feature_that_is_at_the_origin_gets_nothing(network):
    X = rows()
    X[:, 2] = ORIGIN[2]
    contributions = integrated_gradients(network, X, ORIGIN)
    assert (contributions[:, 2] == 0).all()


def test_a_function_that_is_zero():
    contributions = integrated_gradients(lambda X: 0 * X.sum(1), rows(), ORIGIN)
    assert (contributions == 0).all()


def test_a_function_that_is_constant_is_shared_out_evenly():
    contributions = integrated_gradients(lambda X: 0 * X.sum(1) + 10, rows(), ORIGIN)
    np.testing.assert_allclose(contributions, 2)


def test_the_row_at_the_origin_is_shared_out_evenly(network):
    X = torch.stack([ORIGIN, rows(1)[0]])
    contributions = integrated_gradients(network, X, ORIGIN)
    np.testing.assert_allclose(contributions[0], float(network(X)[0]) / 5)
    assert contributions[1].std() > 0


def test_a_row_does_not_depend_on_the_others(network):
    X = rows()
    together = integrated_gradients(network, X, ORIGIN)
    alone = torch.cat([integrated_gradients(network, row[None], ORIGIN) for row in X])
    torch.testing.assert_close(together, alone, rtol=1e-10, atol=1e-12)


def test_rows_and_origin_are_left_alone(network):
    X, origin = rows(), ORIGIN.clone()
    integrated_gradients(network, X, origin)
    assert torch.equal(X, rows())
    assert torch.equal(origin, ORIGIN)
    assert not X.requires_grad
    assert not origin.requires_grad


def test_far_rows_have_finite_contributions(network):
    X = 1e9 * rows(dtype=torch.float32)
    contributions = integrated_gradients(lambda X: network(X.double()), X, ORIGIN.float())
    assert torch.isfinite(contributions).all()
    np.testing.assert_allclose(contributions.sum(1), network(X.double()), rtol=1e-10)
