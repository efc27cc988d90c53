"""The order of events in a training, what ends it, and what goes on from a saved state."""

import gc
import warnings
import weakref

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping
from support.trainings import AtBatch, interrupt, spoil

from skae._storage.nested import packed, unpacked
from skae._training import autoencoder_net as net
from skae._training.autoencoder_net import AutoencoderNet, WeightedMean
from skae._training.average_weights import AverageWeights
from skae._training.train import TrainingDivergedError, train
from skae.corruptions import Gaussian
from skae.kinds import Denoising, Kind


def test_weighted_mean_is_numpys():
    losses, weight = np.random.default_rng(0).uniform(0.1, 1, (2, 9))
    found = WeightedMean()(torch.from_numpy(losses), torch.from_numpy(weight))
    assert float(found) == pytest.approx(np.average(losses, weights=weight))


# --- the order of events


class Recorder(Callback):
    """Notes each call, and what the net was like at that moment."""

    def __init__(self):
        self.log, self.rows, self.best = [], [], []

    def on_train_begin(self, net, **kwargs):
        self.log.append("train begins")

    def on_epoch_begin(self, net, **kwargs):
        self.log.append("epoch begins")

    def on_batch_begin(self, net, training=None, **kwargs):
        self.log.append("batch begins" if training else "validation batch begins")

    def on_grad_computed(self, net, **kwargs):
        self.log.append("gradients")

    def on_batch_end(self, net, training=None, **kwargs):
        self.log.append("batch ends" if training else "validation batch ends")

    def on_epoch_end(self, net, **kwargs):
        self.log.append("epoch ends")
        self.rows.append({name: v for name, v in net.history[-1].items() if name != "batches"})
        if net.best_ is not None:
            weights = {name: tensor.clone() for name, tensor in net.best_.weights.items()}
            self.best.append((net.best_.epoch, net.best_.loss, weights))

    def on_train_end(self, net, **kwargs):
        self.log.append("train ends")


@pytest.fixture
def run(make_network, make_batches, make_plan, scaled):
    """Return a function that trains with all that `train` takes."""

    def run(state=None, save=None, selects=True, seed=0, kind=None, network=None, **plan):
        plan = make_plan(**{"n_epochs": 2, **plan})
        network = network or make_network(linear_path=False, kind=kind, seed=seed)
        training = make_batches(scaled[:40], plan.batch_size, seed=0)
        validation = make_batches(scaled[40:], 10, seed=None) if selects else None
        return train(network, training, validation, plan, state=state, save=save)

    return run


@pytest.mark.parametrize("selects", [True, False])
def test_events_are_in_the_order_that_is_stated(run, selects):
    recorder = Recorder()

    def on_epoch(record, weights):
        recorder.log.append("report")
        return False

    run(
        save=lambda capture: recorder.log.append("save"),
        selects=selects,
        batch_size=20,
        callbacks=[recorder],
        on_epoch=on_epoch,
    )
    of_batch = ["batch begins", "gradients", "batch ends", "save"]
    of_validation = ["validation batch begins", "validation batch ends"] * 2 if selects else []
    of_epoch = ["epoch begins", *of_batch * 2, *of_validation, "epoch ends", "report"]
    assert recorder.log == ["train begins", *of_epoch * 2, "train ends"]


def test_the_row_is_complete_and_the_best_weights_are_kept_before_the_epoch_ends(run):
    recorder = Recorder()
    at_report = []
    result = run(
        n_epochs=3,
        learning_rate=1e-3,
        callbacks=[AtBatch(9, spoil), recorder],
        on_epoch=lambda record, weights: bool(at_report.append(record)),
    )
    assert [epoch for epoch, *_ in recorder.best] == [1, 2, 2]  # epoch 3 is spoilt
    for row, record in zip(recorder.rows, at_report, strict=True):
        assert {name: row[name] for name in record if name != "seconds"} == {
            name: value for name, value in record.items() if name != "seconds"
        }
        assert np.isfinite([row["train_loss"], row["valid_loss"], row["learning_rate"]]).all()
    assert [row["valid_loss_best"] for row in recorder.rows] == [True, True, False]
    assert [loss for _, loss, _ in recorder.best] == [
        row["valid_loss"] for row in (*recorder.rows[:2], recorder.rows[1])
    ]
    for name, tensor in result.weights.items():
        assert torch.equal(tensor, recorder.best[1][2][name])


