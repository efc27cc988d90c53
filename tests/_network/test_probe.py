import math

import pytest
import torch
from torch import nn

from skae._network.probe import probe
from skae.architectures import Architecture, Recurrent
from skae.architectures.layers import TiedLinear, linear


@pytest.fixture(autouse=True)
def layers_of_torch_draw():
    """Layers of torch draw their first weights globally, which the tests must not show."""
    with torch.random.fork_rng([]):
        yield


class Given(Architecture):
    """Has these two modules."""

    def __init__(self, encoder, decoder, shape=None):
        self.encoder, self.decoder, self.shape = encoder, decoder, shape

    def sample_shape(self, given):
        return given if self.shape is None else self.shape

    def needs_gates(self):
        return True

    def build(self, sample_shape, n_components, *, n_encoder_outputs, generator):
        return self.encoder, self.decoder


class Call(nn.Module):
    """Calls a function, with a layer inside."""

    def __init__(self, function, layer=None):
        super().__init__()
        self.function, self.layer = function, layer

    def forward(self, X):
        return self.function(X) if self.layer is None else self.function(self.layer, X)


def network_of(make_network, encoder, shape=(6,), decoder=None, **parameters):
    n_features = math.prod(shape)
    decoder = nn.Linear(2, n_features) if decoder is None else decoder
    settings = {"n_components": 2, "linear_path": False, **parameters}
    architecture = Given(encoder, decoder, shape)
    return make_network(n_features, architecture=architecture, **settings)


def count(make_network, encoder, shape=(6,)):
    """Return what is counted for an encoder alone."""
    return network_of(make_network, encoder, shape).work.at_once - 2 * math.prod(shape)


def flat(*layers, n_outputs):
    return nn.Sequential(*layers, nn.Flatten(), nn.AdaptiveAvgPool1d(n_outputs))


@pytest.mark.parametrize(
    ("encoder", "shape", "expected"),
    [
        (lambda: nn.Linear(6, 2), (6,), 12),
        (lambda: nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)), (6,), 40),
        (lambda: flat(nn.Linear(3, 7), n_outputs=2), (4, 3), 4 * 3 * 7),
        # Places of the output, times kernel, times channels in and out, over the groups.
        (lambda: flat(nn.Conv1d(4, 8, 3, stride=2), n_outputs=2), (4, 9), 4 * 3 * 4 * 8),
        (lambda: flat(nn.Conv1d(4, 8, 3, groups=2), n_outputs=2), (4, 9), 7 * 3 * 4 * 8 // 2),
        (lambda: flat(nn.Conv2d(2, 3, 3, padding=1), n_outputs=2), (2, 5, 4), 20 * 9 * 2 * 3),
        (lambda: flat(nn.Conv2d(2, 3, 3, stride=2), n_outputs=2), (2, 5, 7), 2 * 3 * 9 * 2 * 3),
        # Places of the input.
        (lambda: flat(nn.ConvTranspose1d(4, 8, 3, stride=2), n_outputs=2), (4, 5), 5 * 3 * 4 * 8),
        (
            lambda: flat(nn.ConvTranspose2d(4, 8, 3, stride=2, groups=2), n_outputs=2),
            (4, 3, 5),
            15 * 9 * 4 * 8 // 2,
        ),
        # One step: the matrices of all layers and directions, however long the series.
        (lambda: lstm(nn.LSTM), (9, 3), 4 * (3 * 5 + 5 * 5)),
        (lambda: lstm(nn.LSTM), (99, 3), 4 * (3 * 5 + 5 * 5)),
        (lambda: lstm(nn.GRU), (9, 3), 3 * (3 * 5 + 5 * 5)),
        (
            lambda: lstm(nn.GRU, bidirectional=True, num_layers=2),
            (9, 3),
            2 * 3 * (3 * 5 + 5 * 5 + 10 * 5 + 5 * 5),
        ),
        (lambda: nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 2)), (6,), 12),
        (lambda: nn.AdaptiveAvgPool1d(2), (6,), 0),
    ],
)
def test_multiplications_of_one_row(make_network, encoder, shape, expected):
    assert count(make_network, encoder(), shape) == expected


def lstm(cell, **settings):
    return Call(
        lambda layer, X: layer(X)[0][:, -1, :2],
        cell(3, 5, batch_first=True, **settings),
    )


def test_layers_used_twice_count_twice(make_network):
    twice = Call(lambda layer, X: layer(layer(X))[:, :2], nn.Linear(6, 6))
    assert count(make_network, twice) == 2 * 36


def test_tied_layers_count(make_network):
    first = linear(6, 2, torch.Generator().manual_seed(0))
    network = network_of(make_network, first, decoder=TiedLinear(first))
    assert network.work == (24, 24)


