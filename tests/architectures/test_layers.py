import copy
import math

import pytest
import torch
from torch import nn

from skae.architectures.layers import (
    Dropout,
    TiedLinear,
    first_weight,
    linear,
    silence,
    uniform_like_torch,
)


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


# --- tied layers


def tied_pair(n_inputs=5, n_outputs=3):
    """Return a layer and its mirror image in one module."""
    first = linear(n_inputs, n_outputs, generator(0))
    return nn.Sequential(first, TiedLinear(first))


def test_tied_layer_multiplies_by_the_transposed_weights():
    first, tied = tied_pair()
    torch.nn.init.uniform_(tied.bias, generator=generator(1))
    code = torch.rand(6, 3, generator=generator(2))
    torch.testing.assert_close(tied(code), code @ first.weight + tied.bias)
    assert tied.weight.shape == (5, 3)


def test_bias_of_a_tied_layer_is_its_own_and_starts_at_zero():
    first, tied = tied_pair()
    assert tied.bias.shape == (5,)
    assert (tied.bias == 0).all()
    assert isinstance(tied.bias, nn.Parameter)
    assert tied.bias is not first.bias


def test_gradient_flows_to_the_partner():
    first, tied = tied_pair()
    code = torch.rand(6, 3, generator=generator(2))
    target = torch.rand(6, 5, generator=generator(3))
    (tied(code) - target).square().sum().backward()
    expected = 2 * (code @ first.weight - target).detach()
    torch.testing.assert_close(first.weight.grad, code.T @ expected)
    torch.testing.assert_close(tied.bias.grad, expected.sum(0))
    assert first.bias.grad is None


def test_gradients_of_both_uses_are_added():
    pair, X = tied_pair(), torch.rand(6, 5, generator=generator(2))
    pair(X).square().sum().backward()
    V, b = (p.detach().clone().requires_grad_() for p in pair[0].parameters())
    ((X @ V.T + b) @ V).square().sum().backward()
    torch.testing.assert_close(pair[0].weight.grad, V.grad)
    torch.testing.assert_close(pair[0].bias.grad, b.grad)


def test_weights_of_a_pair_are_there_once():
    pair = tied_pair()
    assert list(pair.state_dict()) == ["0.weight", "0.bias", "1.bias"]
    assert sum(p.numel() for p in pair.parameters()) == 15 + 3 + 5
    other = tied_pair()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    pair.load_state_dict(other.state_dict())
    X = torch.rand(6, 5, generator=generator(2))
    assert torch.equal(pair(X), other(X))


def test_a_copy_is_tied_to_its_own_partner():
    pair = tied_pair()
    before = pair[0].weight.detach().clone()
    other = copy.deepcopy(pair)
    with torch.no_grad():
        other[0].weight.add_(1.0)
    assert torch.equal(other[1].weight, other[0].weight.T)
    assert torch.equal(pair[1].weight, before.T)
    other(torch.ones(1, 5)).sum().backward()
    assert pair[0].weight.grad is None


def test_tied_layers_change_their_dtype_together():
    pair = tied_pair().to(torch.float64)
    assert pair[1].weight.dtype == pair[1].bias.dtype == torch.float64
    assert torch.equal(pair[1].weight, pair[0].weight.T)
    assert pair(torch.ones(2, 5, dtype=torch.float64)).dtype == torch.float64
    assert pair.to(torch.float32)(torch.ones(2, 5)).dtype == torch.float32


# --- the weights that multiply the code


def test_first_weight_is_that_of_the_first_layer_with_weights():
    module = nn.Sequential(nn.Identity(), linear(5, 4, generator(0)), linear(4, 5, generator(1)))
    assert first_weight(module, 5) is module[1].weight
    assert first_weight(module[1], 5) is module[1].weight
    nested = nn.Sequential(nn.Sequential(nn.Tanh()), nn.Sequential(module))
    assert first_weight(nested, 5) is module[1].weight


def test_first_weight_of_a_tied_layer_is_its_partners_transposed():
    first, tied = tied_pair()
    weight = first_weight(nn.Sequential(tied, linear(5, 5, generator(0))), 3)
    assert torch.equal(weight, first.weight.T)
    weight.sum().backward()
    assert (first.weight.grad == 1).all()


@pytest.mark.parametrize(
    "module",
    [
        nn.Identity(),
        nn.Sequential(nn.Tanh(), nn.Flatten()),
        nn.BatchNorm1d(3),
        nn.utils.skip_init(nn.Linear, 4, 3),
        nn.utils.skip_init(nn.ConvTranspose1d, 3, 2, 3),
    ],
    ids=lambda module: type(module).__name__,
)
def test_no_first_weight_where_none_multiplies_the_code(module):
    assert first_weight(module, 3) is None


# --- layers that draw


@pytest.mark.parametrize("fan_in", [1, 25])
def test_all_weights_are_drawn_by_fan_in(fan_in):
    layer = nn.utils.skip_init(nn.Conv1d, 4, 200, 3)
    assert uniform_like_torch(layer, fan_in, generator(0)) is layer
    bound = 1 / math.sqrt(fan_in)
    for parameter in layer.parameters():
        assert 0.9 * bound < parameter.abs().max() <= bound
        assert parameter.requires_grad
        assert parameter.is_leaf


def test_dropout_keeps_the_mean():
    dropout, X = Dropout(0.25), torch.full((200, 50), 3.0)
    dropout.generator = generator(0)
    output = dropout(X)
    assert sorted(output.unique().tolist()) == [0.0, 4.0]
    assert abs((output == 0).float().mean() - 0.25) < 0.02
    assert not torch.equal(dropout(X), output)
    dropout.generator = generator(0)
    assert torch.equal(dropout(X), output)


@pytest.mark.parametrize("p", [0.0, 0.5])
def test_dropout_draws_in_training_alone(p):
    dropout, X = Dropout(p), torch.ones(4, 3)
    assert dropout(X) is X  # no generator
    dropout.generator = generator(0)
    assert (dropout(X) is X) == (p == 0)
    assert dropout.eval()(X) is X
