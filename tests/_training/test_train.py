"""From first weights to the best ones: losses, divergence and Ctrl-C."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from support.trainings import AtBatch, interrupt, spoil

from skae._training.optimizer import make_optimizer
from skae._training.schedule import constant
from skae._training.train import TrainingDivergedError, train
from skae._training.training_plan import TrainingPlan
from skae.architectures import Dense


def valid_loss(network, weights, X):
    network.load_state_dict(weights)
    with torch.no_grad():
        return float(network.eval().sample_losses(torch.from_numpy(X[40:]).float()).mean())


def test_training_helps_and_is_recorded(fit):
    history = fit().history
    assert history.columns.tolist() == [
        "epoch",
        "train_loss",
        "valid_loss",
        "learning_rate",
        "seconds",
        "train_reconstruction",
        "valid_reconstruction",
    ]
    assert history["epoch"].tolist() == [0, 1, 2, 3, 4]
    assert history["valid_loss"].iloc[-1] < 0.95 * history["valid_loss"].iloc[0]
    assert history["train_loss"].isna().tolist() == [True, False, False, False, False]
    assert (history["seconds"] > 0).all()


def test_best_weights_are_a_true_copy(fit, make_network, scaled):
    """The last epochs are the worst, so a copy that follows the training would be found out."""
    result = fit(n_epochs=6, callbacks=[AtBatch(13, spoil)], learning_rate=1e-3)
    losses = result.history["valid_loss"]
    assert losses.iloc[-1] > 2 * losses.min()
    assert result.best_loss == losses.min()
    assert result.best_epoch == losses.argmin() == 3
    restored = valid_loss(make_network(linear_path=False), result.weights, scaled)
    np.testing.assert_allclose(restored, losses.min(), rtol=1e-6)


def test_weights_before_the_first_epoch_take_part(fit, make_network, scaled):
    network = make_network(linear_path=False)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    result = fit(network, callbacks=[AtBatch(1, spoil)], learning_rate=1e-6)
    assert result.best_epoch == 0
    assert result.best_loss == result.history["valid_loss"][0]
    for name, tensor in before.items():
        assert torch.equal(result.weights[name], tensor)
    restored = valid_loss(make_network(linear_path=False), before, scaled)
    np.testing.assert_allclose(restored, result.best_loss, rtol=1e-6)


def test_without_selection_the_last_weights_are_kept(fit, make_network):
    network = make_network(linear_path=False)
    result = fit(network, selects=False)
    assert result.best_epoch == 4
    assert result.best_loss == result.history["train_loss"].iloc[-1]
    assert result.history["valid_loss"].isna().all()
    for name, tensor in network.state_dict().items():
        assert torch.equal(result.weights[name], tensor)


def test_losses_are_means_over_rows(fit, make_network, make_batches, scaled):
    """Batches of unlike size: a mean of their means would be another number."""
    network = make_network(linear_path=False)
    with torch.no_grad():
        losses = network.sample_losses(torch.from_numpy(scaled).float()).numpy()
    weight = np.linspace(0.1, 3, 60)
    plan = TrainingPlan(1, 9, 1e-12, torch.optim.SGD, 0.0, constant)
    result = train(
        network,
        make_batches(scaled[:40], 9, sample_weight=weight[:40]),
        make_batches(scaled[40:], 7, seed=None, sample_weight=weight[40:]),
        plan,
    )
    expected = np.average(losses[40:], weights=weight[40:])
    np.testing.assert_allclose(result.history["valid_loss"], expected, rtol=1e-5)
    expected = np.average(losses[:40], weights=weight[:40])
    np.testing.assert_allclose(result.history["train_loss"][1], expected, rtol=1e-5)


def test_weights_of_rows_take_effect(fit, make_network, make_batches, scaled):
    """Rows of weight zero could as well not be there."""
    weight = np.r_[np.ones(20), np.zeros(20)]
    plan = TrainingPlan(5, 20, 0.01, torch.optim.AdamW, 0.0, constant)
    halves = []
    for X, w in ((scaled[:40], weight), (scaled[:20], weight[:20])):
        network = make_network(linear_path=False)
        train(network, make_batches(X, 1000, seed=0, sample_weight=w), None, plan)
        halves.append(network)
    for a, b in zip(*(network.parameters() for network in halves), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def burst(net):
    with torch.no_grad():
        net.module_.decoder[-1].bias.fill_(float("inf"))


def test_divergence_names_the_epoch(fit):
    with pytest.raises(TrainingDivergedError, match=r"loss became \w+ in epoch 2, .*learning_rate"):
        fit(callbacks=[AtBatch(6, burst)], selects=False)


def test_divergence_after_better_weights_keeps_them(fit):
    with pytest.warns(ConvergenceWarning, match=r"diverged in epoch 2: .* epoch 1 are kept"):
        result = fit(callbacks=[AtBatch(6, burst)])
    assert result.best_epoch == 1
    assert len(result.history) == 3
    assert not any(torch.isinf(w).any() for n, w in result.weights.items() if "bias" in n)
    assert np.isfinite(result.best_loss)


@pytest.mark.parametrize("start_counts", [True, False])
def test_divergence_in_the_first_epoch_keeps_a_start_that_counts(fit, start_counts):
    plan = {"callbacks": [AtBatch(1, burst)], "start_counts": start_counts}
    if not start_counts:
        with pytest.raises(TrainingDivergedError, match="in epoch 1, and nothing was fitted"):
            fit(**plan)
        return
    with pytest.warns(ConvergenceWarning, match="epoch 1: .* epoch 0 are kept, the start"):
        assert fit(**plan).best_epoch == 0


def test_divergence_by_the_learning_rate(fit):
    with pytest.raises(TrainingDivergedError, match="_loss became"):
        fit(optimizer=torch.optim.SGD, learning_rate=1e20, schedule=constant, selects=False)


def test_divergence_before_the_first_epoch(fit, make_network):
    network = make_network(linear_path=False)
    torch.nn.init.constant_(network.decoder[-1].bias, float("nan"))
    with pytest.raises(TrainingDivergedError, match="valid_loss became nan in epoch 0"):
        fit(network)


def test_divergence_is_a_value_error():
    assert issubclass(TrainingDivergedError, ValueError)


def test_ctrl_c_keeps_the_best_weights(fit, make_network, scaled):
    def spoil_and_interrupt(net):
        spoil(net)
        interrupt(net)

    result = fit(callbacks=[AtBatch(10, spoil_and_interrupt)])
    assert result.interrupted
    assert result.history["epoch"].tolist() == [0, 1, 2]
    assert result.best_loss == result.history["valid_loss"].min()
    restored = valid_loss(make_network(linear_path=False), result.weights, scaled)
    np.testing.assert_allclose(restored, result.best_loss, rtol=1e-6)


def test_ctrl_c_in_the_first_batch(fit):
    result = fit(callbacks=[AtBatch(1, interrupt)])
    assert result.interrupted
    assert result.best_epoch == 0
    assert result.history["epoch"].tolist() == [0]


def test_same_seed_same_weights(fit, make_network):
    first, same, other = (fit(seed=seed).weights for seed in (0, 0, 1))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_layers_draw_from_the_generator_of_the_training(fit, make_network):
    """Dropout as well: the same seed makes the same weights, whatever torch's own generator."""

    def trained(seed):
        architecture = Dense((8,), dropout=0.5)
        return fit(make_network(linear_path=False, architecture=architecture), seed=seed).weights

    with torch.random.fork_rng():
        first = trained(0)
        torch.manual_seed(99)
        same, other = trained(0), trained(1)
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["encoder.0.weight"], other["encoder.0.weight"])


def test_goes_on_with_the_state_of_the_optimizer(fit, make_network):
    """A pass after a pass is two passes, but only with the moments of the first."""

    def second_pass(optimizer_state):
        network = make_network(linear_path=False)
        network.load_state_dict(first.weights)
        plan = {"n_epochs": 1, "schedule": constant, "selects": False, "seed": 1}
        return fit(network, optimizer_state=optimizer_state, **plan).weights

    first = fit(n_epochs=1, schedule=constant, selects=False, seed=0)
    with_state, without = second_pass(first.optimizer_state), second_pass(None)
    assert not torch.equal(with_state["encoder.0.weight"], without["encoder.0.weight"])
    assert first.optimizer_state.keys() == make_state_keys(make_network(linear_path=False))


def make_state_keys(network):
    optimizer = make_optimizer(network, torch.optim.AdamW, 0.01, 0.0)
    return {i: None for i in range(sum(len(g["params"]) for g in optimizer.param_groups))}.keys()


def test_the_result_cannot_be_changed(fit):
    with pytest.raises(FrozenInstanceError):
        fit(n_epochs=1).best_epoch = 3
