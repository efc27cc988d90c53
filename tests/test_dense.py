import numpy as np
import pytest
import torch
from torch import nn

from skae.architectures import Dense
from skae.architectures.dense import ACTIVATIONS


def build(dense, n_features=6, n_components=2, n_encoder_outputs=2):
    return dense.build(
        (n_features,),
        n_components,
        n_encoder_outputs=n_encoder_outputs,
        generator=torch.Generator().manual_seed(0),
    )


def sizes(module):
    layers = [m for m in module if isinstance(m, nn.Linear)]
    return [layers[0].in_features, *(layer.out_features for layer in layers)]


@pytest.mark.parametrize("hidden", [(), (5,), [7, 4], (np.int64(3),), range(3, 5)])
def test_decoder_mirrors_encoder(hidden):
    encoder, decoder = build(Dense(hidden), n_encoder_outputs=4)
    assert sizes(encoder) == [6, *hidden, 4]
    assert sizes(decoder) == [2, *reversed(hidden), 6]


@pytest.mark.parametrize(
    ("n_features", "n_samples", "hidden"),
    [
        (1, 10**6, (128, 128)),
        (255, 10**6, (128, 128)),
        (256, 4999, (128, 128)),
        (256, 5000, (512, 256)),
    ],
)
def test_auto_grows_with_the_data(n_features, n_samples, hidden):
    dense = Dense(activation="relu")
    resolved = dense.resolved((n_features,), n_samples)
    assert resolved.hidden_layer_sizes == hidden
    assert resolved.activation == "relu"
    assert dense.hidden_layer_sizes == "auto"
    encoder, _ = build(resolved, n_features=n_features)
    assert sizes(encoder)[1:-1] == list(hidden)


def test_given_sizes_are_kept():
    assert Dense((5, 4)).resolved((300,), 10**6).hidden_layer_sizes == (5, 4)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation_is_used(name):
    X = torch.linspace(-2, 2, 24).reshape(4, 6)
    encoder, decoder = build(Dense((5, 4), activation=name))
    outputs = [encoder(X)]
    for module in (encoder, decoder):
        activations = [type(m) for m in module if not isinstance(m, nn.Linear)]
        assert activations == [ACTIVATIONS[name]] * 2
    for other in set(ACTIVATIONS) - {name}:
        outputs.append(build(Dense((5, 4), activation=other))[0](X))
        assert not torch.allclose(outputs[0], outputs[-1])


def test_no_activation_on_the_output():
    for module in build(Dense((5,), activation="relu")):
        assert isinstance(module[-1], nn.Linear)


@pytest.mark.parametrize(
    ("dense", "linear"),
    [
        (Dense(()), True),
        (Dense([]), True),
        (Dense((), activation="relu"), True),
        (Dense((5,), activation="identity"), True),
        (Dense("auto", activation="identity"), True),
        (Dense((5,)), False),
        (Dense(), False),
    ],
)
def test_is_linear(dense, linear):
    assert dense.is_linear() is linear
    encoder, _ = build(dense)
    a, b = torch.linspace(-2, 2, 24).reshape(2, 2, 6)
    additive = torch.allclose(
        encoder(a + b), encoder(a) + encoder(b) - encoder(0 * a), rtol=1e-3, atol=1e-5
    )
    assert additive == linear


@pytest.mark.parametrize("sizes", ["big", 5, (0,), (-3,), (1.5,), None, b"ab", ("5",), (5, None)])
def test_refuses_other_hidden_layer_sizes(sizes):
    with pytest.raises(ValueError, match="hidden_layer_sizes of Dense must be 'auto' or"):
        build(Dense(hidden_layer_sizes=sizes))


@pytest.mark.parametrize("activation", ["swish", None, nn.ReLU, nn.ReLU(), ["relu"]])
def test_refuses_other_activations(activation):
    with pytest.raises(ValueError, match=r"activation of Dense must be one of \['elu', 'gelu'"):
        build(Dense((5,), activation=activation))
