"""The transformer as an architecture; the estimator of that name is in test_transformer.py."""

import numpy as np
import pytest
import torch

from skae import AutoencoderTransformer
from skae.architectures import Transformer
from skae.architectures.tokens import Block, FeatureTokens, Patches


def build(architecture, sample_shape, n_components=3, n_encoder_outputs=3, seed=0):
    return architecture.build(
        sample_shape,
        n_components,
        n_encoder_outputs=n_encoder_outputs,
        generator=torch.Generator().manual_seed(seed),
    )


def samples(*shape, n=4):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(9))


def small(**parameters):
    return Transformer(
        **{"d_model": 8, "n_heads": 2, "n_layers": 1, "channel_axis": 0, **parameters}
    )


def patches_of(module):
    return [m for m in module.modules() if isinstance(m, Patches)]


@pytest.mark.parametrize("pooling", ["token", "mean"])
@pytest.mark.parametrize("patch_size", ["auto", 1, 2, 3])
def test_every_size_comes_back(pooling, patch_size):
    for shape in [(1, 3), (2, 7), (1, 40), (1, 3, 5), (3, 8, 7), (2, 16, 3)]:
        architecture = small(pooling=pooling, patch_size=patch_size)
        encoder, decoder = build(architecture, shape, n_encoder_outputs=6)
        assert encoder(samples(*shape)).shape == (4, 6)
        assert decoder(samples(3)).shape == (4, *shape)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 64), 2),
        ((1, 140), 5),
        ((3, 320), 10),
        ((1, 3), 2),
        ((1, 1), 1),
        ((1, 8, 8), (2, 2)),
        ((1, 28, 28), (4, 4)),
        ((3, 32, 64), (4, 8)),
        ((3, 1, 33), (1, 5)),
    ],
)
def test_auto_patches(shape, expected):
    automatic = small()
    resolved = automatic.resolved(shape, 100)
    assert (resolved.patch_size, resolved.input_shape) == (expected, shape)
    assert (automatic.patch_size, automatic.input_shape) == ("auto", "auto")
    sides = expected if isinstance(expected, tuple) else (1, expected)
    for module in build(automatic, shape):
        assert [patches.sides for patches in patches_of(module)] == [sides]


def test_given_patches_are_kept():
    assert small(patch_size=3).resolved((1, 64), 100).patch_size == 3
    encoder, decoder = build(small(patch_size=[2, 3]), (1, 6, 6))
    assert patches_of(encoder)[0].sides == patches_of(decoder)[0].sides == (2, 3)
    assert patches_of(encoder)[0].n_tokens == 6


@pytest.mark.parametrize("shape", [(2, 9), (2, 6, 5)])
def test_channel_axes_are_the_same_network(shape):
    first = build(small(), shape)
    last = build(small(channel_axis=-1), (*shape[1:], shape[0]))
    X, code = samples(*shape), samples(3)
    torch.testing.assert_close(last[0](X.movedim(1, -1)), first[0](X))
    torch.testing.assert_close(last[1](code).movedim(-1, 1), first[1](code))
    one = build(small(), (1, *shape[1:]))
    none = build(small(channel_axis=None), shape[1:])
    torch.testing.assert_close(none[0](X[:, 0]), one[0](X[:, :1]))
    torch.testing.assert_close(none[1](code), one[1](code)[:, 0])


def test_every_value_reaches_the_code():
    """The values that patches have no room for, as well."""
    encoder, _ = build(small(patch_size=3), (2, 7, 5))
    X = samples(2, 7, 5).requires_grad_()
    encoder(X).square().sum().backward()
    assert (X.grad != 0).all()


# --- tables


def test_features_of_a_table_are_tokens():
    architecture = small()
    assert architecture.sample_shape((6,)) == (6,)
    assert architecture.channel_axis_of((6,)) is None
    resolved = architecture.resolved((6,), 100)
    assert (resolved.input_shape, resolved.patch_size) == ("auto", "auto")
    encoder, decoder = build(architecture, (6,))
    embedding = encoder[0].embedding
    assert [type(m) for m in embedding] == [FeatureTokens]
    X = samples(6)
    torch.testing.assert_close(embedding(X), X[:, :, None] * embedding[0].vectors)
    assert encoder(X).shape == (4, 3)
    assert decoder(samples(3)).shape == (4, 6)
    ae = AutoencoderTransformer(2, architecture=small(), max_epochs=1, random_state=0)
    assert ae.fit(samples(6, n=20).numpy()).architecture_.input_shape == "auto"


def test_rows_are_a_series_where_it_is_said():
    assert small(input_shape=(1, 6)).sample_shape((6,)) == (1, 6)
    assert small(channel_axis=None).sample_shape((6,)) == (6,)
    encoder, _ = build(small(channel_axis=None), (6,))
    assert patches_of(encoder)
    assert small().channel_axis_of((1, 6)) == 0


# --- parameters


def test_number_of_blocks():
    for n_layers in (1, 3):
        encoder, decoder = build(small(n_layers=n_layers), (1, 8))
        n_blocks = [
            sum(isinstance(m, Block) for m in part.modules()) for part in (encoder, decoder)
        ]
        assert n_blocks == [n_layers, 1]


