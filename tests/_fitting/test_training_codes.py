import numpy as np
import pytest
import torch

from skae._fitting import training_codes
from skae._fitting.training_codes import TrainingCodes
from skae.kinds import Sparse, Undercomplete

N, SIZE = 103, 4


def codes_of(dtype=torch.float32, offset=0.0):
    """Return codes with zeros, of unlike means and variances."""
    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(N, SIZE, generator=generator, dtype=dtype)
    codes = codes * torch.tensor([1, 10, 0.1, 3], dtype=dtype) + torch.arange(SIZE)
    codes[torch.rand(N, SIZE, generator=generator) < 0.3] = 0
    return codes + offset


def taken(codes, block=N, kind=None, seed=0):
    kept = TrainingCodes(kind or Undercomplete(), len(codes), codes.shape[1], seed)
    for start in range(0, len(codes), block):
        rows = slice(start, min(start + block, len(codes)))
        kept.add(rows, codes[rows])
    return kept


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("block", [1, 10, 50, 102, N])
def test_summary_is_that_of_all_codes(block, dtype):
    codes = codes_of(dtype)
    summary = taken(codes, block).summary(lambda: "directions")
    reference = codes.numpy().astype(np.float64)
    np.testing.assert_allclose(summary.mean, reference.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(summary.variance, reference.var(axis=0), rtol=1e-10)
    np.testing.assert_allclose(summary.active_fraction, (reference != 0).mean(axis=0), rtol=1e-12)
    assert summary.directions() == "directions"
    assert (
        summary.mean.dtype == summary.variance.dtype == summary.active_fraction.dtype == np.float64
    )
    assert 0 < summary.active_fraction.min() < summary.active_fraction.max() < 1


@pytest.mark.parametrize("block", [10, N])
def test_variance_of_codes_far_from_zero(block):
    codes = codes_of(torch.float64, offset=1e8)
    summary = taken(codes, block).summary(dict)
    reference = codes_of(torch.float64).numpy()
    np.testing.assert_allclose(summary.variance, reference.var(axis=0), rtol=1e-4)
    np.testing.assert_allclose(summary.mean - 1e8, reference.mean(axis=0), rtol=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6])
def test_constant_codes_have_no_variance(value):
    summary = taken(torch.full((N, 2), value), 10).summary(dict)
    assert (summary.variance == 0).all()
    np.testing.assert_allclose(summary.mean, np.float32(value))


def test_the_kind_says_what_is_active():
    codes = codes_of()
    summary = taken(codes, 10, kind=Sparse("kl", target_activation=0.5)).summary(dict)
    np.testing.assert_allclose(summary.active_fraction, (codes > 0.5).numpy().mean(axis=0))


def test_codes_are_left_alone():
    codes = codes_of(torch.float64)
    before = codes.clone()
    kept = taken(codes, 10)
    assert torch.equal(codes, before)
    codes.zero_()
    assert (kept.sample != 0).any()


def test_few_rows_are_all_in_the_sample():
    codes = codes_of()
    assert np.array_equal(taken(codes, 10).sample, codes.numpy())


@pytest.mark.parametrize("block", [1, 7, 10, N])
def test_sample_of_many_rows(monkeypatch, block):
    monkeypatch.setattr(training_codes, "_MOST_CODES", 20)
    codes = torch.arange(N * 2.0).reshape(N, 2)
    sample = taken(codes, block).sample
    assert sample.shape == (20, 2)
    assert sample.dtype == np.float32
    # Each row of the sample is one of the rows, each at most once, in their order.
    index = sample[:, 0] / 2
    assert np.array_equal(sample, codes.numpy()[index.astype(int)])
    assert (np.diff(index) > 0).all()
    # It does not depend on the blocks.
    assert np.array_equal(sample, taken(codes).sample)


def test_sample_is_drawn_by_the_seed(monkeypatch):
    monkeypatch.setattr(training_codes, "_MOST_CODES", 20)
    codes = codes_of()
    first, same, other = (taken(codes, 10, seed=seed).sample for seed in (0, 0, 1))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_sample_is_from_all_over(monkeypatch):
    monkeypatch.setattr(training_codes, "_MOST_CODES", 20)
    codes = torch.arange(float(N))[:, None]
    drawn = np.concatenate([taken(codes, seed=seed).sample[:, 0] for seed in range(100)])
    counts = np.bincount(drawn.astype(int), minlength=N)
    assert counts.sum() == 2000
    assert counts.min() > 0
    assert counts.max() < 3 * counts.mean()


def test_at_most_ten_thousand_codes_are_kept():
    codes = torch.zeros(10_050, 1)
    assert taken(codes, 5000).sample.shape == (10_000, 1)
