import numpy as np
import pytest
import torch

from skae._data.rows import Rows
from skae._data.scaling import Scaling
from skae._start.linear_part import LinearPart


def part_of(X, seed=0):
    scaling = Scaling(np.zeros(X.shape[1]), 1.0)
    return LinearPart(Rows(X, scaling, torch.device("cpu"), torch.float64), seed)


def correlated(n_rows=400, n_features=6, share=0.3, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n_rows, 2)) @ random.normal(size=(2, n_features))
    X += 0.1 * random.normal(size=X.shape)
    return np.where(random.random(X.shape) < share, np.nan, X), X


EVERY = torch.ones(400).double()


def test_axes_of_complete_rows_are_those_of_their_covariance():
    _, X = correlated()
    found = part_of(X).principal_axes(2, EVERY, None)
    values = np.linalg.eigvalsh(np.cov(X.T, bias=True))[::-1]
    np.testing.assert_allclose(found.variances[:2], values[:2], rtol=1e-6)


@pytest.mark.parametrize("n_components", [2, 6])
def test_axes_of_incomplete_rows_are_nearly_those_of_complete_ones(n_components):
    """Six are read off the covariance itself, two are those of filled rows."""
    incomplete, X = correlated()
    part = part_of(incomplete)
    found = part.principal_axes(n_components, EVERY, part.gaussian(EVERY))
    expected = part_of(X).principal_axes(n_components, EVERY, None)
    overlap = torch.linalg.svdvals(found.axes[:2] @ expected.axes[:2].T)
    assert overlap.min() > 0.98


def test_a_share_of_the_variance_asks_for_the_whole_spectrum():
    incomplete, _ = correlated()
    part = part_of(incomplete)
    assert len(part.principal_axes(0.9, EVERY, part.gaussian(EVERY)).variances) == 6


def test_rows_of_weight_zero_are_not_known():
    incomplete, _ = correlated()
    spoiled = incomplete.copy()
    spoiled[300:] *= 1e3
    weight = (torch.arange(400) < 300).double()
    found, expected = (part_of(rows).gaussian(weight) for rows in (spoiled, incomplete))
    torch.testing.assert_close(found.factor, expected.factor)
    assert not torch.allclose(part_of(incomplete).gaussian(EVERY).factor, expected.factor)


def test_how_simple_the_distribution_is_to_be_is_chosen_once(monkeypatch):
    incomplete, _ = correlated()
    part = part_of(incomplete)
    part.gaussian(EVERY)
    assert part.simplicity is not None
    monkeypatch.setattr("skae._missing.gaussian_fit._chosen", None)
    part.gaussian(EVERY)


def test_complete_rows_have_no_gaps():
    incomplete, _ = correlated()
    part = part_of(incomplete)
    assert part.complete(None) is part.rows
    gaussian = part.gaussian(EVERY)
    filled = part.complete(gaussian).take(torch.arange(5))
    expected = part.filling(gaussian)(torch.from_numpy(incomplete[:5]))
    torch.testing.assert_close(filled, expected)
    assert torch.isfinite(filled).all()
