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
from skae.architectures.activations import ACTIVATIONS
from skae.architectures.layers import Dropout, TiedLinear, linear, silence
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
    dense = Dense(activation="relu", dropout=0.5)
    resolved = dense.resolved((n_features,), n_samples)
    assert resolved.hidden_layer_sizes == hidden
    assert (resolved.activation, resolved.dropout) == ("relu", 0.5)
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
        (Dense((), layer_norm=True), True),
        (Dense((5, 5), activation="identity", residual=True), True),
        (Dense((5,), activation="identity", dropout=0.5), True),
        (Dense((5,)), False),
        (Dense(), False),
        (Dense((5,), activation="identity", layer_norm=True), False),
        (Dense("auto", activation="identity", layer_norm=True), False),
        (Dense((5, 5), activation="identity", layer_norm=True, residual=True), False),
        (Dense((5, 5), residual=True), False),
        (Dense((5,), dropout=0.5), False),
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
@pytest.mark.parametrize("hidden", [(), (5,)])
def test_refuses_other_activations(activation, hidden):
    with pytest.raises(ValueError, match=r"activation of Dense must be one of \['elu', 'gelu'"):
        build(Dense(hidden, activation=activation))


# --- tied weights


def tied_fit(n_components=4, data=None, hidden=(32, 16), **parameters):
    settings = {"max_epochs": 10, "early_stopping": False, "random_state": 0, **parameters}
    dense = Dense(hidden, tied_weights=True)
    ae = AutoencoderTransformer(n_components, architecture=dense, **settings)
    return ae.fit(DIGITS[:400] if data is None else data)


def weights_of(ae):
    """Return the matrices of the encoder and the decoder, and of the linear path."""
    network = ae._fitted.network("cpu")

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


@pytest.mark.filterwarnings("ignore:The training learned nothing")
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


@pytest.mark.slow
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
        r"but the kind needs 8 outputs and a code of 4: use tied_weights=False, or another kind"
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
    network = ae._fitted.network("cpu")
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


# --- dropout, layer_norm, residual

