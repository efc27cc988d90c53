"""The weights with the lowest validation loss."""

import math

import pytest
import torch

from skae._training.best_weights import BestWeights


def layer(value):
    made = torch.nn.utils.skip_init(torch.nn.Linear, 2, 1)  # nothing is drawn
    torch.nn.init.constant_(made.weight, value)
    torch.nn.init.constant_(made.bias, -value)
    return made


def value_of(best):
    return float(best.weights["weight"][0, 0])


def test_the_lowest_loss_wins_and_the_first_of_equals():
    best = BestWeights()
    losses = [3.0, 4.0, 2.0, 2.0, math.nan, 2.5, 1.0, math.inf]
    kept = [best.offer(layer(i), loss, i) for i, loss in enumerate(losses)]
    assert kept == [True, False, True, False, False, False, True, False]
    assert (best.loss, best.epoch, value_of(best)) == (1.0, 6, 6.0)


@pytest.mark.parametrize("loss", [math.inf, math.nan, 1e300, -5.0])
def test_the_first_weights_are_kept_whatever_their_loss(loss):
    best = BestWeights()
    assert best.offer(layer(7.0), loss, 0)
    assert value_of(best) == 7
    assert best.loss == loss or math.isnan(loss)


def test_weights_are_a_true_copy_with_all_buffers():
    network = torch.nn.BatchNorm1d(3)
    best = BestWeights()
    best.offer(network, 1.0, 2)
    assert best.weights.keys() == network.state_dict().keys()
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.add_(1)
    assert best.weights["weight"].tolist() == [1, 1, 1]
    assert best.weights["running_mean"].tolist() == [0, 0, 0]
    assert not any(tensor.requires_grad for tensor in best.weights.values())


def test_a_new_one_has_nothing():
    best = BestWeights()
    assert (best.weights, best.loss, best.epoch) == ({}, math.inf, 0)
