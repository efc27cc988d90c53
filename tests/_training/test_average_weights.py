"""The mean of the weights of the last epochs."""

import pytest
import torch

from skae._training.average_weights import AverageWeights


def layer(value):
    made = torch.nn.utils.skip_init(torch.nn.Linear, 1, 1)  # nothing is drawn
    torch.nn.init.constant_(made.weight, value)
    torch.nn.init.constant_(made.bias, -value)
    return made


def test_the_mean_is_exponential_and_begins_at_the_start():
    average = AverageWeights(layer(1.0), n_epochs=100)
    for value in (2.0, 5.0):
        average.update(layer(value))
    kept = 0.5 ** (1 / 6)  # a half after 6 of 100 epochs
    expected = kept * (kept * 1.0 + (1 - kept) * 2.0) + (1 - kept) * 5.0
    assert float(average.mean["weight"]) == pytest.approx(expected)
    assert float(average.mean["bias"]) == pytest.approx(-expected)


def test_the_network_shows_the_mean_and_goes_on_from_its_own_weights():
    average, network = AverageWeights(layer(1.0), n_epochs=10), layer(3.0)
    average.update(network)
    with average.shown(network):
        assert torch.equal(network.weight, average.mean["weight"])
        assert 1 < network.weight.item() < 3
    assert network.weight.item() == 3
    average.give(network)
    assert torch.equal(network.weight, average.mean["weight"])


def test_buffers_stay_as_they_are():
    network = torch.nn.BatchNorm1d(2)
    average = AverageWeights(network, n_epochs=10)
    network.running_mean.fill_(4.0)
    with average.shown(network):
        assert network.running_mean.tolist() == [4, 4]
    assert set(average.mean) == {"weight", "bias"}