def test_linear_path_counts(make_network):
    encoder = nn.Linear(6, 2)
    plain = network_of(make_network, encoder).work
    more = network_of(make_network, encoder, linear_path=True).work
    assert more == (plain.in_all + 24, plain.at_once + 24)


def test_steps_do_not_count_at_once(make_network):
    architecture = Recurrent(hidden_size=4)
    short, long = (
        make_network(n, n_components=2, architecture=architecture, linear_path=False).work
        for n in (6, 12)
    )
    # The layer after the unrolled states is one product for all steps.
    assert long.at_once - short.at_once == 6 * 4
    # The LSTMs of encoder and decoder see a value and a code of two.
    lstms = 4 * (1 * 4 + 4 * 4) + 4 * (2 * 4 + 4 * 4)
    assert long.in_all - short.in_all == 6 * (lstms + 4)


def test_the_network_is_left_as_it_is(make_network):
    norm = nn.BatchNorm1d(6)
    encoder = nn.Sequential(norm, nn.Dropout(0.5), nn.Linear(6, 2))
    network = network_of(make_network, encoder)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    rng = torch.get_rng_state()
    for training in (True, False):
        network.train(training)
        probe(network)
        assert all(m.training == training for m in network.modules())
    assert torch.equal(torch.get_rng_state(), rng)
    assert norm.num_batches_tracked == 0
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    assert not any(m._forward_hooks for m in network.modules())


def test_hooks_are_taken_away_after_errors(make_network):
    encoder = nn.Sequential(nn.Linear(6, 4), nn.Linear(5, 2))
    with pytest.raises(ValueError, match="failed on a probe batch"):
        network_of(make_network, encoder)
    assert not any(m._forward_hooks for m in encoder.modules())
    assert encoder.training


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_other_precisions(make_network, dtype):
    network = network_of(make_network, nn.Linear(6, 2)).to(dtype)
    assert probe(network) == (24, 24)


def halt(X):
    raise RuntimeError("no luck")


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (
            lambda: Call(halt),
            r"encoder \(Call\) failed on a probe batch of shape \(2, 6\): RuntimeError: no luck",
        ),
        (lambda: nn.Linear(5, 2), r"encoder \(Linear\) failed on a probe batch of shape \(2, 6\)"),
        (lambda: Call(lambda X: (X, X)), r"encoder \(Call\) must return a tensor, got tuple"),
        (
            lambda: nn.Linear(6, 3),
            r"encoder \(Linear\) was given a probe batch of shape \(2, 6\) and must return the "
            r"shape \(2, 2\), got \(2, 3\)",
        ),
        (lambda: Call(lambda X: X.sum()), r"must return the shape \(2, 2\), got \(\)"),
        (lambda: Call(lambda X: X[:1, :2]), r"must return the shape \(2, 2\), got \(1, 2\)"),
    ],
)
def test_misfits_of_the_encoder(make_network, encoder, message):
    with pytest.raises(ValueError, match=message):
        network_of(make_network, encoder())


def test_cause_is_chained(make_network):
    with pytest.raises(ValueError, match="no luck") as error:
        network_of(make_network, Call(halt))
    assert isinstance(error.value.__cause__, RuntimeError)


def test_misfits_of_the_decoder(make_network):
    message = (
        r"decoder \(Linear\) was given a probe batch of shape \(2, 2\) and must return the shape "
        r"\(2, 3, 4\), got \(2, 11\)"
    )
    encoder = flat(n_outputs=2)
    with pytest.raises(ValueError, match=message):
        network_of(make_network, encoder, (3, 4), nn.Linear(2, 11))
    with pytest.raises(ValueError, match=r"decoder \(Linear\) failed on .* \(2, 2\)"):
        network_of(make_network, encoder, (3, 4), nn.Linear(3, 12))


@pytest.mark.parametrize("decoder", [(), (nn.Unflatten(1, (3, 4)),)])
def test_decoders_may_give_rows(make_network, decoder):
    decoder = nn.Sequential(nn.Linear(2, 12), *decoder)
    network = network_of(make_network, flat(n_outputs=2), (3, 4), decoder)
    assert network.decode(torch.ones(5, 2)).shape == (5, 12)


def test_calls_by_keyword_count(make_network):
    def encoder(call):
        return Call(call, nn.Linear(6, 2))

    by_name = count(make_network, encoder(lambda layer, X: layer(input=X)))
    assert by_name == count(make_network, encoder(lambda layer, X: layer(X))) == 12


def test_layers_of_other_classes_count_nothing(make_network):
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(6))

        def forward(self, X):
            return X * self.weight, X

    assert count(make_network, Call(lambda layer, X: layer(X)[0][:, :2], Pair())) == 0
