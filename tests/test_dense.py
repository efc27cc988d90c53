import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from torch import nn

from skae import AutoencoderTransformer
from skae.architectures import Dense
from skae.architectures.dense import ACTIVATIONS
from skae.kinds import Contractive, Overcomplete, Sparse

DIGITS = load_digits().data


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


# --- tied weights


def tied_fit(n_components=4, data=None, hidden=(32, 16), **parameters):
    settings = {"max_epochs": 10, "early_stopping": False, "random_state": 0, **parameters}
    dense = Dense(hidden, tied_weights=True)
    ae = AutoencoderTransformer(n_components, architecture=dense, **settings)
    return ae.fit(DIGITS[:400] if data is None else data)


def weights_of(ae):
    """Return the matrices of the encoder and the decoder, and of the linear path."""
    network = ae._fitted.new_network(torch.device("cpu"))

    def matrices(module):
        return [layer.weight for layer in module if hasattr(layer, "weight")]

    path = [network.linear_encoder, network.linear_decoder]
    path = [layer.weight for layer in path if layer is not None]
    return matrices(network.encoder), matrices(network.decoder), path


@pytest.mark.parametrize("hidden", [(), (5,), (7, 4)])
def test_tied_decoder_is_the_mirror_image(hidden):
    encoder, decoder = build(Dense(hidden, tied_weights=True))
    forwards = [layer for layer in encoder if isinstance(layer, nn.Linear)]
    backwards = [layer for layer in decoder if hasattr(layer, "weight")]
    assert sizes(encoder) == [6, *hidden, 2]
    assert len(backwards) == len(forwards) == len(hidden) + 1
    for layer, mirrored in zip(forwards, reversed(backwards), strict=True):
        assert torch.equal(mirrored.weight, layer.weight.T)
    assert len(decoder) == len(encoder)
    code = torch.rand(4, 2, generator=torch.Generator().manual_seed(0))
    expected = code
    for layer in reversed(forwards):
        expected = expected @ layer.weight
        expected = expected if layer is forwards[0] else nn.functional.silu(expected)
    torch.testing.assert_close(decoder(code), expected)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_tied_decoder_has_the_activation(name):
    _, decoder = build(Dense((5, 4), activation=name, tied_weights=True))
    activations = [type(m) for m in decoder if not hasattr(m, "weight")]
    assert activations == [ACTIVATIONS[name]] * 2


def test_encoder_is_the_same_with_tied_weights():
    tied, _ = build(Dense((5,), tied_weights=True))
    untied, _ = build(Dense((5,)))
    assert all(
        torch.equal(a, b) for a, b in zip(tied.parameters(), untied.parameters(), strict=True)
    )
    assert Dense(tied_weights=True).ties_weights()
    assert not Dense().ties_weights()


@pytest.mark.parametrize("init", ["pca", "random"])
def test_weights_are_tied_after_training_too(init):
    ae = tied_fit(init=init, learning_rate=1e-12)
    before, _, path_before = weights_of(ae)
    ae.set_params(learning_rate=0.01).partial_fit(DIGITS[:400])  # it keeps the last weights
    forwards, backwards, path = weights_of(ae)
    assert len(forwards) == len(backwards) == 3
    for weight, mirrored in zip(forwards, reversed(backwards), strict=True):
        assert torch.equal(mirrored, weight.T)
    assert len(path) == (2 if init == "pca" else 0)
    if path:
        assert torch.equal(path[1], path[0].T)
    for new, old in zip([*forwards, *path[:1]], [*before, *path_before[:1]], strict=True):
        assert not torch.allclose(new, old, atol=1e-3)


@pytest.mark.parametrize("linear_path", [True, False])
def test_about_half_of_the_weights(make_network, linear_path):
    counts = [
        make_network(
            n_features=64,
            n_components=4,
            architecture=Dense((32, 16), tied_weights=tied),
            linear_path=linear_path,
        ).n_parameters
        for tied in (False, True)
    ]
    biases = (32 + 16 + 4) + (16 + 32 + 64) + linear_path * (4 + 64)
    gates = 2 * linear_path
    assert counts[1] - biases - gates == (counts[0] - biases) / 2
    assert counts[1] < 0.55 * counts[0]


