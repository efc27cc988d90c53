import numpy as np
import pytest
import torch
from support.losses import outputs_and_targets

from skae.losses import MAE, MSE, Huber


@pytest.mark.parametrize("delta", [0.1, 0.7, 5.0])
def test_huber_turns_at_delta(delta):
    error = torch.tensor([[0.9 * delta, -0.9 * delta, delta, 1.1 * delta, -8 * delta]])
    values = Huber(delta).elementwise(error, torch.zeros_like(error))
    expected = [0.405, 0.405, 0.5, 0.6, 7.5]
    np.testing.assert_allclose(values[0].numpy() / delta**2, expected, rtol=1e-5)


def test_huber_lies_between_squared_and_absolute_error():
    output, target = outputs_and_targets()
    large, small = Huber(1e6), Huber(1e-6)
    squared = MSE().elementwise(output, target)
    absolute = MAE().elementwise(output, target)
    torch.testing.assert_close(large.elementwise(output, target), squared / 2)
    torch.testing.assert_close(
        small.elementwise(output, target) / 1e-6, absolute, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("delta", [0, -1.0, float("nan"), float("inf"), "1", None, [1.0]])
def test_huber_refuses_a_delta_that_is_no_positive_number(delta):
    with pytest.raises(ValueError, match="delta of Huber must be a number in "):
        Huber(delta).check(0.0, 1.0)


@pytest.mark.parametrize("delta", [1, 0.5, np.float32(2), np.int64(3)])
def test_huber_takes_any_real_number(delta):
    Huber(delta).check(-5.0, 5.0)