def test_changes_of_a_callback_at_the_end_of_a_batch_are_saved(run):
    def zero(net):
        with torch.no_grad():
            net.module_.decoder[-1].bias.fill_(0.25)

    saved = []
    run(
        save=lambda capture: saved.append(capture()["weights"]["decoder.2.bias"].clone()),
        callbacks=[AtBatch(1, zero)],
    )
    assert (saved[0] == 0.25).all()
    assert not (saved[1] == 0.25).all()


@pytest.mark.parametrize("selects", [True, False])
def test_row_0_is_the_network_before_its_first_epoch(run, make_network, scaled, selects):
    history = run(selects=selects).history
    assert np.isnan(history["train_loss"][0])
    assert np.isnan(history["learning_rate"][0])
    if selects:
        expected = valid_loss(make_network(linear_path=False), None, scaled)
        assert history["valid_loss"][0] == pytest.approx(expected, rel=1e-6)
    else:
        assert np.isnan(history["valid_loss"][0])


def test_validation_draws_the_same_in_each_epoch(run):
    """Weights that stand still have the same validation loss, though it is one of noisy rows."""
    history = run(n_epochs=3, learning_rate=0.0, kind=Denoising(Gaussian(0.5))).history
    assert history["valid_loss"].nunique() == 1
    assert history["train_loss"][1:].nunique() == 3


# --- what ends a training


def stopping(what, epoch):
    """Return the part of a plan that ends a training after an epoch."""
    return {
        "callback": {"callbacks": [StopAfter(epoch)]},
        "report": {"on_epoch": lambda record, weights: record["epoch"] == epoch},
        "patience": {"patience": 1, "callbacks": [AtBatch(4 * epoch - 3, spoil)]},
    }[what]


@pytest.mark.parametrize("what", ["callback", "report", "patience"])
@pytest.mark.parametrize("epoch", [2, 4])
def test_each_reason_alone_ends_the_training(run, what, epoch):
    recorder = Recorder()
    plan = stopping(what, epoch)
    plan = {**plan, "callbacks": [*plan.get("callbacks", []), recorder]}
    result = run(n_epochs=6, learning_rate=1e-3, **plan)
    assert result.history["epoch"].iloc[-1] == epoch
    assert not result.interrupted
    assert recorder.log[-1] == "train ends"
    assert recorder.log.count("epoch begins") == epoch


def test_without_a_reason_all_epochs_are_run(run):
    assert run(n_epochs=6).history["epoch"].iloc[-1] == 6


def test_an_epoch_in_which_a_callback_stops_is_reported_too(run):
    reported = []
    run(
        n_epochs=5,
        callbacks=[StopAfter(2)],
        on_epoch=lambda record, weights: bool(reported.append(record["epoch"])),
    )
    assert reported == [1, 2]


def test_the_training_ends_for_callbacks_also_if_it_is_interrupted_or_diverges(run):
    recorder = Recorder()
    assert run(callbacks=[recorder, AtBatch(2, interrupt)]).interrupted
    assert recorder.log[-1] == "train ends"

    def burst(net):
        net.module_.decoder[-1].bias.data.fill_(float("nan"))

    recorder = Recorder()
    with pytest.raises(TrainingDivergedError):
        run(callbacks=[recorder, AtBatch(1, burst)], selects=False)
    assert recorder.log[-1] == "epoch ends"  # an error is one: nothing ended in peace


# --- averages of the weights


class WeightsSeen(Callback):
    """Notes the weights after the last batch of an epoch, and at its end."""

    def __init__(self):
        self.trained, self.shown, self.losses = {}, [], []

    def on_batch_end(self, net, training=None, **kwargs):
        if training:
            self.trained[len(self.shown)] = self.of(net)

    def on_epoch_end(self, net, **kwargs):
        self.shown.append(self.of(net))

    @staticmethod
    def of(net):
        return {name: w.detach().clone() for name, w in net.module_.named_parameters()}