def test_number_of_parameters():
    encoder, decoder = build(small(patch_size=2, n_layers=2), (3, 8, 8), n_encoder_outputs=6)
    d, n_tokens, token = 8, 16, 12
    block = (3 * d * d + 3 * d) + (d * d + d) + (2 * d * d + 2 * d) + (2 * d * d + d) + 4 * d
    assert sum(p.numel() for p in encoder.parameters()) == (
        (token * d + d) + n_tokens * d + d + 2 * block + 2 * d + (6 * d + 6)
    )
    assert sum(p.numel() for p in decoder.parameters()) == (
        (3 + 1) * n_tokens * d + block + 2 * d + (token * d + token)
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_heads", 4), ("n_layers", 2), ("pooling", "mean"), ("patch_size", 4), ("d_model", 16)],
)
def test_each_parameter_changes_something(name, value):
    X, code = samples(1, 8), samples(3)
    plain, other = build(small(), (1, 8)), build(small(**{name: value}), (1, 8))
    assert not torch.allclose(plain[0](X), other[0](X))
    if name in ("n_heads", "patch_size"):
        assert not torch.allclose(plain[1](code), other[1](code))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_heads": 3}, "n_heads of Transformer must divide d_model, got n_heads=3 and d_model=8"),
        ({"n_heads": 0}, "n_heads of Transformer must be an integer >= 1, got 0"),
        ({"d_model": 8.0}, "d_model of Transformer must be an integer >= 1, got 8.0"),
        ({"n_layers": 0}, "n_layers of Transformer must be an integer from 1 to 1000, got 0"),
        ({"pooling": "max"}, r"pooling of Transformer must be one of .*got 'max'"),
        ({"dropout": 1}, r"dropout of Transformer must be a number in \[0, 1\), got 1"),
        ({"patch_size": 0}, "patch_size of Transformer must be 'auto', .*got 0 for"),
        ({"patch_size": 2.0}, "patch_size of Transformer must be .*got 2.0 for"),
        ({"patch_size": "big"}, "patch_size of Transformer must be .*got 'big' for"),
        ({"patch_size": (2,)}, r"patch_size of Transformer must be .*shape \(1, 6, 8\)"),
        ({"patch_size": (2, 2, 2)}, "patch_size of Transformer must be"),
        ({"patch_size": (2, True)}, "patch_size of Transformer must be"),
        ({"patch_size": 7}, r"patch_size=7 of Transformer is larger than a side .*\(1, 6, 8\)"),
        ({"patch_size": (2, 9)}, r"patch_size=\(2, 9\) of Transformer is larger than a side"),
    ],
)
def test_wrong_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        build(small(**parameters), (1, 6, 8))


@pytest.mark.parametrize(
    ("parameters", "shape", "message"),
    [
        ({}, (513,), "at most 512 tokens, but X would have 513, the features: give"),
        ({"patch_size": 1}, (1, 27, 19), "at most 512 .* 513, the patches of patch_size=1: give"),
    ],
)
def test_too_many_tokens_are_refused(parameters, shape, message):
    with pytest.raises(ValueError, match=message):
        build(small(**parameters), shape)


def test_most_tokens_are_taken():
    for parameters, shape in (({}, (512,)), ({"patch_size": 1}, (1, 512))):
        encoder, _ = build(small(**parameters), shape)
        assert encoder(samples(*shape, n=1)).shape == (1, 3)


def test_dropout_draws_from_the_generator_of_the_network():
    X = samples(1, 8, n=40).numpy()
    codes = [
        AutoencoderTransformer(
            2,
            architecture=small(dropout=dropout),
            init="random",
            max_epochs=2,
            early_stopping=False,
            random_state=0,
        ).fit_transform(X)
        for dropout in (0.5, 0.5, 0.0)
    ]
    np.testing.assert_array_equal(codes[0], codes[1])
    assert not np.allclose(codes[0], codes[2])


def test_learning_rate_is_lower():
    X = samples(6, n=40).numpy()
    settings = {"max_epochs": 1, "random_state": 0}
    rates = [
        AutoencoderTransformer(2, architecture=a, **settings).fit(X).learning_rate_
        for a in ("dense", small())
    ]
    assert rates[1] == pytest.approx(0.3 * rates[0])


@pytest.mark.parametrize(
    "name",
    [
        "d_model",
        "n_heads",
        "patch_size",
    ],
)
def test_sizes_of_numpy_serve(name):
    X, code = samples(1, 8), samples(3)
    pairs = [build(small(**{name: size}), (1, 8)) for size in (np.int64(4), 4)]
    assert torch.equal(pairs[0][0](X), pairs[1][0](X))
    assert torch.equal(pairs[0][1](code), pairs[1][1](code))


def test_is_not_linear():
    assert small().is_linear() is False


def test_tables_have_no_patches():
    with pytest.raises(ValueError, match=r"patch_size=4 of Transformer .* a table of 12 features"):
        build(Transformer(patch_size=4), (12,))
