import numpy as np
import pytest
import torch

from skae._fitting.defaults import resolve_n_components
from skae._start.principal_axes import PrincipalAxes
from skae.kinds import KINDS, Undercomplete

every_kind = pytest.mark.parametrize("kind", KINDS)


def spectrum(shares):
    variances = torch.tensor(shares, dtype=torch.float64)
    n = len(shares)
    return PrincipalAxes(
        torch.eye(n).double(), variances, torch.zeros(n).double(), float(variances.sum())
    )


GEOMETRIC = spectrum([0.5**i for i in range(20)])
FLAT = spectrum([1.0] * 400)


@pytest.mark.parametrize("n_components", [1, 7, 1000, np.int64(5), np.uint8(3)])
@every_kind
def test_integers_stand_for_themselves(n_components, kind):
    found = resolve_n_components(n_components, None, 10, KINDS[kind]())
    assert type(found) is int
    assert found == n_components


@pytest.mark.parametrize(
    ("share", "expected"), [(0.3, 1), (0.6, 2), (0.8, 3), (0.9, 4), (np.float64(0.99), 7)]
)
@every_kind
def test_shares_are_of_the_variance(share, expected, kind):
    assert resolve_n_components(share, GEOMETRIC, 20, KINDS[kind]()) == expected


def test_shares_are_not_limited():
    assert resolve_n_components(0.9, FLAT, 400, Undercomplete()) == 360


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
@pytest.mark.parametrize(
    "kind", [name for name in KINDS if name not in ("overcomplete", "sparse", "compressive")]
)
def test_auto(axes, n_features, expected, kind):
    assert resolve_n_components("auto", axes, n_features, KINDS[kind]()) == expected


@pytest.mark.parametrize(("n_features", "expected"), [(1, 2), (20, 40), (512, 1024), (784, 1296)])
def test_auto_of_the_overcomplete_kind_is_larger_than_the_data(n_features, expected):
    kind = KINDS["overcomplete"]()
    assert resolve_n_components("auto", GEOMETRIC, n_features, kind) == expected


@pytest.mark.parametrize(("n_features", "expected"), [(1, 1), (20, 20), (256, 256), (784, 256)])
def test_auto_of_the_sparse_kind_is_as_large_as_the_data(n_features, expected):
    assert resolve_n_components("auto", GEOMETRIC, n_features, KINDS["sparse"]()) == expected