@pytest.mark.parametrize("n_components", [1, 2, 4])
@pytest.mark.parametrize("hidden", [(), (8,), "auto"])
def test_tied_start_is_pca_with_its_codes_as_they_are(hidden, n_components):
    iris = load_iris().data
    ae = tied_fit(n_components, iris, hidden, learning_rate=1e-12, precision="float64")
    pca = PCA(n_components, svd_solver="full").fit(iris)
    codes = pca.transform(iris)
    np.testing.assert_allclose(
        ae.reconstruct(iris), pca.inverse_transform(codes), rtol=1e-6, atol=1e-8
    )
    # Axes have length one, so codes keep their variances, in units of the scale.
    np.testing.assert_allclose(
        np.abs(ae.transform(iris)) * ae.scale_, np.abs(codes), rtol=1e-5, atol=1e-8
    )


def test_tied_fit_beats_pca_on_digits():
    train, test = DIGITS[:1300], DIGITS[1300:]
    ae = tied_fit(4, train, "auto", max_epochs=60, early_stopping=True)
    pca = PCA(4, random_state=0).fit(train)
    error = np.square(test - pca.inverse_transform(pca.transform(test))).sum()
    assert ae.best_epoch_ > 0
    assert 1 - ae.score(test) < 0.8 * error / np.square(test - train.mean(axis=0)).sum()


def test_tied_linear_network_stays_at_pca():
    """PCA is the best that a linear autoencoder can do, with tied weights as well."""
    ae = tied_fit(3, hidden=(), learning_rate=0.001, jitter=0)
    expected = PCA(3).fit(DIGITS[:400]).explained_variance_ratio_.sum()
    assert ae.score(DIGITS[:400]) == pytest.approx(expected, abs=1e-3)
    assert ae.explained_variance_ratio_.sum() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("dense", [Dense(tied_weights=True), Dense((), tied_weights=True)])
def test_tied_weights_refuse_kinds_with_more_outputs(dense):
    sentence = (
        r"tied_weights=True of Dense needs an encoder with as many outputs as the code has values, "
        r"but the kind asks for 8 outputs and a code of 4: use tied_weights=False, or another kind"
    )
    ae = AutoencoderTransformer(4, kind="variational", architecture=dense, max_epochs=1)
    with pytest.raises(ValueError, match=sentence):
        ae.fit(DIGITS[:50])
    assert not hasattr(ae, "n_components_")


@pytest.mark.parametrize(
    ("kind", "n_components"),
    [
        (Sparse("l1"), 8),
        (Sparse("topk", k=4), 100),
        (Sparse("l1", linear_decoder=True), 8),
        (Contractive(), 4),
        (Overcomplete("masking"), 100),
        ("denoising", 4),
    ],
)
def test_other_kinds_take_tied_weights(kind, n_components):
    ae = tied_fit(n_components, kind=kind, init="pca")
    assert ae.score(DIGITS[:400]) > 0.3
    network = ae._fitted.new_network(torch.device("cpu"))
    if network.linear_encoder is not None:
        assert torch.equal(network.linear_decoder.weight, network.linear_encoder.weight.T)


@pytest.mark.parametrize("init", ["pca", "random"])
def test_tied_estimators_are_pickled_and_copied(init):
    ae = tied_fit(init=init)
    codes, rebuilt = ae.transform(DIGITS[:20]), ae.reconstruct(DIGITS[:20])
    for other in (pickle.loads(pickle.dumps(ae)), copy.deepcopy(ae)):
        assert np.array_equal(other.transform(DIGITS[:20]), codes)
        assert np.array_equal(other.reconstruct(DIGITS[:20]), rebuilt)
        other.partial_fit(DIGITS[:100])
        forwards, backwards, _ = weights_of(other)
        for weight, mirrored in zip(forwards, reversed(backwards), strict=True):
            assert torch.equal(mirrored, weight.T)
        assert not np.allclose(other.transform(DIGITS[:20]), codes, atol=1e-4)
    assert np.array_equal(ae.transform(DIGITS[:20]), codes)
