import pytest
import torch
from sklearn.base import clone
from support.losses import outputs_and_targets

from skae.losses import FunctionLoss


def test_function_is_used_as_it_is():
    output, target = outputs_and_targets()
    loss = FunctionLoss(lambda reconstruction, target: (reconstruction - target) ** 4)
    torch.testing.assert_close(loss.elementwise(output, target), (output - target) ** 4)
    assert loss.rescales


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (torch.nn.functional.mse_loss, r"\(\)"),
        (lambda output, target: (output - target).square().mean(1), r"\(7,\)"),
        (lambda output, target: (output - target)[:, :1], r"\(7, 1\)"),
        (lambda output, target: 0.0, "None"),
        (lambda output, target: None, "None"),
    ],
)
def test_function_that_reduces_is_refused(function, shape):
    with pytest.raises(ValueError, match=rf"\(7, 5\), but returned \w+ of shape {shape}: .*none"):
        FunctionLoss(function).elementwise(*outputs_and_targets())


def test_function_survives_clone():
    loss = FunctionLoss(torch.nn.functional.mse_loss)
    assert clone(loss).function is loss.function
