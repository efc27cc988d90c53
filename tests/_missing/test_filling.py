import numpy as np
import pytest
import torch

from skae._data.rows import Rows
from skae._data.scaling import Scaling
from skae._missing.filling import FilledRows, Filling, NormalDistribution, posterior_precision


def some_filling(n_features=5, rank=3, seed=0):
    random = torch.Generator().manual_seed(seed)
    filling = Filling(n_features, rank).double()
    filling.set(
        NormalDistribution(
            mean=torch.randn(n_features, generator=random).double(),
            deviation=0.5 + torch.rand(n_features, generator=random).double(),
            factor=torch.randn(n_features, rank, generator=random).double(),
            noise=0.3,
        )
    )
    return filling


def covariance_of(filling):
    covariance = filling.factor @ filling.factor.T + filling.noise**2 * torch.eye(len(filling.mean))
    return covariance * filling.deviation[:, None] * filling.deviation


def incomplete_rows(filling, n_rows=20, seed=1):
    rows = filling.draw(n_rows, torch.Generator().manual_seed(seed))
    hidden = torch.rand(rows.shape, generator=torch.Generator().manual_seed(seed)) < 0.4
    return rows, rows.masked_fill(hidden, torch.nan)


@pytest.mark.parametrize("rank", [1, 3, 5])
def test_missing_values_become_their_conditional_mean(rank):
    """By the formula for normal distributions, one row at a time."""
    filling = some_filling(rank=rank)
    covariance = covariance_of(filling)
    _, X = incomplete_rows(filling)
    filled = filling(X)
    for row, result in zip(X, filled, strict=True):
        known, missing = ~torch.isnan(row), torch.isnan(row)
        weights = covariance[missing][:, known] @ torch.linalg.inv(covariance[known][:, known])
        expected = filling.mean[missing] + weights @ (row[known] - filling.mean[known])
        torch.testing.assert_close(result[missing], expected)
        assert torch.equal(result[known], row[known])


def test_a_row_of_which_nothing_is_known_becomes_the_mean():
    filling = some_filling()
    torch.testing.assert_close(filling(torch.full((1, 5), torch.nan).double())[0], filling.mean)


def test_complete_rows_are_given_back():
    filling = some_filling()
    X = torch.ones(4, 5).double()
    assert filling(X) is X


def test_a_row_does_not_depend_on_others():
    filling = some_filling()
    _, X = incomplete_rows(filling)
    torch.testing.assert_close(filling(X[3:4]), filling(X)[3:4], rtol=1e-12, atol=1e-12)


def test_float32_rows_are_filled_as_precisely_as_float64_ones():
    """Nearly collinear features make a difference of single precision a large one."""
    filling = Filling(4, 1).double()
    filling.set(NormalDistribution(torch.zeros(4), torch.ones(4), torch.ones(4, 1), noise=1e-3))
    X = torch.tensor([[1.0, 1.0001, torch.nan, 0.9999]])
    single = filling.float()(X)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single[0, 2], torch.tensor(1.0), atol=1e-5, rtol=0)


def test_draws_have_mean_and_covariance_of_the_distribution():
    filling = some_filling()
    rows = filling.draw(200_000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(rows.mean(0), filling.mean, atol=0.02, rtol=0)
    torch.testing.assert_close(torch.cov(rows.T), covariance_of(filling), atol=0.05, rtol=0.02)


@pytest.mark.parametrize("rank", [1, 5])
def test_conditional_variances_are_those_of_the_covariance(rank):
    """By the formula for normal distributions, one row at a time."""
    filling = some_filling(rank=rank)
    covariance = covariance_of(filling)
    _, X = incomplete_rows(filling)
    for row, variances in zip(X, filling.conditional_variances(X), strict=True):
        known, missing = ~torch.isnan(row), torch.isnan(row)
        across = covariance[missing][:, known]
        weights = across @ torch.linalg.inv(covariance[known][:, known])
        expected = (covariance[missing][:, missing] - weights @ across.T).diagonal()
        torch.testing.assert_close(variances[missing], expected)


def test_posterior_precision():
    filling = some_filling()
    known = torch.tensor([[1.0, 0, 1, 1, 0]]).double()
    of_known = filling.factor[[0, 2, 3]]
    expected = 0.09 * torch.eye(3).double() + of_known.T @ of_known
    found = posterior_precision(known, filling.factor, torch.tensor(0.09))
    torch.testing.assert_close(found[0], expected)


def test_filled_rows_are_those_of_the_filling_in_blocks_and_by_index():
    filling = some_filling()
    _, X = incomplete_rows(filling, n_rows=50)
    scaling = Scaling(np.zeros(5), 1.0)
    rows = Rows(X.numpy(), scaling, torch.device("cpu"), torch.float64)
    filled = FilledRows(rows, filling)
    blocks = torch.cat([block for _, block in filled.blocks()])
    torch.testing.assert_close(blocks, filling(X))
    index = torch.tensor([7, 3])
    torch.testing.assert_close(filled.take(index), filling(X)[index])
    assert len(filled) == 50
    assert filled.shape == (50, 5)
    assert filled.device == rows.device
    assert filled.dtype == rows.dtype


def test_work_is_counted():
    assert Filling(10, 4).n_multiplications == 10 * 16 + 64 // 3
