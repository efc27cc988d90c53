import numpy as np
import pytest
import torch

from skae.base.n_components import resolve_n_components
from skae.training.principal_axes import PrincipalAxes


def spectrum(shares):
    variances = torch.tensor(shares, dtype=torch.float64)
    n = len(shares)
    return PrincipalAxes(
        torch.eye(n).double(), variances, torch.zeros(n).double(), float(variances.sum())
    )


GEOMETRIC = spectrum([0.5**i for i in range(20)])
FLAT = spectrum([1.0] * 400)


@pytest.mark.parametrize("n_components", [1, 7, 1000, np.int64(5), np.uint8(3)])
def test_integers_stand_for_themselves(n_components):
    found = resolve_n_components(n_components, None, 10)
    assert type(found) is int
    assert found == n_components


@pytest.mark.parametrize(
    ("share", "expected"), [(0.3, 1), (0.6, 2), (0.8, 3), (0.9, 4), (np.float64(0.99), 7)]
)
def test_shares_are_of_the_variance(share, expected):
    assert resolve_n_components(share, GEOMETRIC, 20) == expected


def test_shares_are_not_limited():
    assert resolve_n_components(0.9, FLAT, 400) == 360


@pytest.mark.parametrize(
    ("axes", "n_features", "expected"),
    [
        (GEOMETRIC, 20, 4),  # 0.9 of the variance
        (FLAT, 400, 64),  # never more
        (spectrum([1.0] * 20), 20, 10),  # half of the features
        (spectrum([1.0] * 7), 7, 4),  # rounded up
        (spectrum([1.0]), 1, 1),
        (spectrum([0.0] * 5), 5, 1),
    ],
)
def test_auto(axes, n_features, expected):
    assert resolve_n_components("auto", axes, n_features) == expected
