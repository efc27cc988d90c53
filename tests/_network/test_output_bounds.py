"""The bounds of a decoder's output: layers, functions and measured ranges."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from skae._network.output_bounds import output_bounds
from skae.architectures import Architecture, Custom, Dense
from skae.kinds import Sparse, Undercomplete


@pytest.fixture(autouse=True)
def _own_draws():
    """Layers of torch draw from its global generator."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        yield


def encoder(sample_shape, n_outputs):
    return nn.Linear(*sample_shape, n_outputs)


class Calling(nn.Module):
    """A linear layer, and a function of its output."""

    def __init__(self, function, *after):
        super().__init__()
        self.hidden, self.out = nn.Linear(2, 16), nn.Linear(16, 6)
        self.function, self.after = function, nn.Sequential(*after)

    def forward(self, code):
        return self.after(self.function(self.out(torch.tanh(self.hidden(code)))))


def bounds_of(make_network, decoder, **parameters):
    parts = {"linear_path": False, "architecture": Custom(encoder, lambda *_: decoder)}
    return output_bounds(make_network(**{**parts, **parameters}), of_user=True)


@pytest.mark.parametrize(
    ("layer", "low", "high"),
    [
        (nn.Sigmoid(), 0, 1),
        (nn.Hardsigmoid(), 0, 1),
        (nn.Softmax(dim=1), 0, 1),
        (nn.Tanh(), -1, 1),
        (nn.Hardtanh(-2, 3), -2, 3),
        (nn.ReLU6(), 0, 6),
        (nn.ReLU(), 0, math.inf),
        (nn.Softplus(), 0, math.inf),
    ],
)
@pytest.mark.parametrize("after", [(), (nn.Dropout(0.5), nn.Unflatten(1, (2, 3)), nn.Flatten())])
def test_last_layers(make_network, layer, low, high, after):
    decoder = nn.Sequential(nn.Linear(2, 6), layer, *after)
    found = bounds_of(make_network, decoder)
    assert (found.low, found.high, found.certain) == (low, high, True)
    assert type(layer).__name__ in found.name
    assert decoder.training


@pytest.mark.parametrize(
    ("function", "low", "high"),
    [
        (torch.sigmoid, 0, 1),
        (lambda X: functional.softmax(X, dim=1), 0, 1),
        (torch.tanh, -1, 1),
        (functional.relu, 0, math.inf),
        (lambda X: torch.sigmoid(X).reshape(len(X), 2, 3).flatten(1), 0, 1),
    ],
)
def test_functions(make_network, function, low, high):
    found = bounds_of(make_network, Calling(function))
    assert (found.low, found.high, found.certain) == (low, high, True)


@pytest.mark.parametrize(
    ("function", "low"),
    [(lambda X: (100 * X).clamp(0, 1), 0), (lambda X: (100 * X).clamp(-1, 1), -1)],
)
def test_measured(make_network, function, low):
    found = bounds_of(make_network, Calling(function))
    assert (found.low, found.high, found.certain) == (low, 1, False)


@pytest.mark.parametrize(
    "decoder",
    [
        lambda: nn.Linear(2, 6),
        lambda: nn.Sequential(nn.Linear(2, 8), nn.Sigmoid(), nn.Linear(8, 6)),
        lambda: nn.Sequential(nn.Linear(2, 6), nn.Sigmoid(), nn.BatchNorm1d(6)),
        lambda: nn.Sequential(nn.Linear(2, 6), nn.LeakyReLU()),
        lambda: Calling(lambda X: X),
        lambda: Calling(lambda X: 3 * torch.sigmoid(X) - 1),
        lambda: Calling(torch.sigmoid, nn.Linear(6, 6)),
    ],
)
def test_unbounded(make_network, decoder):
    assert bounds_of(make_network, decoder()) is None


def test_networks_whose_decoder_is_not_alone(make_network):
    decoder = nn.Sequential(nn.Linear(2, 6), nn.Sigmoid())
    assert bounds_of(make_network, decoder, linear_path=True) is None


@pytest.mark.parametrize("kind", [Undercomplete(), Sparse()])
def test_dense_layers(make_network, kind):
    network = make_network(kind=kind, architecture=Dense((4,)), linear_path=False)
    assert output_bounds(network, of_user=False) is None


def test_layers_of_other_architectures(make_network):
    class Own(Architecture):
        def build(self, sample_shape, n_components, *, n_encoder_outputs, generator):
            return encoder(sample_shape, n_encoder_outputs), nn.Sequential(
                nn.Linear(n_components, *sample_shape), nn.Sigmoid()
            )

    network = make_network(architecture=Own(), linear_path=False)
    assert output_bounds(network, of_user=False).high == 1


def test_no_global_generator_is_used(make_network):
    decoder = Calling(lambda X: X + torch.rand_like(X))
    before = torch.get_rng_state()
    bounds_of(make_network, decoder)
    assert torch.equal(torch.get_rng_state(), before)
