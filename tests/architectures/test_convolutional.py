import math
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from skae import AutoencoderTransformer
from skae.architectures import Convolutional
from skae.architectures.activations import ACTIVATIONS


def build(architecture, sample_shape, n_components=3, n_encoder_outputs=3):
    return architecture.build(
        sample_shape,
        n_components,
        n_encoder_outputs=n_encoder_outputs,
        generator=torch.Generator().manual_seed(0),
    )


def samples(*shape, n=4):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(9))


def small(**parameters):
    return Convolutional(
        **{"channels": (2, 3), "hidden_layer_sizes": (5,), "channel_axis": 0, **parameters}
    )


SPACES = [(1,), (2,), (5,), (8,), (13,), (1, 1), (1, 6), (7, 1), (4, 4), (5, 6), (6, 5), (9, 7)]


@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
@pytest.mark.parametrize("downsampling", ["stride", "pool"])
@pytest.mark.parametrize("kernel_size", [1, 3, 5, 7])
def test_every_size_comes_back(downsampling, upsampling, kernel_size):
    for space in SPACES:
        for n_channels in (1, 3):
            shape = (n_channels, *space)
            architecture = small(
                downsampling=downsampling,
                upsampling=upsampling,
                kernel_size=kernel_size,
                channels=(2, 3, 2),
            )
            encoder, decoder = build(architecture, shape, n_encoder_outputs=6)
            assert encoder(samples(*shape)).shape == (4, 6), shape
            assert decoder(samples(3)).shape == (4, *shape), shape


@pytest.mark.parametrize("shape", [(2, 9), (1, 6, 5), (3, 8, 8)])
@pytest.mark.parametrize("downsampling", ["stride", "pool"])
@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
def test_layers_are_the_formula(shape, downsampling, upsampling):
    """Encoder and decoder against a forward pass written out."""
    two = len(shape) == 3
    convolve, transposed = (F.conv2d, F.conv_transpose2d) if two else (F.conv1d, F.conv_transpose1d)
    pool = F.max_pool2d if two else F.max_pool1d
    encoder, decoder = build(
        small(downsampling=downsampling, upsampling=upsampling, kernel_size=5), shape
    )
    weights = list(encoder.parameters())
    spaces, h = [], samples(*shape)
    for i in range(2):
        spaces.append(h.shape[2:])
        W, b = weights[2 * i : 2 * i + 2]
        if downsampling == "stride":
            h = convolve(h, W, b, stride=2, padding=2)
        else:
            h = pool(convolve(h, W, b, padding=2), 2, ceil_mode=True)
        h = F.silu(h)
        assert h.shape[2:] == tuple(math.ceil(side / 2) for side in spaces[-1])
    flat = h.flatten(1)
    expected = F.linear(F.silu(F.linear(flat, *weights[4:6])), *weights[6:])
    torch.testing.assert_close(encoder(samples(*shape)), expected)

    weights = list(decoder.parameters())
    g = F.linear(F.silu(F.linear(samples(3), *weights[:2])), *weights[2:4]).reshape(h.shape)
    for i, space in enumerate(reversed(spaces)):
        W, b = weights[4 + 2 * i : 6 + 2 * i]
        g = F.silu(g)
        if upsampling == "nearest":
            g = convolve(F.interpolate(g, size=space), W, b, padding=2)
        else:
            missing = [side - (2 * s - 1) for side, s in zip(space, g.shape[2:], strict=True)]
            g = transposed(g, W, b, stride=2, padding=2, output_padding=missing)
    torch.testing.assert_close(decoder(samples(3)), g)


@pytest.mark.parametrize("space", [(9,), (6, 5)])
def test_number_of_parameters(space):
    shape, kernel, channels, hidden = (3, *space), 3, (4, 7), (6,)
    encoder, decoder = build(
        Convolutional(channels=channels, kernel_size=kernel, hidden_layer_sizes=hidden), shape
    )
    area = kernel ** len(space)
    maps = [area * a * b for a, b in pairwise((3, *channels))]
    flat = channels[-1] * math.prod(math.ceil(math.ceil(side / 2) / 2) for side in space)
    dense = flat * 6 + 6 * 3
    n_parameters = [sum(p.numel() for p in m.parameters()) for m in (encoder, decoder)]
    assert n_parameters[0] == sum(maps) + sum(channels) + dense + 6 + 3
    # Biases of the decoder are those of the layers' outputs.
    assert n_parameters[1] == sum(maps) + (4 + 3) + dense + 6 + flat


