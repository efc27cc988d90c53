import pytest
import torch
import torch.nn.functional as F

from skae.architectures import Convolutional, Dense
from skae.architectures.activations import ACTIVATIONS, activation_of

FORMULAS = {
    "elu": F.elu,
    "gelu": F.gelu,
    "relu": F.relu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "identity": lambda X: X,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_name_is_its_formula(name):
    X = torch.linspace(-3, 3, 13)
    torch.testing.assert_close(activation_of(Dense(activation=name))()(X), FORMULAS[name](X))


@pytest.mark.parametrize("value", ["swish", None, torch.nn.ReLU, ["relu"], 1])
@pytest.mark.parametrize("architecture", [Dense, Convolutional])
def test_others_are_refused(architecture, value):
    name = architecture.__name__
    with pytest.raises(ValueError, match=rf"activation of {name} must be one of \['elu', ") as e:
        activation_of(architecture(activation=value))
    assert str(e.value).endswith(f"got {value!r}.")