@pytest.mark.parametrize("selects", [True, False])
def test_averages_are_validated_and_kept(run, make_network, selects):
    network = make_network(linear_path=False)
    average = AverageWeights(network, n_epochs=3)
    means, seen = [], WeightsSeen()
    rate = {"learning_rate": 0.05, "n_epochs": 3}
    result = run(averages=True, selects=selects, callbacks=[seen], network=network, **rate)
    for epoch in range(3):
        for name, weights in seen.trained[epoch].items():
            average.mean[name].lerp_(weights, 1 - average.decay)
        means.append({name: weights.clone() for name, weights in average.mean.items()})
        for name, weights in means[-1].items():
            torch.testing.assert_close(seen.shown[epoch][name], weights)
    assert any((seen.trained[2][name] - w).abs().max() > 1e-4 for name, w in means[-1].items())
    assert result.best_epoch == 3
    for name, weights in means[-1].items():
        torch.testing.assert_close(result.weights[name], weights)


def test_the_training_itself_does_not_see_the_averages(run):
    plain, averaged = WeightsSeen(), WeightsSeen()
    run(callbacks=[plain])
    run(callbacks=[averaged], averages=True)
    for name, weights in plain.trained[1].items():
        assert torch.equal(averaged.trained[1][name], weights)


# --- going on from a saved state


class Noisy(Denoising):
    """A kind that draws in each batch, and remembers something of the training."""

    def new_state(self, n_components):
        state = torch.nn.Module()
        state.register_buffer("n_batches", torch.zeros(()))
        return state

    def code(self, encoder_output, generator=None, state=None):
        if state.training and generator is not None:
            state.n_batches += 1
        return encoder_output

    def added_loss(self, forward_pass):
        return 0.01 * forward_pass.code.square().sum(1)


def keep_in(states):
    """Return what keeps each state as a checkpoint would."""
    return lambda capture: states.append(unpacked(*packed(capture())))


@pytest.mark.parametrize("selects", [True, False])
@pytest.mark.parametrize("averages", [True, False])
@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.SGD])
def test_a_training_goes_on_from_each_batch_as_if_it_had_never_ended(
    run, selects, averages, optimizer
):
    """Also from the last batch of an epoch."""
    plan = {
        "kind": Noisy(Gaussian(0.3)),
        "selects": selects,
        "averages": averages,
        "optimizer": optimizer,
        "jitter": 0.2,
        "learning_rate": 0.02,
    }
    states = []
    whole = run(save=keep_in(states), **plan)
    assert len(states) == 2 * 4
    for state in states:
        resumed = run(state=state, seed=7, **plan)  # the network begins with other weights
        for name, tensor in whole.weights.items():
            assert torch.equal(resumed.weights[name], tensor), name
        first, second = (of.history.drop(columns="seconds") for of in (resumed, whole))
        assert "train_penalty" in second
        pd.testing.assert_frame_equal(first, second, rtol=0)
        assert (resumed.best_epoch, resumed.best_loss) == (whole.best_epoch, whole.best_loss)
        for index, entry in whole.optimizer_state.items():
            for name, value in entry.items():
                assert np.array_equal(resumed.optimizer_state[index][name], value)


def test_states_are_those_after_each_batch(run):
    states = []
    run(save=keep_in(states))
    assert [state["learning_rate"]["n_done"] for state in states] == list(range(1, 9))
    assert [len(state["epoch"]["losses"]) for state in states] == [1, 2, 3, 4] * 2
    assert [len(state["history"]) for state in states] == [1] * 4 + [2] * 4


def test_patience_is_remembered(run):
    plan = {"n_epochs": 9, "learning_rate": 1e-3, "patience": 2}
    states = []
    callbacks = [AtBatch(1, spoil)]
    run(
        save=keep_in(states),
        callbacks=callbacks,
        **plan,
    )
    assert run(state=states[5], **plan).history["epoch"].iloc[-1] == 2


def test_callbacks_see_the_history_when_a_training_goes_on(run):
    class Look(Callback):
        def on_train_begin(self, net, **kwargs):
            self.seen = [row["epoch"] for row in net.history]

    states, look = [], Look()
    run(save=keep_in(states))
    run(state=states[5], callbacks=[look])
    assert look.seen == [1]


def test_nothing_of_a_training_waits_for_the_garbage_collector(run):
    """A net that is part of a circle would keep its rows in memory for a while."""

    class Look(Callback):
        def on_train_begin(self, net, **kwargs):
            self.net, self.rows = weakref.ref(net), weakref.ref(kwargs["X"])

    look = Look()
    gc.disable()
    try:
        run(callbacks=[look])
        assert look.net() is None
        assert look.rows() is None
    finally:
        gc.enable()


# --- steps