@pytest.mark.parametrize("space", [(8,), (6, 5)])
def test_channel_axes_are_the_same_network(space):
    first = small(kernel_size=3)
    shape = (2, *space)
    last = small(kernel_size=3, channel_axis=-1)
    encoder, decoder = build(first, shape)
    other_encoder, other_decoder = build(last, (*space, 2))
    X = samples(*shape)
    torch.testing.assert_close(other_encoder(X.movedim(1, -1)), encoder(X))
    torch.testing.assert_close(other_decoder(samples(3)).movedim(-1, 1), decoder(samples(3)))


@pytest.mark.parametrize("space", [(8,), (6, 5)])
def test_no_channels_are_one_channel(space):
    encoder, decoder = build(small(kernel_size=3), (1, *space))
    other_encoder, other_decoder = build(small(kernel_size=3, channel_axis=None), space)
    X = samples(*space)
    torch.testing.assert_close(other_encoder(X), encoder(X[:, None]))
    torch.testing.assert_close(other_decoder(samples(3)), decoder(samples(3))[:, 0])


def test_fitted_codes_do_not_depend_on_where_the_channels_are():
    """Rows are laid out anew, so PCA's axes are the same ones in another order of features."""
    X = np.random.default_rng(0).normal(size=(60, 2, 4, 5))
    settings = {"max_epochs": 1, "random_state": 0, "precision": "float64", "jitter": 0}
    codes = []
    for axis, data in ((0, X), (-1, np.moveaxis(X, 1, -1))):
        architecture = small(channel_axis=axis)
        ae = AutoencoderTransformer(2, architecture=architecture, **settings).fit(data)
        assert ae.sample_shape_ == data.shape[1:]
        codes.append(ae.transform(data))
    np.testing.assert_allclose(np.abs(codes[0]), np.abs(codes[1]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 32), (1, 32, 32)])
def test_a_shift_of_the_input_shifts_the_maps(shape):
    encoder, _ = build(small(kernel_size=3), shape)
    maps = encoder[:5]  # channels, two convolutions, two activations
    X = torch.zeros(1, *shape)
    X[..., 8:16] = samples(*shape[:-1], 8, n=1)
    shifted = maps(X.roll(4, dims=-1))
    torch.testing.assert_close(shifted[..., 2:-1], maps(X).roll(1, dims=-1)[..., 2:-1])
    assert not torch.allclose(shifted, maps(X))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("channels", (2, 4)),
        ("kernel_size", 5),
        ("downsampling", "pool"),
        ("upsampling", "nearest"),
        ("hidden_layer_sizes", ()),
        ("activation", "relu"),
    ],
)
def test_each_parameter_changes_something(name, value):
    outputs = []
    for architecture in (small(kernel_size=3), small(**{"kernel_size": 3, name: value})):
        encoder, decoder = build(architecture, (1, 6, 6))
        outputs.append((encoder(samples(1, 6, 6)), decoder(samples(3))))
    changed = [not torch.allclose(a, b) for a, b in zip(*outputs, strict=True)]
    assert changed[1 if name == "upsampling" else 0]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation_is_used(name):
    encoder, decoder = build(small(activation=name, kernel_size=3), (1, 6, 6))
    for module in (encoder, decoder):
        assert sum(type(m) is ACTIVATIONS[name] for m in module) == 3
        assert type(list(module)[-1]) is not ACTIVATIONS[name]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"channels": ()}, r"channels of Convolutional must be .*one or more.*got \(\)"),
        ({"channels": 8}, "channels of Convolutional must be .*got 8"),
        ({"channels": (8, 0)}, r"channels of Convolutional must be .*got \(8, 0\)"),
        ({"channels": "ab"}, "channels of Convolutional must be .*got 'ab'"),
        ({"hidden_layer_sizes": 5}, "hidden_layer_sizes of Convolutional must be .*got 5"),
        ({"hidden_layer_sizes": (True,)}, "hidden_layer_sizes of Convolutional must be .*True"),
        ({"kernel_size": 4}, "kernel_size of Convolutional must be 'auto' or an odd .*got 4"),
        ({"kernel_size": 0}, "kernel_size of Convolutional must be .*got 0"),
        ({"kernel_size": -3}, "kernel_size of Convolutional must be .*got -3"),
        ({"kernel_size": (3, 3)}, r"kernel_size of Convolutional must be .*got \(3, 3\)"),
        ({"kernel_size": "big"}, "kernel_size of Convolutional must be .*got 'big'"),
        ({"downsampling": "max"}, r"downsampling of Convolutional must be one of .*got 'max'"),
        ({"upsampling": None}, "upsampling of Convolutional must be one of .*got None"),
        ({"activation": "swish"}, "activation of Convolutional must be one of .*got 'swish'"),
    ],
)
def test_wrong_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        build(small(**parameters), (1, 6, 6))


