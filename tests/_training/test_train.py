import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback, EarlyStopping

from skae._training import autoencoder_net as net
from skae._training.optimizer import make_optimizer
from skae._training.schedule import constant, one_cycle
from skae._training.train import TrainingDivergedError, train
from skae._training.training_plan import TrainingPlan
from skae.kinds import Kind


@pytest.fixture
def scaled(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


@pytest.fixture
def fit(make_network, make_batches, scaled):
    """Return a function that trains on 40 rows, selects by 20, and returns what came of it."""

    def fit(network=None, X=scaled, selects=True, optimizer_state=None, seed=0, **plan):
        network = network or make_network(linear_path=False)
        plan = {
            "n_epochs": 4,
            "batch_size": 10,
            "learning_rate": 0.01,
            "optimizer": torch.optim.AdamW,
            "weight_decay": 0.0,
            "schedule": one_cycle,
            **plan,
        }
        training = make_batches(X[:40], plan["batch_size"], seed=seed)
        selection = make_batches(X[40:], 7, seed=None) if selects else None
        return train(network, training, selection, TrainingPlan(**plan), optimizer_state)

    return fit


def valid_loss(network, weights, X):
    network.load_state_dict(weights)
    with torch.no_grad():
        return float(network.eval().sample_losses(torch.from_numpy(X[40:]).float()).mean())


class AtBatch(Callback):
    """Does something at the end of a training batch, counted from 1."""

    def __init__(self, number, action):
        self.number, self.action = number, action
        self.seen = 0

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        self.seen += training
        if training and self.seen == self.number:
            self.action(net)


def interrupt(net):
    raise KeyboardInterrupt


def spoil(net):
    """Make the network useless, without making it unfit for numbers."""
    with torch.no_grad():
        for parameter in net.module_.parameters():
            parameter.add_(5.0)


def test_training_helps_and_is_recorded(fit):
    history = fit().history
    assert history.columns.tolist() == [
        "epoch",
        "train_loss",
        "valid_loss",
        "learning_rate",
        "seconds",
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
    for name, parameter in network.named_parameters():
        assert not torch.equal(parameter, before[name])
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


def test_skorchs_early_stopping_ends_in_peace(fit):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = fit(
            n_epochs=50,
            learning_rate=1e-9,
            callbacks=[EarlyStopping(patience=2, threshold=0.1, sink=lambda *args: None)],
        )
    assert len(result.history) < 10


class StopAfter(Callback):
    """Stops as skorch's callbacks do."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        if net.history[-1, "epoch"] == self.epoch:
            raise KeyboardInterrupt


def test_the_epoch_in_which_a_callback_stops_is_recorded(fit):
    result = fit(callbacks=[StopAfter(2)])
    assert result.history["epoch"].tolist() == [0, 1, 2]
    assert result.best_epoch <= result.history["epoch"].iloc[-1]
    assert result.best_loss in result.history["valid_loss"].tolist()


def test_on_epoch_sees_each_row_and_may_stop(fit):
    rows = []

    def on_epoch(record, weights):
        rows.append((record, {name: tensor.clone() for name, tensor in weights().items()}))
        return len(rows) == 3

    result = fit(n_epochs=10, on_epoch=on_epoch)
    assert [record["epoch"] for record, _ in rows] == [1, 2, 3]
    assert result.history["epoch"].tolist() == [0, 1, 2, 3]
    for record, _ in rows:
        assert record == result.history.iloc[record["epoch"]].to_dict()
    best = rows[result.best_epoch - 1][1]
    assert all(torch.equal(best[name], result.weights[name]) for name in best)


@pytest.mark.parametrize("patience", [1, 3])
def test_patience_counts_epochs_without_a_gain(fit, patience):
    result = fit(n_epochs=30, callbacks=[AtBatch(9, spoil)], learning_rate=1e-3, patience=patience)
    assert result.best_epoch == 2
    assert result.history["epoch"].iloc[-1] == 2 + patience


def test_patience_without_selection_runs_all_epochs(fit):
    assert fit(selects=False, patience=1).history["epoch"].iloc[-1] == 4


class Watching(Kind):
    """Keeps what it was asked for."""

    def __init__(self):
        self.corrupted = []
        self.with_generator = []

    def corrupt(self, X, features, generator):
        self.corrupted.append(len(X))
        return torch.zeros_like(X)

    def code(self, encoder_output, generator=None, state=None):
        self.with_generator.append(generator is not None)
        return encoder_output


def test_validation_is_in_eval_mode_with_the_corruption_of_training(fit, make_network, scaled):
    kind = Watching()
    network = make_network(kind=kind, linear_path=False)
    modes = []
    network.register_forward_hook(lambda module, *args: modes.append(module.training))
    clean = valid_loss(network, network.state_dict(), scaled)
    assert not any(kind.with_generator)
    assert not kind.corrupted
    shown, target = torch.zeros(20, 6), torch.from_numpy(scaled[40:]).float()
    with torch.no_grad():
        corrupted = float((network.decode(network.encode(shown)) - target).square().mean())
    modes.clear()
    kind.with_generator.clear()
    result = fit(network)
    # 20 rows of validation make three batches, 40 of training four.
    assert modes == [False] * 3 + ([True] * 4 + [False] * 3) * 4
    assert all(kind.with_generator)
    assert sum(kind.corrupted) == 4 * 40 + 5 * 20
    np.testing.assert_allclose(result.history["valid_loss"][0], corrupted, rtol=1e-6)
    assert abs(corrupted - clean) > 1e-3 * clean


def test_learning_rate_follows_the_schedule(fit):
    """Of 16 batches, the last one begins when 15 are done."""
    seen = []

    class Look(Callback):
        def on_batch_begin(self, net, batch=None, training=None, **kwargs):
            if training:
                seen.append({group["lr"] for group in net.optimizer_.param_groups})

    history = fit(schedule=lambda done: 1 - done, callbacks=[Look()]).history
    np.testing.assert_allclose(
        [rate for rates in seen for rate in rates], 0.01 * (1 - np.arange(16) / 16)
    )
    np.testing.assert_allclose(history["learning_rate"][1:], 0.01 * np.array([13, 9, 5, 1]) / 16)


def test_last_learning_rate_is_near_zero(fit):
    rates = fit(n_epochs=20).history["learning_rate"]
    assert 0 < rates.iloc[-1] < 0.01 * rates.max()


def test_users_callbacks_are_called(fit):
    expected = {"on_train_begin": 1, "on_train_end": 1, "on_epoch_begin": 2, "on_epoch_end": 2}
    on_batches = ["on_batch_begin", "on_batch_end", "on_grad_computed"]

    class Counting(Callback):
        def __init__(self):
            self.calls = []

    for name in (*expected, *on_batches):
        setattr(Counting, name, lambda self, net, name=name, **kwargs: self.calls.append(name))
    first, second = Counting(), Counting()
    fit(n_epochs=2, callbacks=[first, second])
    for counting in (first, second):
        assert {name: counting.calls.count(name) for name in expected} == expected
        n_batches = [counting.calls.count(name) for name in on_batches]
        # Those that rows are selected by are no batches to compute gradients for.
        assert n_batches[0] == n_batches[1] > n_batches[2] == 2 * 4


def test_callbacks_that_do_not_listen_are_not_called(fit):
    """Of a small network's training, calling them for each batch takes a tenth of the time."""
    looked_up = []

    class Silent(Callback):
        def __getattribute__(self, name):
            if name.startswith("on_batch"):
                looked_up.append(name)
            return super().__getattribute__(name)

    fit(n_epochs=2, callbacks=[Silent()])
    assert len(looked_up) <= 2


def test_training_begins_before_anything_else_that_callbacks_see(fit):
    """Callbacks make what they need in on_train_begin, as skae's own do."""

    class Prepared(Callback):
        def on_train_begin(self, net, X=None, y=None, **kwargs):
            self.n_batches_ = 0

        def on_batch_end(self, net, batch=None, training=None, **kwargs):
            self.n_batches_ += 1

    fit(callbacks=[Prepared()])


def test_same_seed_same_weights(fit, make_network):
    first, same, other = (fit(seed=seed).weights for seed in (0, 0, 1))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 0.003},
        {"batch_size": 20},
        {"optimizer": torch.optim.SGD},
        {"weight_decay": 0.5},
        {"schedule": constant},
        {"precision": "bfloat16"},
        {"n_epochs": 3},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_part_of_the_plan_takes_effect(fit, change):
    default, changed = fit().weights, fit(**change).weights
    assert not torch.equal(default["encoder.0.weight"], changed["encoder.0.weight"])
    assert {tensor.dtype for tensor in changed.values()} == {torch.float32}


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


def test_repelled_rows_are_rebuilt_badly(fit, make_network, scaled):
    """Also where the network could rebuild all of them."""
    losses = {}
    for name, repelled in (("none", None), ("some", torch.from_numpy(scaled[40:45]).float())):
        network = make_network(n_components=6, linear_path=False)
        fit(network, selects=False, n_epochs=60, repelled=repelled)
        with torch.no_grad():
            losses[name] = network.eval().sample_losses(torch.from_numpy(scaled).float())
    assert losses["some"][40:45].mean() > 5 * losses["none"][40:45].mean()
    assert losses["some"][40:45].mean() > 5 * losses["some"][:40].mean()


def test_of_many_repelled_rows_some_are_looked_at(fit, scaled, monkeypatch):
    monkeypatch.setattr(net, "_MOST_REPELLED", 3)
    looked_at, losses = [], net.AutoencoderNet._training_losses
    monkeypatch.setattr(
        net.AutoencoderNet,
        "_training_losses",
        lambda self, rows, *others: looked_at.append(len(rows)) or losses(self, rows, *others),
    )
    fit(n_epochs=1, repelled=torch.from_numpy(scaled[40:]).float())
    assert looked_at == [10, 3] * 4


def test_batches_are_paced(fit, monkeypatch):
    """So that threads can be given up in the middle of an epoch."""
    paced = []
    monkeypatch.setattr(net, "paced", lambda items: (paced.append(item) or item for item in items))
    fit(n_epochs=2)
    assert len(paced) == 2 * 4