class Progress(Kind):
    """Notes which rows the encoder is shown, and how far the training is said to be."""

    def __init__(self):
        self.seen = []

    def added_loss(self, forward_pass):
        training = torch.is_grad_enabled()
        differs = not torch.equal(forward_pass.shown, forward_pass.target)
        self.seen.append((training, forward_pass.progress, differs))

    def of(self, training):
        return [seen[1:] for seen in self.seen if seen[0] is training]


@pytest.mark.parametrize("begins", [True, False])
@pytest.mark.parametrize("jitter", [0.0, 0.5])
def test_kinds_are_told_the_progress_and_shown_jitter_in_training_only(run, begins, jitter):
    kind = Progress()
    run(kind=kind, begins=begins, jitter=jitter)
    progress = [i / 8 for i in range(8)] if begins else [1.0] * 8
    assert kind.of(training=True) == [(done, jitter > 0) for done in progress]
    assert kind.of(training=False) == [(1.0, False)] * 2 * 3


def test_repulsion_is_its_closed_form(make_network, make_plan, scaled):
    repelled = torch.from_numpy(scaled[:5]).float()
    network = make_network(linear_path=False)
    made = AutoencoderNet(
        network,
        plan=make_plan(repelled=repelled),
        generators=[torch.Generator()],
        optimizer=torch.optim.SGD,
        device=None,
    ).initialize()
    loss = 0.7
    with torch.no_grad():
        rows = network.sample_losses(repelled).double().numpy()
        found = float(made._repulsion(torch.tensor(loss), 1.0))
    expected = 0.3 * loss * np.logaddexp(0, 30 + (loss - rows) / loss).mean()
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_recorded_loss_is_without_repulsion(run, make_network, scaled):
    repelled = torch.from_numpy(scaled[40:]).float()
    history = run(learning_rate=1e-12, optimizer=torch.optim.SGD, repelled=repelled).history
    network = make_network(linear_path=False)
    with torch.no_grad():
        expected = float(network.sample_losses(torch.from_numpy(scaled[:40]).float()).mean())
    assert history["train_loss"][1] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("patience", [1, 3])
def test_patience_counts_epochs_without_a_gain(fit, patience):
    result = fit(n_epochs=30, callbacks=[AtBatch(9, spoil)], learning_rate=1e-3, patience=patience)
    assert result.best_epoch == 2
    assert result.history["epoch"].iloc[-1] == 2 + patience


@pytest.mark.parametrize(("warm_up", "last"), [(0.0, 2), (0.1, 5), (0.11, 6), (0.5, 17)])
def test_patience_is_counted_from_the_end_of_the_warm_up(fit, warm_up, last):
    """Meanwhile, the network can hardly become better than its start."""
    plan = {"learning_rate": 1e-3, "patience": 2, "warm_up": warm_up}
    result = fit(n_epochs=30, callbacks=[AtBatch(1, spoil)], **plan)
    assert result.best_epoch == 0
    assert result.history["epoch"].iloc[-1] == last


def test_patience_without_selection_runs_all_epochs(fit):
    assert fit(selects=False, patience=1).history["epoch"].iloc[-1] == 4


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
    monkeypatch.setattr(net, "MOST_REPELLED", 3)
    looked_at, objective = [], net.AutoencoderNet._training_objective
    monkeypatch.setattr(
        net.AutoencoderNet,
        "_training_objective",
        lambda self, rows, *others: looked_at.append(len(rows)) or objective(self, rows, *others),
    )
    fit(n_epochs=1, repelled=torch.from_numpy(scaled[40:]).float())
    assert looked_at == [10, 3] * 4


def test_batches_are_paced(fit, monkeypatch):
    """So that threads can be given up in the middle of an epoch."""
    paced = []
    monkeypatch.setattr(net, "paced", lambda items: (paced.append(item) or item for item in items))
    fit(n_epochs=2)
    assert len(paced) == 2 * 4


def valid_loss(network, weights, X):
    if weights is not None:
        network.load_state_dict(weights)
    with torch.no_grad():
        return float(network.eval().sample_losses(torch.from_numpy(X[40:]).float()).mean())


def test_skorchs_early_stopping_ends_in_peace(fit):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = fit(
            n_epochs=50,
            learning_rate=1e-9,
            callbacks=[EarlyStopping(patience=2, threshold=0.1, sink=lambda *args: None)],
        )
    assert len(result.history) < 10
