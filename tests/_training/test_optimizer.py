import pickle

import pytest
import torch
from torch import nn

from skae._training.optimizer import (
    NAMED_OPTIMIZERS,
    load_arrays,
    make_optimizer,
    resolve_optimizer,
    state_as_arrays,
)

CLASSES = [*NAMED_OPTIMIZERS.values(), torch.optim.NAdam, torch.optim.Adagrad]
X = torch.randn(20, 6, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("name", NAMED_OPTIMIZERS)
def test_names_stand_for_torchs_classes(name):
    assert resolve_optimizer(name).__name__.lower() == name


@pytest.mark.parametrize("optimizer", CLASSES)
def test_classes_stand_for_themselves(optimizer):
    assert resolve_optimizer(optimizer) is optimizer


@pytest.mark.parametrize(
    "optimizer", ["Adam", "lion", None, 3, nn.Linear, torch.optim.SGD([torch.ones(1)], lr=1.0)]
)
def test_refuses_others(optimizer):
    with pytest.raises(ValueError, match=r"optimizer must be one of \['adam', 'adamw'"):
        resolve_optimizer(optimizer)


def decay_of(network, optimizer):
    """Return the weight decay of each parameter by its name."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    return {
        names[id(parameter)]: group["weight_decay"]
        for group in optimizer.param_groups
        for parameter in group["params"]
    }


@pytest.mark.parametrize("linear_path", [True, False])
def test_only_weights_of_the_residual_decay(make_network, linear_path):
    network = make_network(linear_path=linear_path)
    optimizer = make_optimizer(network, torch.optim.AdamW, 0.1, 0.3)
    decays = decay_of(network, optimizer)
    assert set(decays) == {name for name, _ in network.named_parameters()}
    assert {name for name, decay in decays.items() if decay} == {
        "encoder.0.weight",
        "encoder.2.weight",
        "decoder.0.weight",
        "decoder.2.weight",
    }
    assert set(decays.values()) == {0.0, 0.3}
    assert {group["lr"] for group in optimizer.param_groups} == {0.1}


@pytest.mark.parametrize("optimizer", CLASSES)
def test_weight_decay_takes_effect(make_network, optimizer):
    def trained(decay):
        network = make_network()
        train(network, make_optimizer(network, optimizer, 0.01, decay), 3)
        return network.state_dict()

    with_decay, without = trained(0.5), trained(0.0)
    assert not torch.equal(with_decay["encoder.0.weight"], without["encoder.0.weight"])


def train(network, optimizer, n_steps):
    for _ in range(n_steps):
        optimizer.zero_grad()
        network.sample_losses(X).mean().backward()
        optimizer.step()


@pytest.mark.parametrize("optimizer", CLASSES)
def test_training_goes_on_from_arrays_as_if_never_stopped(make_network, optimizer):
    straight = make_network()
    train(straight, make_optimizer(straight, optimizer, 0.01, 0.1), 6)

    stopped = make_network()
    before = make_optimizer(stopped, optimizer, 0.01, 0.1)
    train(stopped, before, 3)
    arrays = pickle.loads(pickle.dumps(state_as_arrays(before)))
    resumed = make_network()
    resumed.load_state_dict(stopped.state_dict())
    after = make_optimizer(resumed, optimizer, 0.01, 0.1)
    load_arrays(after, arrays)
    train(resumed, after, 3)
    for name, parameter in straight.named_parameters():
        assert torch.equal(parameter, resumed.get_parameter(name)), name


def test_arrays_are_copies_without_torch(make_network):
    network = make_network()
    optimizer = make_optimizer(network, torch.optim.AdamW, 0.01, 0.1)
    train(network, optimizer, 2)
    arrays = state_as_arrays(optimizer)
    assert arrays
    assert b"torch" not in pickle.dumps(arrays)
    before = pickle.dumps(arrays)
    train(network, optimizer, 2)
    assert pickle.dumps(arrays) == before
    load_arrays(optimizer, arrays)
    train(network, optimizer, 2)
    assert pickle.dumps(arrays) == before