@pytest.mark.parametrize(("n_axes", "expected"), [(1, 7), (2, 3)])
def test_auto_kernel(n_axes, expected):
    shape = (1, 8, 8)[: n_axes + 1]
    automatic = small()
    resolved = automatic.resolved(shape, 100)
    assert (resolved.kernel_size, resolved.input_shape) == (expected, shape)
    assert (automatic.kernel_size, automatic.input_shape) == ("auto", "auto")
    assert small(kernel_size=5).resolved(shape, 100).kernel_size == 5
    encoder, _ = build(automatic, shape)
    assert encoder[1].kernel_size == (expected,) * n_axes
    X = np.random.default_rng(0).normal(size=(20, *shape))
    ae = AutoencoderTransformer(2, architecture=automatic, max_epochs=1, random_state=0).fit(X)
    assert ae.architecture_.kernel_size == expected
    assert ae.architecture_.input_shape == shape


@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
@pytest.mark.parametrize(
    ("parameters", "linear"),
    [
        ({"activation": "identity"}, True),
        ({"activation": "identity", "downsampling": "pool"}, False),
        ({"activation": "tanh"}, False),
    ],
)
def test_is_linear_tells_the_truth(parameters, linear, upsampling):
    architecture = small(**parameters, upsampling=upsampling)
    assert architecture.is_linear() is linear
    encoder, decoder = (m.double() for m in build(architecture, (1, 6, 5)))
    additive = []
    for module, shape in ((encoder, (1, 6, 5)), (decoder, (3,))):
        a, b = samples(*shape).double(), samples(*shape).double().flip(0) * 3
        sums = module(a) + module(b) - module(0 * a)
        additive.append(torch.allclose(module(a + b), sums))
    assert all(additive) == linear


def test_sizes_of_numpy_serve():
    sizes = tuple(np.array([2, 3]))
    numpys = Convolutional(channels=sizes, hidden_layer_sizes=list(sizes), kernel_size=sizes[1])
    ours = Convolutional(channels=(2, 3), hidden_layer_sizes=[2, 3], kernel_size=3)
    X = samples(1, 6, 6)
    (encoder, decoder), (same_encoder, same_decoder) = (
        build(architecture, (1, 6, 6)) for architecture in (numpys, ours)
    )
    assert torch.equal(encoder(X), same_encoder(X))
    assert torch.equal(decoder(samples(3)), same_decoder(samples(3)))


def test_weights_are_distributed_as_torchs():
    encoder, decoder = build(Convolutional(channels=(50,), kernel_size=5), (4, 8, 8))
    convolutions = [encoder[1], decoder[-2]]
    assert [type(m) for m in convolutions] == [nn.Conv2d, nn.ConvTranspose2d]
    for layer, n_inputs in zip(convolutions, (4, 50), strict=True):
        bound = 1 / math.sqrt(n_inputs * 25)
        assert 0.99 * bound < layer.weight.abs().max() <= bound
        assert layer.bias.abs().max() <= bound
