"""The penalty on known anomalies."""

import numpy as np
import pytest
import torch

from skae._training.repulsion import repulsion


@pytest.mark.parametrize("loss", [0.7, -2.0])
def test_it_is_its_closed_form(loss):
    losses = np.random.default_rng(0).uniform(0, 40, 9)
    found = repulsion(torch.tensor(loss, dtype=torch.float64), torch.from_numpy(losses))
    expected = 0.3 * abs(loss) * np.logaddexp(0, 30 + (loss - losses) / abs(loss)).mean()
    assert float(found) == pytest.approx(expected)


def test_it_falls_until_the_margin_and_is_finite_without_a_loss():
    one = torch.ones(())
    penalties = [float(repulsion(one, torch.tensor([of]))) for of in (0.0, 10.0, 60.0)]
    assert penalties == sorted(penalties, reverse=True)
    assert penalties[-1] < 1e-9
    assert np.isfinite(float(repulsion(0 * one, torch.ones(3))))
