import pickle

import pytest
import torch
from torch import nn

from skae._training.optimizer import (
    NAMED_OPTIMIZERS,
    load_arrays,
    make_optimizer,
    rate_factor,
    resolve_optimizer,
    state_as_arrays,
    treats_weights_alone,
)
from skae.kinds import KINDS

CLASSES = [*NAMED_OPTIMIZERS.values(), torch.optim.NAdam, torch.optim.Adagrad]
X = torch.randn(20, 6, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("name", sorted({*NAMED_OPTIMIZERS} - {"sgd"}))
def test_names_stand_for_torchs_classes(name):
    assert resolve_optimizer(name).__name__.lower() == name


def test_sgd_has_momentum_by_name():
    assert made(resolve_optimizer("sgd")).defaults["momentum"] == 0.9
    assert made(resolve_optimizer("sgd", {"momentum": 0.5})).defaults["momentum"] == 0.5
    assert made(resolve_optimizer(torch.optim.SGD)).defaults["momentum"] == 0


def made(optimizer):
    return optimizer([torch.zeros(2, requires_grad=True)], lr=0.1)


@pytest.mark.parametrize("optimizer", ["adamw", torch.optim.Adam])
def test_parameters_are_handed_on(optimizer):
    params = {"betas": (0.5, 0.9), "eps": 1e-3}
    found = made(resolve_optimizer(optimizer, params)).defaults
    assert (found["betas"], found["eps"]) == ((0.5, 0.9), 1e-3)


@pytest.mark.parametrize(
    ("params", "error", "said"),
    [
        ({"momentum": 0.9}, ValueError, "'momentum', which is no parameter of AdamW: it has betas"),
        ({"lr": 0.1}, ValueError, "'lr', which skae sets itself: give learning_rate of the est"),
        ({"weight_decay": 0.1}, ValueError, "give weight_decay of the estimator"),
        ({"fused": True}, ValueError, "'fused', which skae sets itself: leave it out"),
        ({"betas": (2.0, 0.9)}, ValueError, r"\{'betas': \(2.0, 0.9\)\} is refused by AdamW: Inv"),
        ([("eps", 1e-3)], TypeError, "must be None or a dictionary of parameters of AdamW"),
        ({1: 2}, TypeError, "must be None or a dictionary"),
    ],
)
def test_refuses_parameters_by_name(params, error, said):
    with pytest.raises(error, match=said):
        resolve_optimizer("adamw", params)


def test_the_rate_of_sgd_makes_up_for_small_gradients():
    mean, total = KINDS["undercomplete"](), KINDS["variational"]()
    for name in ("adamw", "adam", "rmsprop"):
        assert rate_factor(resolve_optimizer(name), mean, 50) == 1
    plain, sgd = torch.optim.SGD, resolve_optimizer("sgd")
    assert rate_factor(plain, mean, 50) == 50 * rate_factor(plain, total, 50)
    assert rate_factor(sgd, mean, 50) == pytest.approx(rate_factor(plain, mean, 50) / 10)


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


@pytest.mark.parametrize("optimizer", [*CLASSES, resolve_optimizer("sgd")])
def test_weight_decay_is_decoupled_from_the_gradients(make_network, optimizer):
    """One step: the weights of the residual shrink, and then move as without decay."""
    ends = {}
    start = make_network().state_dict()
    for decay in (0.0, 0.5):
        network = make_network()
        rate = 0.01 * rate_factor(optimizer, network.kind, network.n_features)
        train(network, make_optimizer(network, optimizer, rate, decay), 1)
        ends[decay] = network.state_dict()
    for name, weights in ends[0.5].items():
        decays = name in {f"{part}.{i}.weight" for part in ("encoder", "decoder") for i in (0, 2)}
        shrunk = 0.01 * 0.5 * start[name] if decays else 0.0
        torch.testing.assert_close(weights, ends[0.0][name] - shrunk, rtol=1e-4, atol=1e-7)


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


def test_other_parameters_may_hold_the_weights(make_network):
    decaying, other = (nn.Parameter(torch.ones(6)) for _ in range(2))
    optimizer = make_optimizer(make_network(), torch.optim.AdamW, 0.1, 0.5, ([decaying], [other]))
    decaying.grad, other.grad = torch.zeros(6), torch.zeros(6)
    optimizer.step()
    torch.testing.assert_close(decaying.detach(), torch.full((6,), 1 - 0.1 * 0.5))
    assert other.eq(1).all()


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_named_optimizers_treat_each_weight_on_its_own(optimizer):
    assert treats_weights_alone(resolve_optimizer(optimizer))
    assert not treats_weights_alone(torch.optim.NAdam)
