import pytest
import torch
from support.corruptions import N_FEATURES, SAMPLE_SHAPE, data, seeded

from skae.corruptions import Missing


@pytest.mark.parametrize(("fraction", "mean"), [(0.3, 0.3), ((0.0, 1.0), 0.5), ((0.1, 0.3), 0.2)])
def test_missing_hides_its_fraction(fraction, mean):
    _, X, features = data(n_samples=4000)
    hidden = torch.isnan(Missing(fraction).corrupt(X, features, seeded()))
    assert float(hidden.double().mean()) == pytest.approx(mean, abs=0.02)


def test_missing_draws_a_fraction_for_each_row():
    _, X, features = data(n_samples=4000)
    of_rows = torch.isnan(Missing((0.2, 0.6)).corrupt(X, features, seeded())).double().mean(1)
    spread = of_rows.std() ** 2 - 0.4 * 0.6 / N_FEATURES  # what is left is that of the fractions
    assert float(spread) == pytest.approx(0.4**2 / 12, rel=0.2)


@pytest.mark.parametrize(
    "fraction",
    [0, 1.5, -0.1, "all", True, None, (0.5, 0.5), (0.6, 0.2), (0.1,), (-0.1, 0.5), (0, 2)],
)
def test_missing_refuses_fractions_out_of_range(fraction):
    with pytest.raises(ValueError, match="fraction of Missing must be a number > 0 and <= 1"):
        Missing(fraction).check(SAMPLE_SHAPE)
