import math

import pytest
import torch
from torch import nn

from skae.architectures.layers import linear, silence


def generator(seed):
    return torch.Generator().manual_seed(seed)


def test_weights_come_from_the_generator():
    first, same, other = (linear(5, 4, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(first.weight, same.weight)
    assert torch.equal(first.bias, same.bias)
    assert not torch.equal(first.weight, other.weight)
    assert not torch.equal(first.bias, other.bias)


def test_a_generator_goes_on():
    source = generator(0)
    assert not torch.equal(linear(5, 4, source).weight, linear(5, 4, source).weight)


@pytest.mark.parametrize("n_inputs", [1, 9, 400])
def test_distribution_is_torchs(n_inputs):
    n_outputs = 40_000 // n_inputs
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torchs = nn.Linear(n_inputs, n_outputs)
    ours = linear(n_inputs, n_outputs, generator(0))
    bound = 1 / math.sqrt(n_inputs)
    for mine, reference in ((ours.weight, torchs.weight), (ours.bias, torchs.bias)):
        assert mine.shape == reference.shape
        assert mine.dtype == reference.dtype
        assert mine.requires_grad
        assert mine.abs().max() <= bound
    quantiles = torch.linspace(0, 1, 11)
    torch.testing.assert_close(
        ours.weight.flatten().quantile(quantiles),
        torchs.weight.flatten().quantile(quantiles),
        rtol=0,
        atol=0.03 * bound,
    )


def test_silenced_module_gives_zero():
    module = nn.Sequential(linear(5, 4, generator(0)), nn.SiLU(), linear(4, 3, generator(1)))
    X = torch.rand(6, 5, generator=generator(2))
    before = module[0].weight.clone()
    assert (module(X) != 0).all()
    silence(module)
    assert (module(X) == 0).all()
    assert torch.equal(module[0].weight, before)
    assert (module[0].bias != 0).any()


def test_silence_looks_past_layers_without_weights():
    module = nn.Sequential(linear(5, 4, generator(0)), nn.Flatten(), nn.Identity())
    silence(module)
    assert (module(torch.ones(2, 5)) == 0).all()


def test_silenced_layer_learns():
    module = nn.Sequential(linear(5, 4, generator(0)), nn.SiLU(), linear(4, 3, generator(1)))
    silence(module)
    (module(torch.ones(2, 5)) - 1).square().sum().backward()
    assert (module[2].weight.grad != 0).all()
    assert (module[2].bias.grad != 0).all()
