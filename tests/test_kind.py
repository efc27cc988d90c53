"""What every kind must do, and that each hook of a user's own kind takes effect."""

import pytest
import torch
from sklearn.base import clone

from skae.kinds import KINDS, ForwardPass, Kind

every_kind = pytest.mark.parametrize("name", KINDS)


def rows():
    return torch.randn(5, 6, generator=torch.Generator().manual_seed(3))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@every_kind
def test_corruption_leaves_the_rows_alone(name, generator):
    X = rows()
    before = X.clone()
    shown = KINDS[name]().corrupt(X, generator)
    assert shown.shape == X.shape
    assert shown.dtype == X.dtype
    assert torch.equal(X, before)


@every_kind
def test_same_generator_same_losses(name, make_network):
    network = make_network(kind=KINDS[name]())
    X = rows()
    assert torch.equal(network.sample_losses(X, seeded(1)), network.sample_losses(X, seeded(1)))


@every_kind
def test_inference_is_deterministic(name, make_network):
    network = make_network(kind=KINDS[name]()).eval()
    X = rows()
    code = network.encode(X)
    assert code.shape == (5, 2)
    assert torch.equal(code, network.encode(X))
    assert torch.equal(network.sample_losses(X), network.sample_losses(X))


@every_kind
def test_one_objective_for_each_row_with_a_gradient(name, make_network, generator):
    network = make_network(kind=KINDS[name](), linear_path=False)
    losses = network.sample_losses(rows(), generator)
    assert losses.shape == (5,)
    losses.mean().backward()
    for parameter in network.parameters():
        assert torch.isfinite(parameter.grad).all()
        assert (parameter.grad != 0).any()


@every_kind
def test_parameters_are_scikit_learns(name):
    kind = KINDS[name]()
    assert clone(kind).get_params() == kind.get_params()


@every_kind
def test_feature_reduction_is_one_of_two(name):
    assert KINDS[name].feature_reduction in ("mean", "sum")


class Corrupting(Kind):
    """Shows noise of a size, and counts how often it was asked to."""

    def __init__(self, size=1.0):
        self.size = size

    def corrupt(self, X, generator):
        return X + self.size * torch.randn(X.shape, generator=generator)


class Drawing(Kind):
    """Has a mean and a spread for each value of the code, and draws in training."""

    def n_encoder_outputs(self, n_components):
        return 2 * n_components

    def code(self, encoder_output, generator=None, state=None):
        mean, spread = encoder_output.chunk(2, dim=1)
        if generator is None:
            return mean
        return mean + spread.exp() * torch.randn(mean.shape, generator=generator)


class Penalised(Kind):
    """Adds the squared length of the code, and keeps what it was shown."""

    def added_loss(self, forward_pass):
        self.seen_ = forward_pass
        return forward_pass.code.square().sum(1)


class Summed(Kind):
    feature_reduction = "sum"


def test_corrupt_acts_in_training_only(make_network):
    plain, noisy = make_network(), make_network(kind=Corrupting())
    X = rows()
    assert torch.equal(noisy.sample_losses(X), plain.sample_losses(X))
    assert not torch.allclose(noisy.sample_losses(X, seeded()), plain.sample_losses(X))
    assert torch.equal(noisy.encode(X), plain.encode(X))


def test_corrupted_rows_are_compared_with_the_clean_ones(make_network):
    network = make_network(kind=Corrupting(size=2.0))
    X = rows()
    output, forward_pass = network(X, seeded())
    assert torch.equal(forward_pass.target, X)
    assert torch.equal(forward_pass.shown, network.kind.corrupt(X, seeded()))
    assert torch.equal(network.sample_losses(X, seeded()), (output - X).square().mean(1))


def test_code_draws_in_training_only(make_network):
    network = make_network(kind=Drawing())
    X = rows()
    mean = network.encoder_output(X)[:, :2]
    assert network.encoder_output(X).shape == (5, 4)
    assert torch.equal(network.encode(X), mean)
    assert torch.equal(network(X)[1].code, mean)
    assert not torch.allclose(network(X, seeded())[1].code, mean)


def test_linear_path_leads_to_the_first_encoder_outputs(make_network):
    network = make_network(kind=Drawing())
    X = rows()
    output = network.encoder_output(X)
    torch.testing.assert_close(output[:, :2], network.linear_encoder(X))
    assert (output[:, 2:] == 0).all()


def test_penalty_is_added_to_each_row(make_network):
    plain, penalised = make_network(), make_network(kind=Penalised())
    X = rows()
    added = penalised.sample_losses(X) - plain.sample_losses(X)
    torch.testing.assert_close(added, plain.encode(X).square().sum(1))


def test_penalty_sees_the_whole_forward_pass(make_network):
    network = make_network(kind=Penalised())
    X = rows()
    network.sample_losses(X, seeded())
    seen = network.kind.seen_
    assert isinstance(seen, ForwardPass)
    assert torch.equal(seen.target, X)
    assert torch.equal(seen.shown, X)
    assert torch.equal(seen.encoder_output, network.encoder_output(X))
    assert torch.equal(seen.code, seen.encoder_output)
    assert torch.equal(seen.encode(X), seen.encoder_output)


def test_penalty_has_a_gradient(make_network):
    network = make_network(kind=Penalised())
    plain = make_network()
    for each in (network, plain):
        each.sample_losses(rows()).mean().backward()
    assert not torch.allclose(network.linear_encoder.weight.grad, plain.linear_encoder.weight.grad)


def test_feature_reduction(make_network):
    X = rows()
    mean, summed = make_network().sample_losses(X), make_network(kind=Summed()).sample_losses(X)
    torch.testing.assert_close(summed, 6 * mean)
