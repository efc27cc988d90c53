import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from skae import AutoencoderTransformer
from skae.architectures import Recurrent
from skae.architectures.layers import Dropout, RandomLayer, code_weights

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}
N_STEPS, N_CHANNELS, N_COMPONENTS, HIDDEN = 7, 2, 3, 5


def build(architecture, sample_shape=(N_STEPS, N_CHANNELS), n_encoder_outputs=N_COMPONENTS):
    return architecture.build(
        sample_shape,
        N_COMPONENTS,
        n_encoder_outputs=n_encoder_outputs,
        generator=torch.Generator().manual_seed(0),
    )


def samples(*shape, n=4):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(9))


def cells_of(module):
    return [m for m in module.modules() if isinstance(m, nn.RNNBase)]


def torchs_stack(cell, n_inputs, layers, bidirectional):
    """Return torch's own stack of layers with the weights of ours."""
    with torch.random.fork_rng([]):
        stack = CELLS[cell](
            n_inputs, HIDDEN, len(layers), batch_first=True, bidirectional=bidirectional
        )
    state = {}
    for i, layer in enumerate(layers):
        for name, weight in layer.state_dict().items():
            state[name.replace("_l0", f"_l{i}")] = weight
    stack.load_state_dict(state)
    return stack


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("n_layers", [1, 2, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_layers_are_torchs(cell, n_layers, bidirectional):
    architecture = Recurrent(
        cell, hidden_size=HIDDEN, n_layers=n_layers, bidirectional=bidirectional
    )
    encoder, decoder = build(architecture)
    X, code = samples(N_STEPS, N_CHANNELS), samples(N_COMPONENTS)

    read = cells_of(encoder)
    assert len(read) == n_layers
    _, state = torchs_stack(cell, N_CHANNELS, read, bidirectional)(X)
    state = state[0] if cell == "lstm" else state
    last = torch.cat(list(state[-2:] if bidirectional else state[-1:]), dim=1)
    torch.testing.assert_close(encoder(X), encoder[-1](last))

    unrolled = cells_of(decoder)
    assert len(unrolled) == n_layers
    assert not any(layer.bidirectional for layer in unrolled)
    first = torch.tanh(decoder[0].first_states(code)).reshape(4, n_layers, HIDDEN)
    first = first.transpose(0, 1).contiguous()
    first = (first, torch.zeros_like(first)) if cell == "lstm" else first
    inputs = code[:, None].repeat(1, N_STEPS, 1)
    states, _ = torchs_stack(cell, N_COMPONENTS, unrolled, False)(inputs, first)
    torch.testing.assert_close(decoder(code), decoder[1](states))


@pytest.mark.parametrize("cell", CELLS)
def test_forget_gates_of_an_lstm_start_open(cell):
    encoder, decoder = build(Recurrent(cell, hidden_size=HIDDEN, n_layers=2, bidirectional=True))
    bound = 1 / HIDDEN**0.5
    n_biases = 0
    for layer in cells_of(encoder) + cells_of(decoder):
        for name, weight in layer.named_parameters():
            gates = weight.detach().reshape(-1, HIDDEN, *weight.shape[1:])  # i, f, g, o
            is_open = cell == "lstm" and name.startswith("bias_ih")
            n_biases += is_open
            for i, gate in enumerate(gates):
                centre = 1.0 if is_open and i == 1 else 0.0
                assert (gate - centre).abs().max() <= bound + 1e-6, name
    assert n_biases == (6 if cell == "lstm" else 0)


def test_order_of_the_steps_matters():
    encoder, _ = build(Recurrent(hidden_size=HIDDEN))
    X = samples(N_STEPS, N_CHANNELS)
    assert not torch.allclose(encoder(X), encoder(X.flip(1)), atol=1e-3)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_step_reaches_the_code(bidirectional):
    encoder, _ = build(Recurrent("gru", hidden_size=HIDDEN, bidirectional=bidirectional))
    X = samples(N_STEPS, N_CHANNELS).requires_grad_()
    encoder(X).square().sum().backward()
    assert (X.grad != 0).all()


@pytest.mark.parametrize("cell", CELLS)
def test_decoder_is_given_the_code_at_every_step(cell):
    """Without states to begin with, and without memory, each step still knows the code."""
    _, decoder = build(Recurrent(cell, hidden_size=HIDDEN))
    with torch.no_grad():
        for parameter in decoder[0].first_states.parameters():
            parameter.zero_()
    code = samples(N_COMPONENTS).requires_grad_()
    output = decoder(code)
    gradients = [
        torch.autograd.grad(output[:, t].sum(), code, retain_graph=True)[0] for t in range(N_STEPS)
    ]
    assert all((gradient != 0).all() for gradient in gradients)
    # The first step has no memory, so what it gives comes from the code alone.
    assert not torch.allclose(output[0, 0], output[1, 0])


@pytest.mark.parametrize("cell", CELLS)
def test_decoder_unrolls_forward(cell):
    """A longer series begins as the shorter one."""
    short, long = (
        build(Recurrent(cell, hidden_size=HIDDEN, n_layers=2), (n_steps, N_CHANNELS))[1]
        for n_steps in (4, 9)
    )
    code = samples(N_COMPONENTS)
    torch.testing.assert_close(long(code)[:, :4], short(code))
    assert not torch.allclose(long(code)[:, 4], long(code)[:, 3])


def test_bidirectional_changes_the_encoder_only():
    one, both = (
        build(Recurrent(hidden_size=HIDDEN, n_layers=2, bidirectional=bidirectional))
        for bidirectional in (False, True)
    )
    shapes = [[p.shape for p in pair[1].parameters()] for pair in (one, both)]
    assert shapes[0] == shapes[1]
    first, second = cells_of(both[0])
    assert first.bidirectional
    assert second.input_size == 2 * HIDDEN
    assert both[0][-1].in_features == 2 * one[0][-1].in_features == 2 * HIDDEN


@pytest.mark.parametrize("channel_axis", [0, None])
def test_channel_axes_are_the_same_network(channel_axis):
    n_channels = 1 if channel_axis is None else N_CHANNELS
    shape = (N_STEPS,) if channel_axis is None else (n_channels, N_STEPS)
    last = build(Recurrent(hidden_size=HIDDEN), (N_STEPS, n_channels))
    other = build(Recurrent(hidden_size=HIDDEN, channel_axis=channel_axis), shape)
    X = samples(*shape)
    moved = X[..., None] if channel_axis is None else X.movedim(1, -1)
    torch.testing.assert_close(other[0](X), last[0](moved))
    output = other[1](samples(N_COMPONENTS))
    assert output.shape == (4, *shape)
    moved = output[..., None] if channel_axis is None else output.movedim(1, -1)
    torch.testing.assert_close(moved, last[1](samples(N_COMPONENTS)))


# --- dropout


def test_dropout_is_between_layers():
    encoder, decoder = build(Recurrent(hidden_size=HIDDEN, n_layers=3, dropout=0.4))
    for module in (encoder[1], decoder[0]):
        kinds = [type(layer) for layer in module.layers]
        assert kinds == [nn.LSTM, Dropout, nn.LSTM, Dropout, nn.LSTM]
    assert [m.p for m in encoder.modules() if isinstance(m, Dropout)] == [0.4, 0.4]
    plain, _ = build(Recurrent(hidden_size=HIDDEN, n_layers=3))
    assert not [m for m in plain.modules() if isinstance(m, Dropout)]
    torch.testing.assert_close(
        encoder.eval()(samples(N_STEPS, N_CHANNELS)), plain(samples(N_STEPS, N_CHANNELS))
    )


def test_dropout_draws_from_the_generator_alone():
    encoder, _ = build(Recurrent("gru", hidden_size=HIDDEN, n_layers=2, dropout=0.5))
    X, outputs = samples(N_STEPS, N_CHANNELS), []
    before = torch.get_rng_state()
    for seed in (0, 0, 1):
        for layer in encoder.modules():
            if isinstance(layer, RandomLayer):
                layer.generator = torch.Generator().manual_seed(seed)
        outputs.append(encoder.train()(X))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.allclose(outputs[0], outputs[2])
    assert not torch.allclose(outputs[0], encoder.eval()(X))


def test_fits_with_dropout_are_reproducible():
    X = np.random.default_rng(0).normal(size=(40, 6, 1)).cumsum(axis=1)
    codes = [
        AutoencoderTransformer(
            2,
            architecture=Recurrent("gru", hidden_size=4, n_layers=2, dropout=dropout),
            init="random",
            max_epochs=2,
            early_stopping=False,
            random_state=0,
        ).fit_transform(X)
        for dropout in (0.5, 0.5, 0.0)
    ]
    np.testing.assert_array_equal(codes[0], codes[1])
    assert not np.allclose(codes[0], codes[2])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cell": "rnn"}, r"cell of Recurrent must be one of \['gru', 'lstm'\].*got 'rnn'|cell of"),
        ({"cell": nn.LSTM}, "cell of Recurrent must be one of"),
        ({"hidden_size": 0}, "hidden_size of Recurrent must be an integer >= 1, got 0"),
        ({"hidden_size": 2.0}, "hidden_size of Recurrent must be an integer >= 1, got 2.0"),
        ({"n_layers": 0}, "n_layers of Recurrent must be an integer from 1 to 1000, got 0"),
        ({"bidirectional": 1}, "bidirectional of Recurrent must be True or False, got 1"),
        ({"dropout": 1.0, "n_layers": 2}, r"dropout of Recurrent must be .*\[0, 1\), got 1.0"),
        ({"dropout": 0.5}, "dropout=0.5 has no effect with n_layers=1: give n_layers=2"),
    ],
)
def test_wrong_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        build(Recurrent(**parameters))


