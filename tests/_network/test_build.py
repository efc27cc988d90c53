"""Building a network from its specification."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from skae._data.scaling import Scaling
from skae._network.build import network_with, new_network
from skae._network.fitted_network import arrays_of
from skae._network.head import HeadPlan
from skae._network.network_spec import NetworkSpec
from skae.architectures import Dense
from skae.kinds import Undercomplete
from skae.losses import MSE

CPU = torch.device("cpu")


@pytest.fixture
def spec():
    scaling = Scaling(np.arange(6.0), 2.0)
    return NetworkSpec(Undercomplete(), Dense((4,)), MSE(), 6, 2, True, scaling, "float32")


def seeded(spec, seed=0, device=CPU):
    return new_network(spec, device, torch.Generator().manual_seed(seed))


def test_the_generator_decides_the_first_weights(spec):
    first, same, other = (arrays_of(seeded(spec, seed).state_dict()) for seed in (0, 0, 1))
    for name, weights in first.items():
        np.testing.assert_array_equal(weights, same[name])
    assert not np.array_equal(first["encoder.0.weight"], other["encoder.0.weight"])


def test_weights_that_are_replaced_need_no_generator(spec):
    assert new_network(spec, CPU).state_dict().keys() == seeded(spec).state_dict().keys()


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [
        ("auto", torch.float32),
        ("float32", torch.float32),
        ("bfloat16", torch.float32),
        ("float64", torch.float64),
    ],
)
def test_weights_have_the_dtype_of_the_precision(spec, precision, dtype):
    network = seeded(replace(spec, precision=precision))
    assert {tensor.dtype for tensor in network.state_dict().values()} == {dtype}


def test_precision_changes_the_digits_of_the_first_weights_only(spec):
    short, long = (seeded(replace(spec, precision=p)).state_dict() for p in ("float32", "float64"))
    for name, tensor in short.items():
        torch.testing.assert_close(tensor.double(), long[name])


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_network_knows_the_units_of_X(spec, precision):
    """In float64, whatever its own precision."""
    features = seeded(replace(spec, precision=precision)).features
    assert features.centre.tolist() == list(range(6))
    assert features.scale.tolist() == [2.0] * 6
    assert features.centre.dtype == features.scale.dtype == torch.float64


def test_a_network_is_where_it_is_to_be(spec):
    network = seeded(spec, device=torch.device("meta"))
    assert {parameter.device.type for parameter in network.parameters()} == {"meta"}


@pytest.mark.parametrize("n_components", [10**8, 10**18])
def test_a_network_that_does_not_fit_into_memory_is_refused_by_its_parameters(spec, n_components):
    spec = replace(spec, n_components=n_components, architecture=Dense((10**6,)))
    with pytest.raises(ValueError, match=rf"n_components={n_components}.*1000000") as error:
        seeded(spec)
    assert "head" not in str(error.value)
    with pytest.raises(ValueError, match=r"head_layer_sizes=\(5,\)"):
        seeded(replace(spec, head=HeadPlan(2, (5,), 0.5)))


def test_a_network_with_given_weights_has_copies_of_them(spec):
    weights = arrays_of(seeded(spec, 5).state_dict())
    network = network_with(spec, weights, CPU)
    for name, tensor in network.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), weights[name])
    before = weights["encoder.0.weight"].copy()
    with torch.no_grad():
        network.encoder[0].weight.zero_()
    np.testing.assert_array_equal(weights["encoder.0.weight"], before)
    assert network.features.centre.tolist() == list(range(6))
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("name", ["encoder.0.weight", "features.mean"])
def test_weights_that_are_incomplete_are_refused(spec, name):
    weights = arrays_of(seeded(spec).state_dict())
    del weights[name]
    with pytest.raises(RuntimeError, match=name):
        network_with(spec, weights, CPU)
