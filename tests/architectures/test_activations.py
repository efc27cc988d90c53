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
    "leaky_relu": F.leaky_relu,
    "sigmoid": torch.sigmoid,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_name_is_its_formula(name):
    X = torch.linspace(-3, 3, 13)
    torch.testing.assert_close(activation_of(Dense(activation=name))()(X), FORMULAS[name](X))


@pytest.mark.parametrize("value", ["cube", None, torch.nn.Conv1d, ["relu"], 1])
@pytest.mark.parametrize("architecture", [Dense, Convolutional])
def test_others_are_refused(architecture, value):
    name = architecture.__name__
    with pytest.raises(ValueError, match=rf"activation of {name} must be one of \['elu', ") as e:
        activation_of(architecture(activation=value))
    assert str(e.value).endswith(f"got {value!r}.")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("swish", "silu"),
        ("LeakyReLU", "leaky_relu"),
        ("logistic", "sigmoid"),
        ("none", "identity"),
        (torch.nn.ReLU, "relu"),
        (torch.nn.LeakyReLU(), "leaky_relu"),
    ],
)
def test_words_of_other_libraries_name_the_right_one(value, name):
    with pytest.raises(ValueError, match=f"did you mean '{name}'"):
        activation_of(Dense(activation=value))


@pytest.mark.parametrize(
    ("name", "reference"),
    [("silu", torch.nn.SiLU()), ("elu", torch.nn.ELU()), ("sigmoid", torch.nn.Sigmoid())],
)
def test_bounded_ones_are_those_of_torch_but_for_derivatives_that_are_too_small(name, reference):
    X = torch.linspace(-150, 30, 1801, requires_grad=True)
    value, expected = ACTIVATIONS[name]()(X), reference(X)
    assert torch.allclose(value, expected, atol=1e-7, rtol=0)
    (slope,) = torch.autograd.grad(value.sum(), X)
    (expected_slope,) = torch.autograd.grad(expected.sum(), X)
    assert torch.allclose(slope, expected_slope, atol=1e-7, rtol=0)
    # Products of several numbers as small as this one take many times longer.
    tiny = 1e-10
    assert not ((slope != 0) & (slope.abs() < tiny)).any()
    assert ((expected_slope != 0) & (expected_slope.abs() < tiny)).any()