def test_images_are_refused():
    with pytest.raises(
        ValueError, match=r"Recurrent with channel_axis='auto' takes samples of 2 axes"
    ):
        Recurrent().sample_shape((3, 8, 8))


def test_is_not_linear():
    assert Recurrent().is_linear() is False


def test_sizes_of_numpy_serve():
    numpys = build(Recurrent(hidden_size=np.int64(4), n_layers=np.int64(2)))
    ours = build(Recurrent(hidden_size=4, n_layers=2))
    X = samples(N_STEPS, N_CHANNELS)
    assert torch.equal(numpys[0](X), ours[0](X))


def test_learning_rate_is_twice_that_of_dense_layers():
    rates = [
        AutoencoderTransformer(2, architecture=a, max_epochs=1).fit(np.eye(12)).learning_rate_
        for a in ("dense", "recurrent")
    ]
    assert rates[1] == pytest.approx(2 * rates[0])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_all_weights_that_multiply_the_code_are_known(cell):
    """Where they are zero, the decoder does not see the code; where one is not, it does."""
    recurrent = Recurrent(cell, hidden_size=5, n_layers=2)
    _, decoder = recurrent.build(
        (7, 2), 3, n_encoder_outputs=3, generator=torch.Generator().manual_seed(0)
    )
    codes = torch.eye(3)
    weights = code_weights(decoder, 3)
    assert [weight.shape[1] for weight in weights] == [3, 3]
    for weight in weights:
        assert not torch.equal(*decoder(codes)[:2])
        with torch.no_grad():
            weight.zero_()
    assert torch.equal(*decoder(codes)[:2])


