import numpy as np
import pytest
import torch

from skae.scores import subsystems
from skae.scores.subsystems import solved_parts


def system(n_columns, seed=0):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n_columns, n_columns + 3))
    return torch.from_numpy(root @ root.T), torch.from_numpy(rng.normal(size=(60, n_columns)))


def chosen(n_columns, seed=1):
    """Every number of columns, none and all included."""
    rng = np.random.default_rng(seed)
    numbers = np.arange(60) % (n_columns + 1)
    return torch.from_numpy(np.argsort(rng.random((60, n_columns)), axis=1) < numbers[:, None])


@pytest.mark.parametrize("n_columns", [1, 2, 5, 11])
def test_each_row_solves_its_own_part(n_columns):
    matrix, right = system(n_columns)
    parts = chosen(n_columns)
    solutions = solved_parts(matrix, right, parts)
    for x, b, part in zip(solutions.numpy(), right.numpy(), parts.numpy(), strict=True):
        expected = np.zeros(n_columns)
        expected[part] = np.linalg.solve(matrix.numpy()[np.ix_(part, part)], b[part])
        np.testing.assert_allclose(x, expected, rtol=1e-8, atol=1e-10)


def test_a_solution_does_not_depend_on_the_other_rows():
    matrix, right = system(11)
    parts = chosen(11)
    together = solved_parts(matrix, right, parts)
    for i in range(60):
        assert torch.equal(solved_parts(matrix, right[i : i + 1], parts[i : i + 1])[0], together[i])


def test_many_systems_are_solved_in_turns(monkeypatch):
    matrix, right = system(11)
    expected = solved_parts(matrix, right, chosen(11))
    monkeypatch.setattr(subsystems, "_MOST_ENTRIES", 300)
    assert torch.equal(solved_parts(matrix, right, chosen(11)), expected)


def test_an_exported_graph_solves_the_same(monkeypatch):
    matrix, right = system(5)
    expected = solved_parts(matrix, right, chosen(5))
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    torch.testing.assert_close(solved_parts(matrix, right, chosen(5)), expected)


def test_solutions_have_gradients():
    matrix, right = system(5)
    right = right[:8].requires_grad_()
    assert torch.autograd.gradcheck(lambda b: solved_parts(matrix, b, chosen(5)[:8]), right)
