import numpy as np
import pytest
import torch
from support.corruptions import data, seeded

from skae.corruptions import Masking


def test_masking_puts_the_mean_of_the_feature():
    raw, X, features = data()
    shown = Masking(fraction=0.4).corrupt(X, features, seeded())
    filled = features.unscaled(shown)
    expected = torch.where(shown != X, raw.mean(0), raw)
    torch.testing.assert_close(filled, expected)


@pytest.mark.parametrize("fill", [0, -3.5, np.float32(2), np.int64(100)])
def test_masking_fills_in_units_of_the_data(fill):
    raw, X, features = data()
    shown = Masking(fraction=0.4, fill=fill).corrupt(X, features, seeded())
    expected = torch.where(shown != X, torch.full_like(raw, float(fill)), raw)
    torch.testing.assert_close(features.unscaled(shown), expected, atol=1e-12, rtol=1e-12)
