import math

import pytest
import torch
import torch.nn.functional as F

from skae.architectures.layers import RandomLayer
from skae.architectures.tokens import Attention, Block, FeatureTokens, Patches, TokenEncoder


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def samples(*shape):
    return torch.randn(*shape, generator=source(9))


GRIDS = [
    ((8, 8), (2, 4)),
    ((7, 5), (2, 3)),
    ((3, 10), (3, 4)),
    ((5, 5), (1, 1)),
    ((4, 6), (4, 6)),
    ((12,), (3,)),
    ((13,), (4,)),
    ((1,), (1,)),
]


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize(("space", "sides"), GRIDS)
def test_patches_are_torchs_unfold(space, sides, n_channels):
    patches = Patches(n_channels, space, sides)
    X = samples(4, n_channels, *space)
    height, width = (1, *space)[-2:]
    p, q = (1, *sides)[-2:]
    image = F.pad(X.reshape(4, n_channels, height, width), (0, -width % q, 0, -height % p))
    expected = F.unfold(image, (p, q), stride=(p, q)).transpose(1, 2)
    tokens = patches.split(X)
    assert tokens.shape == (4, patches.n_tokens, patches.token_size)
    assert patches.n_tokens == math.ceil(height / p) * math.ceil(width / q)
    assert patches.token_size == n_channels * p * q
    assert torch.equal(tokens, expected)


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize(("space", "sides"), GRIDS)
def test_patches_are_put_together_again(space, sides, n_channels):
    patches = Patches(n_channels, space, sides)
    X = samples(4, n_channels, *space)
    assert torch.equal(patches(patches.split(X)), X)
    assert not list(patches.parameters())


@pytest.mark.parametrize("n_heads", [1, 2, 4])
def test_attention_is_torchs(n_heads):
    attention = Attention(8, n_heads, source())
    tokens = samples(3, 6, 8)
    queries, keys, values = (
        part.reshape(3, 6, n_heads, 8 // n_heads).transpose(1, 2)
        for part in attention.queries_keys_values(tokens).chunk(3, dim=-1)
    )
    mixed = F.scaled_dot_product_attention(queries, keys, values)
    expected = attention.out(mixed.transpose(1, 2).reshape(3, 6, 8))
    torch.testing.assert_close(attention(tokens), expected)


def test_attention_has_a_second_derivative():
    attention = Attention(4, 2, source()).double()
    tokens = samples(2, 3, 4).double().requires_grad_()
    with torch.random.fork_rng([]):  # it draws
        assert torch.autograd.gradgradcheck(attention, (tokens,))


def test_attention_does_not_mix_samples():
    attention, tokens = Attention(8, 2, source()), samples(3, 6, 8)
    torch.testing.assert_close(attention(tokens)[1:2], attention(tokens[1:2]))


def test_block_is_the_formula():
    block, tokens = Block(8, 2, 0.0, source()), samples(3, 6, 8)
    with torch.no_grad():  # so that the two norms differ
        for i, norm in enumerate((block.attention_norm, block.layer_norm)):
            norm.weight.add_(samples(8) * (i + 1))
    norms = [(norm.weight, norm.bias) for norm in (block.attention_norm, block.layer_norm)]
    expected = tokens + block.attention(F.layer_norm(tokens, (8,), *norms[0]))
    first, last = block.layer[0], block.layer[2]
    assert first.out_features == 16
    hidden = F.gelu(F.linear(F.layer_norm(expected, (8,), *norms[1]), first.weight, first.bias))
    expected = expected + F.linear(hidden, last.weight, last.bias)
    torch.testing.assert_close(block(tokens), expected)


def test_dropout_drops_what_a_block_adds():
    block, tokens = Block(8, 2, 0.5, source()), samples(300, 6, 8)
    for layer in block.modules():
        if isinstance(layer, RandomLayer):
            layer.generator = source(3)
    for part in (block.attention.out, block.layer[2]):
        torch.nn.init.zeros_(part.weight)
    torch.nn.init.constant_(block.attention.out.bias, 1.0)
    torch.nn.init.constant_(block.layer[2].bias, 10.0)
    before = torch.get_rng_state()
    added = (block(tokens) - tokens).detach().round().int()
    assert torch.equal(torch.get_rng_state(), before)
    assert sorted(added.unique().tolist()) == [0, 2, 20, 22]
    assert abs((added == 0).float().mean() - 0.25) < 0.02
    added = (block.eval()(tokens) - tokens).detach()
    torch.testing.assert_close(added, torch.full_like(added, 11.0), rtol=1e-4, atol=1e-4)


def test_features_are_values_times_vectors():
    tokens = FeatureTokens(5, 3, source())
    X = samples(4, 5)
    expected = torch.stack([torch.outer(X[:, j], tokens.vectors[j]) for j in range(5)], dim=1)
    torch.testing.assert_close(tokens(X), expected)
    assert tokens.vectors.abs().max() <= 1
    assert not torch.equal(tokens.vectors, FeatureTokens(5, 3, source(1)).vectors)


def token_encoder(pooling, n_layers=2, dropout=0.0):
    return TokenEncoder(
        torch.nn.Identity(),
        6,
        8,
        n_heads=2,
        n_layers=n_layers,
        pooling=pooling,
        dropout=dropout,
        generator=source(),
    )


@pytest.mark.parametrize("pooling", ["token", "mean"])
def test_without_positions_the_order_of_tokens_is_nothing(pooling):
    encoder, tokens = token_encoder(pooling), samples(3, 6, 8)
    moved = tokens[:, [3, 0, 5, 1, 4, 2]]
    with torch.no_grad():
        encoder.positions.mul_(50)
        assert not torch.allclose(encoder(moved), encoder(tokens), atol=1e-3)
        encoder.positions.zero_()
    torch.testing.assert_close(encoder(moved), encoder(tokens))


@pytest.mark.parametrize("pooling", ["token", "mean"])
def test_pooling(pooling):
    encoder, tokens = token_encoder(pooling), samples(3, 6, 8)
    placed = tokens + encoder.positions
    if pooling == "token":
        placed = torch.cat([encoder.token.expand(3, 1, 8), placed], dim=1)
    for block in encoder.blocks:
        placed = block(placed)
    placed = encoder.norm(placed)
    expected = placed[:, 0] if pooling == "token" else placed.sum(1) / 6
    torch.testing.assert_close(encoder(tokens), expected)
    assert len(encoder.blocks) == 2
    assert (encoder.token is None) == (pooling == "mean")