OPTIONS = {
    "dropout": {"dropout": 0.2},
    "layer_norm": {"layer_norm": True},
    "residual": {"residual": True},
    "all": {"dropout": 0.2, "layer_norm": True, "residual": True},
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
tied_or_not = pytest.mark.parametrize("tied_weights", [False, True])


def linears_of(module):
    return [layer for layer in module.modules() if isinstance(layer, nn.Linear | TiedLinear)]


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def build_with_drawn_weights(dense, **sizes):
    """Return encoder and decoder with all weights drawn, also those that start at 0 or 1."""
    modules = build(dense, **sizes)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for module in modules:
            for parameter in module.parameters():
                parameter.normal_(std=0.5, generator=generator)
    return modules


def set_generators(module, seed=0):
    for layer in module.modules():
        if isinstance(layer, Dropout):
            layer.generator = torch.Generator().manual_seed(seed)


@every_option
@tied_or_not
def test_options_draw_no_first_weights(options, tied_weights):
    """The same weights as without them, in the order encoder, decoder, from front to back."""
    dense = Dense((4, 4), tied_weights=tied_weights, **options)
    generator, other = (torch.Generator().manual_seed(0) for _ in range(2))
    encoder, decoder = dense.build((6,), 2, n_encoder_outputs=2, generator=generator)
    shapes = [(6, 4), (4, 4), (4, 2)] + ([] if tied_weights else [(2, 4), (4, 4), (4, 6)])
    layers = [m for m in linears_of(encoder) + linears_of(decoder) if isinstance(m, nn.Linear)]
    for layer, shape in zip(layers, shapes, strict=True):
        expected = linear(*shape, other)
        assert torch.equal(layer.weight, expected.weight)
        assert torch.equal(layer.bias, expected.bias)
    assert torch.equal(generator.get_state(), other.get_state())


def test_nothing_is_added_by_default():
    for module in build(Dense((5, 4))):
        kinds = [type(layer) for layer in module.modules()]
        hidden = [nn.Linear, ACTIVATIONS["silu"]]
        assert kinds == [nn.Sequential, *hidden, *hidden, nn.Linear]


@tied_or_not
@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_forward_pass_by_hand(tied_weights, layer_norm, residual, dropout):
    """Rows, code and output have the sizes of their neighbours: they take part in no skip."""
    dense = Dense((6, 6, 4, 4), "tanh", tied_weights, dropout, layer_norm, residual)
    modules = build_with_drawn_weights(dense, n_components=4, n_encoder_outputs=4)
    for module, n_inputs in zip(modules, (6, 4), strict=True):
        module.eval()
        set_generators(module)
        norms = [layer for layer in module.modules() if isinstance(layer, nn.LayerNorm)]
        assert len(norms) == (4 if layer_norm else 0)
        *hidden, output = linears_of(module)
        X = expected = draw(7, n_inputs)
        for i, layer in enumerate(hidden):
            change = expected @ layer.weight.T + layer.bias
            if layer_norm:
                gamma, beta = norms[i].weight, norms[i].bias
                change = nn.functional.layer_norm(change, (len(beta),), gamma, beta)
            skip = expected if residual and i in (1, 3) else 0.0
            expected = skip + torch.tanh(change)
        expected = expected @ output.weight.T + output.bias
        torch.testing.assert_close(module(X), expected)


def test_layer_norm_comes_before_the_activation():
    encoder, _ = build(Dense((50,), layer_norm=True, activation="identity"))
    hidden = encoder[:-1](draw(9, 6))
    torch.testing.assert_close(hidden.mean(1), torch.zeros(9), atol=1e-5, rtol=0)
    torch.testing.assert_close(hidden.std(1, correction=0), torch.ones(9), atol=1e-3, rtol=0)
    positive = build(Dense((50,), layer_norm=True, activation="relu"))[0][:-1](draw(9, 6))
    torch.testing.assert_close(positive, hidden.relu())


@pytest.mark.parametrize("p", [0.1, 0.6])
@tied_or_not
def test_dropout_in_training(p, tied_weights):
    """After the activation: tanh of something does not exceed 1, but does over ``1 - p``."""
    dense = Dense((300, 200), "tanh", tied_weights, dropout=p)
    for module, n_inputs in zip(build_with_drawn_weights(dense), (6, 2), strict=True):
        X = draw(40, n_inputs)
        for start, stop in ((0, 3), (3, 6)):
            layer, inputs = module[start:stop], module[:start].eval()(X)
            whole = layer.eval()(inputs)
            layer.train()
            assert torch.equal(layer(inputs), whole)  # without a generator nothing is drawn
            set_generators(layer)
            dropped = layer(inputs)
            assert not torch.equal(layer(inputs), dropped)  # drawn anew each time
            assert (dropped == 0).float().mean().item() == pytest.approx(p, abs=0.03)
            left = dropped != 0
            torch.testing.assert_close(dropped[left], whole[left] / (1 - p))
        assert isinstance(module[6], nn.Linear | TiedLinear)
        assert len(module) == 7


def test_dropout_drops_the_change_of_a_residual_layer():
    encoder, _ = build(Dense((30, 30), "tanh", dropout=0.5, residual=True))
    block, h = encoder[3].train(), draw(20, 30)
    set_generators(block)
    change = block(h) - h
    expected = torch.tanh(h @ block[0].weight.T + block[0].bias) * 2
    dropped = change.abs() < 1e-6
    assert dropped.float().mean().item() == pytest.approx(0.5, abs=0.08)
    torch.testing.assert_close(change[~dropped], expected[~dropped])


def test_dropout_draws_from_the_generator_of_the_network(make_network):
    network = make_network(architecture=Dense((32,), dropout=0.5), linear_path=False)

    def output(seed):
        with torch.no_grad():
            network.draw_from(torch.Generator().manual_seed(seed))
            return network(draw(5, 6))[0]

    network.train()
    assert torch.equal(output(0), output(0))
    assert not torch.equal(output(0), output(1))
    network.eval()
    in_evaluation = output(0)
    assert torch.equal(in_evaluation, output(1))
    network.train().draw_from(None)
    assert torch.equal(network(draw(5, 6))[0], in_evaluation)


@pytest.mark.parametrize(
    ("n_features", "n_samples", "hidden"),
    [(64, 10**6, (128, 128)), (256, 4999, (128, 128)), (256, 5000, (512, 512))],
)
def test_auto_has_neighbours_of_one_size_where_residual(n_features, n_samples, hidden):
    resolved = Dense(residual=True).resolved((n_features,), n_samples)
    assert resolved.hidden_layer_sizes == hidden
    assert resolved.residual
    build(resolved, n_features=n_features)


@every_option
@tied_or_not
def test_gradients_reach_all_weights(options, tied_weights):
    encoder, decoder = build(Dense((9, 9, 9), tied_weights=tied_weights, **options))
    for module in (encoder, decoder):
        module.train()
        set_generators(module)
    decoder(encoder(draw(20, 6))).square().sum().backward()
    for module in (encoder, decoder):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
            assert (parameter.grad != 0).any(), name


@every_option
def test_silenced_modules_with_options_give_zero(options):
    for module, n_inputs in zip(build(Dense((5, 5), **options)), (6, 2), strict=True):
        X = draw(4, n_inputs)
        hidden = module[:-1](X)
        assert (module(X) != 0).any()
        silence(module)
        assert (module(X) == 0).all()
        assert torch.equal(module[:-1](X), hidden)
        assert (hidden != 0).any()


@every_option
@tied_or_not
def test_start_with_options_is_pca(options, tied_weights):
    X = load_iris().data
    dense = Dense((8, 8), tied_weights=tied_weights, **options)
    ae = AutoencoderTransformer(
        2, architecture=dense, max_epochs=1, learning_rate=1e-12, precision="float64"
    ).fit(X)
    pca = PCA(2, svd_solver="full").fit(X)
    expected = pca.inverse_transform(pca.transform(X))
    np.testing.assert_allclose(ae.reconstruct(X), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.slow
@every_option
@tied_or_not
def test_fit_with_options_beats_its_start(options, tied_weights):
    X = DIGITS[:300]
    dense = Dense((32, 32), tied_weights=tied_weights, **options)
    ae = AutoencoderTransformer(4, architecture=dense, max_epochs=20, random_state=0).fit(X)
    assert np.isfinite(ae.reconstruct(DIGITS)).all()
    assert ae.best_epoch_ > 0
    assert ae.score(X) > PCA(4, random_state=0).fit(X).explained_variance_ratio_.sum()


def fit_with_all_options(dropout=0.2, init="random"):
    dense = Dense((16, 16), dropout=dropout, layer_norm=True, residual=True)
    settings = {"max_epochs": 3, "early_stopping": False, "init": init}
    return AutoencoderTransformer(3, architecture=dense, random_state=0, **settings).fit(
        DIGITS[:200]
    )


@pytest.mark.parametrize("init", ["pca", "random"])
def test_fits_with_dropout_can_be_repeated(init):
    """The fixture of all tests sees to it that the global generators are left alone."""
    first, same, without = (fit_with_all_options(p, init) for p in (0.2, 0.2, 0.0))
    codes = first.transform(DIGITS)
    assert np.array_equal(first.transform(DIGITS), codes)  # nothing is drawn in inference
    assert np.array_equal(same.transform(DIGITS), codes)
    assert np.array_equal(same.reconstruct(DIGITS), first.reconstruct(DIGITS))
    assert not np.allclose(without.transform(DIGITS), codes, atol=1e-3)


def test_estimators_with_options_are_pickled_and_go_on():
    ae = fit_with_all_options()
    other = pickle.loads(pickle.dumps(ae))
    assert np.array_equal(other.transform(DIGITS), ae.transform(DIGITS))
    continued = [model.partial_fit(DIGITS[:200]).transform(DIGITS) for model in (ae, other)]
    assert np.array_equal(*continued)


@pytest.mark.parametrize(
    ("kind", "n_components"),
    [("variational", 3), (Contractive(), 3), (Sparse("l1", linear_decoder=True), 8)],
)
def test_other_kinds_take_the_options(kind, n_components):
    dense = Dense((16, 16), **OPTIONS["all"])
    settings = {"max_epochs": 6, "random_state": 0}
    ae = AutoencoderTransformer(n_components, kind=kind, architecture=dense, **settings)
    assert ae.fit(DIGITS[:300]).score(DIGITS[:300]) > 0.3


@pytest.mark.parametrize("dropout", [1, 1.5, -0.1, float("nan"), True, "0.1", None, [0.1], 1 + 0j])
def test_refuses_other_dropouts(dropout):
    with pytest.raises(ValueError, match=r"dropout of Dense must be a number in \[0, 1\), got "):
        build(Dense((5,), dropout=dropout))


@pytest.mark.parametrize("dropout", [0, 0.999, np.float32(0.5)])
def test_takes_these_dropouts(dropout):
    assert sum(isinstance(m, Dropout) for m in build(Dense((5, 4), dropout=dropout))[0]) == (
        2 if dropout else 0
    )


@pytest.mark.parametrize("name", ["tied_weights", "layer_norm", "residual"])
@pytest.mark.parametrize("value", [1, None, "yes", np.True_])
def test_refuses_what_is_not_boolean(name, value):
    with pytest.raises(ValueError, match=rf"^{name} of Dense must be True or False, got .*\.$"):
        build(Dense((5, 5), **{name: value}))


@pytest.mark.parametrize("hidden", [(), (5,), (5, 4), (4, 5, 4)])
def test_refuses_residual_layers_without_a_skip(hidden):
    sentence = (
        r"residual=True of Dense needs two consecutive layers of the same size in "
        r"hidden_layer_sizes"
    )
    with pytest.raises(ValueError, match=sentence):
        build(Dense(hidden, residual=True))
    ae = AutoencoderTransformer(2, architecture=Dense(hidden, residual=True))
    with pytest.raises(ValueError, match=sentence):
        ae.fit(DIGITS[:50])


@pytest.mark.parametrize("hidden", [(1,), (5, 1), (1, 1, 5)])
def test_refuses_to_normalise_single_values(hidden):
    with pytest.raises(ValueError, match=r"layer_norm=True of Dense needs hidden layers of 2 or"):
        build(Dense(hidden, layer_norm=True))
    build(Dense(hidden))
    build(Dense((2,), layer_norm=True))


# -- Activations of code and reconstruction. ------------------------------------------------------

X_UNIT = np.random.default_rng(0).uniform(size=(40, 5))
LIMITS = {"sigmoid": (0, 1), "relu": (0, np.inf), "tanh": (-1, 1)}


def from_random_weights(**parameters):
    dense = Dense(hidden_layer_sizes=(8,), **parameters)
    return AutoencoderTransformer(
        2, architecture=dense, init="random", max_epochs=2, random_state=0
    ).fit(X_UNIT)


@pytest.mark.parametrize("name", ["leaky_relu", *LIMITS])
def test_the_code_has_an_activation(name):
    dense = Dense(hidden_layer_sizes=(8,), code_activation=name)
    encoder, decoder = dense.build((5,), 2, n_encoder_outputs=2, generator=torch.Generator())
    assert type(encoder[-1]) is ACTIVATIONS[name]
    assert type(decoder[-1]) is nn.Linear
    low, high = LIMITS.get(name, (-np.inf, np.inf))
    Z = from_random_weights(code_activation=name).transform(X_UNIT)
    assert low <= Z.min() <= Z.max() <= high


@pytest.mark.parametrize("name", LIMITS)
def test_the_reconstruction_has_an_activation(name):
    dense = Dense(hidden_layer_sizes=(8,), output_activation=name)
    encoder, decoder = dense.build((5,), 2, n_encoder_outputs=2, generator=torch.Generator())
    assert type(decoder[-1]) is ACTIVATIONS[name]
    assert type(encoder[-1]) is nn.Linear
    assert not dense.is_linear()
    codes = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    output = decoder(1000 * codes).detach()
    assert LIMITS[name][0] <= float(output.min()) <= float(output.max()) <= LIMITS[name][1]


@pytest.mark.parametrize("parameter", ["code_activation", "output_activation"])
def test_activations_of_the_ends_need_random_weights(parameter):
    dense = Dense(hidden_layer_sizes=(8,), **{parameter: "sigmoid"})
    message = rf"{parameter}='sigmoid' of Dense needs init='random'"
    with pytest.raises(ValueError, match=message):
        AutoencoderTransformer(2, architecture=dense, max_epochs=1).fit(X_UNIT)
    for value in ("swish", "none", None, nn.ReLU):
        dense = Dense(**{parameter: value})
        with pytest.raises(ValueError, match=rf"{parameter} of Dense must be one of"):
            AutoencoderTransformer(2, architecture=dense, max_epochs=1).fit(X_UNIT)


def test_outputs_have_activations_of_known_range_only():
    dense = Dense(output_activation="elu")
    with pytest.raises(ValueError, match=r"one of \['identity', 'relu', 'sigmoid', 'tanh'\]"):
        AutoencoderTransformer(2, architecture=dense, init="random", max_epochs=1).fit(X_UNIT)


def test_an_activation_of_the_code_needs_one_output_for_each_value():
    dense = Dense(code_activation="relu")
    with pytest.raises(ValueError, match=r"code_activation='relu' of Dense needs a kind .* got 4"):
        AutoencoderTransformer(
            2, kind="variational", architecture=dense, init="random", max_epochs=1
        ).fit(X_UNIT)