# --- patches of steps


@pytest.mark.parametrize(
    ("n_steps", "expected"), [(1, 1), (24, 1), (32, 1), (33, 4), (140, 14), (500, 50), (501, 51)]
)
def test_auto_patches(n_steps, expected):
    assert Recurrent().resolved((n_steps, 2), 9).patch_size == expected
    assert Recurrent(patch_size=3).resolved((n_steps, 2), 9).patch_size == 3


@pytest.mark.parametrize("channel_axis", [-1, 0])
def test_a_patch_is_one_step_of_the_cell(channel_axis):
    """As if its steps were channels; the last patch is padded with zeros, and cropped."""
    shape = (7, 2) if channel_axis == -1 else (2, 7)
    encoder, decoder = build(
        Recurrent(hidden_size=HIDDEN, patch_size=3, channel_axis=channel_axis), shape
    )
    X, code = samples(7, 2), samples(N_COMPONENTS)
    given = X if channel_axis == -1 else X.movedim(1, 2)
    long = torch.cat([X, torch.zeros(4, 2, 2)], dim=1)
    folded = long.reshape(4, 3, 3, 2).movedim(2, 3).reshape(4, 3, 6)
    (cell,) = cells_of(encoder)
    _, (state, _) = cell(folded)
    torch.testing.assert_close(encoder(given), encoder[-1](state[0]))
    parts = decoder[1](decoder[0](code))
    assert parts.shape == (4, 3, 6)
    rebuilt = parts.reshape(4, 3, 2, 3).movedim(2, 3).reshape(4, 9, 2)[:, :7]
    found = decoder(code) if channel_axis == -1 else decoder(code).movedim(1, 2)
    torch.testing.assert_close(found, rebuilt)


@pytest.mark.parametrize(("patch_size", "message"), [(0, "patch_size of Rec"), (8, "the 7 steps")])
def test_wrong_patches_are_refused(patch_size, message):
    with pytest.raises(ValueError, match=message):
        build(Recurrent(patch_size=patch_size))


@pytest.mark.slow
def test_long_series_are_better_than_pca():
    rng = np.random.default_rng(0)
    frequency, phase = rng.uniform(2, 4, (300, 1)), rng.uniform(0, 6.3, (300, 1))
    X = np.sin(2 * np.pi * frequency * np.linspace(0, 1, 200) + phase)[:, :, None]
    X += rng.normal(0, 0.05, X.shape)
    recurrent = AutoencoderTransformer(4, architecture="recurrent", random_state=0).fit(X[:200])
    pca = PCA(4).fit(X[:200, :, 0])
    rest = X[200:, :, 0] - pca.inverse_transform(pca.transform(X[200:, :, 0]))
    by_pca = 1 - np.square(rest).sum() / np.square(X[200:] - X[:200].mean(axis=0)).sum()
    assert recurrent.score(X[200:]) > by_pca + 0.05
