"""Which rows train a network, which validate it, and what is kept."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, PrintLog
from skorch.utils import noop
from support.trainings import AtBatch, interrupt

from skae import AutoencoderTransformer
from skae._checkpoints.trainings import Trainings
from skae._fitting.fit_network import fit_network, pass_once, split_of
from skae._fitting.prepare import prepare_again
from skae._fitting.splits import best_epoch, folds, mean_history, split
from skae._training.schedule import constant, one_cycle
from skae._training.train import train

EVERYTHING = np.arange(60)


class Watching(Trainings):
    """Trainings that note what they are given, and may be interrupted.

    With `valid_loss`, trainings with validation rows seem to have had these losses; the weights
    that they return are then a little different from all others.
    """

    joins = False

    def __init__(self, valid_loss=None, interrupted_in=None):
        super().__init__(0)
        self.given, self.results = [], []
        self.valid_loss, self.interrupted_in = valid_loss, interrupted_in

    def train(self, network, training, selection, plan, optimizer_state=None):
        number = len(self.given)
        first = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        held_out = None if selection is None else selection.index.tolist()
        self.given.append((first, training.index.tolist(), held_out, plan, optimizer_state))
        if number == self.interrupted_in:
            plan = replace(plan, callbacks=[AtBatch(1, interrupt)])
        result = super().train(network, training, selection, plan, optimizer_state)
        selects = selection is not None and plan.selects
        if self.valid_loss is not None and selects and not result.interrupted:
            losses = (1 + number) * np.array(self.valid_loss)
            result = replace(
                result,
                history=result.history.assign(valid_loss=losses),
                best_epoch=int(losses.argmin()),
                weights={name: tensor + 1e-3 for name, tensor in result.weights.items()},
            )
        self.results.append(result)
        return result


# In four epochs, the second is the best.
SECOND = [4.0, 3.0, 1.0, 2.0, 5.0]


@pytest.fixture
def watching():
    return Watching()


def assert_equal(weights, expected):
    for name, tensor in expected.items():
        np.testing.assert_array_equal(np.asarray(weights[name]), np.asarray(tensor), err_msg=name)


def trained_weights(fit):
    """Return the weights, but for the ranges of the rows, which are noted after the training."""
    ranges = ("row_low", "row_high", "code_low", "code_high")
    return {n: w for n, w in fit.network.weights.items() if n not in ranges}


# --- the split


def test_a_fraction_is_held_out(X, make_prepared):
    prepared = make_prepared(X, validation_fraction=0.25)
    training, validation = split_of(prepared)
    expected = split(60, 0.25, prepared.seeds.split)
    assert training.tolist() == expected[0].tolist()
    assert validation.tolist() == expected[1].tolist()
    assert len(validation) == 15
    assert not set(training) & set(validation)


@pytest.mark.parametrize("validates", [True, False])
def test_without_early_stopping_all_rows_train_and_may_validate(make_prepared, validates):
    X = np.random.default_rng(0).normal(size=(600, 6))
    of_role = {"validates_on_training_rows": validates}
    prepared = make_prepared(X, early_stopping=False, of_role=of_role)
    training, validation = split_of(prepared)
    assert training.tolist() == list(range(600))
    if not validates:
        assert validation is None
        return
    assert len(np.unique(validation)) == 500


def test_a_split_that_is_given_is_used(X, make_prepared, watching, report):
    rows = EVERYTHING[:40], EVERYTHING[50:]
    fit = fit_network(make_prepared(X), watching, report, rows)
    (_, training, validation, plan, _), *others = watching.given
    assert not others
    assert training == rows[0].tolist()
    assert validation == rows[1].tolist()
    assert plan.n_epochs == 2
    assert fit.history["valid_loss"].notna().all()


def test_the_plan_goes_by_the_number_of_training_rows(X, make_prepared, watching, report):
    prepared = make_prepared(X, max_epochs="auto", jitter="auto", validation_fraction=0.5)
    with pytest.MonkeyPatch.context() as patch:
        asked = []
        plan = type(prepared).plan
        looked = lambda self, n: asked.append(n) or replace(plan(self, n), n_epochs=1)  # noqa: E731
        patch.setattr(type(prepared), "plan", looked)
        fit_network(prepared, watching, report)
    assert asked == [30]


# --- a single training


def test_the_best_weights_on_validation_rows_are_kept(X, make_prepared, trainings, report):
    """As a training by hand keeps them."""
    parameters = {"validation_fraction": 0.25, "max_epochs": 4, "init": "random"}
    fit = fit_network(make_prepared(X, **parameters), trainings, report)
    prepared = make_prepared(X, **parameters)
    training, validation = split_of(prepared)
    generator = torch.Generator().manual_seed(prepared.seeds.training)
    expected = train(
        prepared.network,
        prepared.batches(training, 16, generator),
        prepared.batches(validation, 1024),
        prepared.plan(len(training)),
    )
    assert fit.best_epoch == expected.best_epoch == fit.history["valid_loss"].argmin() > 0
    assert_equal(fit.network.weights, {n: expected.weights[n] for n in trained_weights(fit)})
    columns = ["epoch", "train_loss", "valid_loss", "learning_rate"]
    pd.testing.assert_frame_equal(fit.history[columns], expected.history[columns])
    assert fit.interruption is None
    assert fit.optimizer_state is None


def test_without_validation_rows_the_last_weights_are_kept(X, make_prepared, watching, report):
    of_role = {"validates_on_training_rows": False}
    prepared = make_prepared(X, early_stopping=False, of_role=of_role, learning_rate=1e-3)
    fit = fit_network(prepared, watching, report)
    assert fit.best_epoch == 2
    assert fit.history["valid_loss"].isna().all()
    assert watching.given[0][1:3] == (EVERYTHING.tolist(), None)


# --- folds


def test_folds_take_turns_and_then_all_rows_train(X, make_prepared, report):
    watching = Watching(SECOND)
    prepared = make_prepared(X, max_epochs=4)
    first = {name: tensor.clone() for name, tensor in prepared.network.state_dict().items()}
    held_out = folds(60, prepared.seeds.split)
    without = [make_prepared(X).network_without(fold).state_dict() for fold in held_out]
    fit = fit_network(prepared, watching, report)
    assert len(watching.given) == 5
    for given, fold, weights in zip(watching.given[:4], held_out, without, strict=True):
        assert_equal(given[0], weights)
        assert given[1] == np.setdiff1d(EVERYTHING, fold).tolist()
        assert given[2] == fold.tolist()
        assert given[3].stop_after is None
        assert given[3].averages
    last = watching.given[4]
    assert_equal(last[0], first)
    assert last[1:3] == (EVERYTHING.tolist(), None)
    history = mean_history(
        [result.history for result in watching.results[:4]], [len(fold) for fold in held_out]
    )
    best = best_epoch(history["valid_loss"], from_pca=True)
    assert last[3].stop_after == fit.best_epoch == best == 2
    assert last[3].n_epochs == 4
    assert last[3].averages
    columns = ["epoch", "train_loss", "valid_loss", "learning_rate"]
    pd.testing.assert_frame_equal(fit.history[columns], history[columns])
    result = watching.results[4]
    assert result.history["epoch"].tolist() == [0, 1, 2]
    assert_equal(trained_weights(fit), {n: result.weights[n] for n in trained_weights(fit)})


def test_folds_count_by_the_weights_of_their_rows(X, make_prepared, watching, report):
    weight = np.where(np.arange(60) < 30, 1.9, 0.1)
    prepared = make_prepared(X, weight)
    fit = fit_network(prepared, watching, report)
    held_out = folds(60, prepared.seeds.split)
    losses = [result.history["valid_loss"] for result in watching.results[:4]]
    expected = np.average(losses, axis=0, weights=[weight[fold].sum() for fold in held_out])
    np.testing.assert_allclose(fit.history["valid_loss"], expected, rtol=1e-6)


def test_a_gain_that_is_noise_leaves_pca(X, make_prepared, watching, report):
    fit = fit_network(make_prepared(X, learning_rate=1e-7), watching, report)
    assert fit.best_epoch == 0
    assert watching.given[4][3].stop_after == 0
    assert_equal(trained_weights(fit), {n: watching.given[4][0][n] for n in trained_weights(fit)})
    assert len(fit.history) == 3


class Noting(Callback):
    """Notes what it sees after each epoch, and records something."""

    def __init__(self):
        self.valid_loss, self.n_rows = [], set()

    def on_epoch_end(self, net, dataset_valid=None, **kwargs):
        self.valid_loss.append(net.history[-1, "valid_loss"])
        self.n_rows.add(len(dataset_valid))
        net.history.record("noted", 10 * net.history[-1, "epoch"])


class Unique(Noting):
    """Cannot be copied."""

    def __deepcopy__(self, memo):
        raise TypeError("cannot pickle")


def test_folds_have_copies_of_callbacks_and_the_final_training_shows_the_folds_losses(
    X, make_prepared, report
):
    watching, noting = Watching(SECOND), Noting()
    callbacks = [("noting", noting), PrintLog(sink=noop), Unique()]
    fit = fit_network(make_prepared(X, callbacks=callbacks, max_epochs=4), watching, report)
    for given in watching.given[:4]:
        (name, copied), *others = given[3].callbacks
        assert not others
        assert name == "noting"
        assert copied is not noting
        assert len(copied.valid_loss) == 4
        assert copied.n_rows == {15}
    assert watching.given[4][3].callbacks == callbacks
    assert noting.valid_loss == fit.history["valid_loss"][1:3].tolist() == [7.5, 2.5]
    assert noting.n_rows == {60}
    assert fit.history["noted"][1:].tolist() == [10, 20, 30, 40]
    assert watching.results[4].history["valid_loss"].tolist()[1:] == [7.5, 2.5]


def test_columns_of_the_final_training_alone_are_kept(X, make_prepared, report):
    prepared = make_prepared(X, callbacks=[Unique()], max_epochs=4)
    noted = fit_network(prepared, Watching(SECOND), report).history["noted"]
    np.testing.assert_array_equal(noted, [np.nan, 10, 20, np.nan, np.nan])


@pytest.mark.parametrize("callbacks", [None, [Noting()]])
def test_without_validation_rows_callbacks_see_training_rows_and_nobody_else(
    make_prepared, report, callbacks
):
    X = np.random.default_rng(0).normal(size=(1500, 6))
    of_role = {"validates_on_training_rows": False}
    prepared = make_prepared(X, of_role=of_role, early_stopping=False, callbacks=callbacks)
    fit = fit_network(prepared, Watching(), report)
    assert fit.history["valid_loss"].isna().all()
    assert not {"valid_reconstruction", "valid_loss_best"} & {*fit.history}
    assert fit.best_epoch == 2
    if callbacks:
        assert callbacks[0].n_rows == {750}  # up to 1,024, evenly spread
        assert np.isfinite(callbacks[0].valid_loss).all()


def test_callbacks_that_only_look_change_nothing(X, make_prepared, report):
    fits = [
        fit_network(make_prepared(X, callbacks=callbacks), Trainings(0), report)
        for callbacks in (None, [Noting()])
    ]
    plain, seen = (trained_weights(fit) for fit in fits)
    assert_equal(seen, plain)


class Report:
    """Notes what it is told."""

    def __init__(self):
        self.begun, self.records, self.attributes, self.ended = [], [], [], 0

    def begin(self, n_epochs, X):
        self.begun.append(n_epochs)

    def __call__(self, record, fitted_attributes):
        self.records.append(record)
        self.attributes.append(fitted_attributes())
        return False

    def end(self, fitted_attributes):
        self.ended += 1
        self.last = fitted_attributes()


def test_epochs_are_reported_with_the_losses_of_the_folds(X, make_prepared):
    report = Report()
    fit = fit_network(make_prepared(X, max_epochs=4), Watching(SECOND), report)
    assert report.begun == [2]
    assert [record["epoch"] for record in report.records] == [1, 2]
    assert [record["valid_loss"] for record in report.records] == [7.5, 2.5]
    assert report.ended == 1
    assert report.last["_fitted"] is fit.network


def test_a_report_may_ask_for_the_network_of_each_epoch(X, make_prepared, trainings):
    report = Report()
    prepared = make_prepared(X, validation_fraction=0.2, init="random")
    fit = fit_network(prepared, trainings, report)
    assert len(report.attributes) == 2
    assert fit.best_epoch > 0
    networks = [attributes["_fitted"] for attributes in report.attributes]
    best = networks[fit.best_epoch - 1]
    assert_equal(trained_weights(fit), {n: best.weights[n] for n in trained_weights(fit)})
    codes = [network.encode(X, "cpu", np.dtype(float)) for network in networks]
    assert np.isfinite(codes).all()
    assert not np.array_equal(*codes)


# --- Ctrl-C


@pytest.mark.parametrize("validation_fraction", ["auto", 0.2])
def test_ctrl_c_without_anything_to_keep_is_raised(X, make_prepared, report, validation_fraction):
    prepared = make_prepared(X, init="random", validation_fraction=validation_fraction)
    with pytest.raises(KeyboardInterrupt, match="in epoch 1 of 2"):
        fit_network(prepared, Watching(interrupted_in=0), report)


def test_ctrl_c_in_a_single_training_keeps_a_start_that_counts(X, make_prepared, report):
    fit = fit_network(make_prepared(X, validation_fraction=0.2), Watching(interrupted_in=0), report)
    assert fit.best_epoch == 0
    assert "in epoch 1 of 2" in fit.interruption
    assert "best weights so far" in fit.interruption


@pytest.mark.parametrize("number", [2, 4])
def test_ctrl_c_in_a_later_training_keeps_the_network_of_the_first_fold(
    X, make_prepared, report, number
):
    watching = Watching(SECOND, interrupted_in=number)
    fit = fit_network(make_prepared(X, max_epochs=4), watching, report)
    assert len(watching.given) == number + 1
    first = watching.results[0]
    assert_equal(trained_weights(fit), {n: first.weights[n] for n in trained_weights(fit)})
    pd.testing.assert_frame_equal(fit.history, first.history)
    assert fit.best_epoch == 2
    assert "in epoch 1 of 4" in fit.interruption
    assert "best weights of a fold" in fit.interruption


def test_ctrl_c_keeps_what_a_fold_learned_from_random_weights(X, make_prepared, report):
    watching = Watching(SECOND, interrupted_in=2)
    fit = fit_network(make_prepared(X, max_epochs=4, init="random"), watching, report)
    assert fit.best_epoch == 2
    assert fit.interruption is not None


@pytest.mark.parametrize("number", [0, 1])
def test_ctrl_c_where_the_first_fold_stays_at_pca_keeps_that_of_all_rows(
    X, make_prepared, report, number
):
    watching = Watching([1.0, 2.0, 3.0], interrupted_in=number)
    fit = fit_network(make_prepared(X), watching, report)
    assert len(watching.given) == number + 1
    assert fit.best_epoch == 0
    expected = make_prepared(X).network.state_dict()
    assert_equal(trained_weights(fit), {n: expected[n] for n in trained_weights(fit)})


# --- warnings


STUCK = {"init": "random", "max_epochs": 25, "learning_rate": 1e-8, "batch_size": 20}


@pytest.mark.parametrize(
    "parameters",
    [
        {"validation_fraction": 0.2},
        {},
        {"early_stopping": False},
        {"early_stopping": False, "of_role": {"validates_on_training_rows": False}},
    ],
    ids=["held out", "folds", "training rows", "none"],
)
def test_a_training_that_learned_nothing_is_warned_of(
    X, make_prepared, trainings, report, parameters
):
    with pytest.warns(ConvergenceWarning, match="learned nothing"):
        fit_network(make_prepared(X, **STUCK, **parameters), trainings, report)


def test_rows_to_be_reconstructed_badly_may_cost_the_others_much(
    X, make_prepared, trainings, report
):
    of_role = {"validates_on_training_rows": False}
    prepared = make_prepared(
        X[:50], given={"repelled": X[50:]}, early_stopping=False, of_role=of_role, **STUCK
    )
    fit_network(prepared, trainings, report)


def test_a_short_training_was_not_meant_to_lead_far(X, make_prepared, trainings, report):
    prepared = make_prepared(X, **{**STUCK, "max_epochs": 10}, validation_fraction=0.2)
    fit_network(prepared, trainings, report)


# --- single passes


def test_a_pass_trains_on_all_rows_at_a_constant_rate(X, make_prepared, watching, report):
    fit = pass_once(make_prepared(X, max_epochs=9), watching, report)
    _, training, validation, plan, optimizer_state = watching.given[0]
    assert training == EVERYTHING.tolist()
    assert validation is None
    assert (plan.n_epochs, plan.schedule, plan.begins) == (1, constant, True)
    assert optimizer_state is None
    assert fit.history["epoch"].tolist() == [0, 1]
    assert fit.best_epoch == 1
    result = watching.results[0]
    assert_equal(trained_weights(fit), {n: result.weights[n] for n in trained_weights(fit)})
    assert fit.optimizer_state is result.optimizer_state


def test_a_later_pass_goes_on(X, make_prepared, make_policy, watching, report):
    first = pass_once(make_prepared(X), watching, report)
    again = prepare_again(X, make_policy(), 1, first.network, X.mean(axis=0))
    second = pass_once(again, watching, report, first.history, first.optimizer_state)
    weights, _, _, plan, optimizer_state = watching.given[1]
    assert_equal(weights, first.network.weights)
    assert optimizer_state is first.optimizer_state
    assert not plan.begins
    assert second.history["epoch"].tolist() == [0, 1, 2]
    assert second.best_epoch == 2
    np.testing.assert_array_equal(second.history["train_loss"][:2], first.history["train_loss"])
    assert second.history["train_loss"][2] == watching.results[1].history["train_loss"][1]


@pytest.mark.parametrize("how", ["folds", "held out", "pass"])
def test_a_fit_follows_its_seed(X, make_prepared, trainings, report, how):
    def weights(seed):
        fraction = {} if how == "folds" else {"validation_fraction": 0.2}
        prepared = make_prepared(X, seed=seed, jitter=0.5, learning_rate=0.05, **fraction)
        fit = (pass_once if how == "pass" else fit_network)(prepared, trainings, report)
        return fit.network.weights["encoder.0.weight"]

    assert np.array_equal(weights(0), weights(0))
    assert not np.array_equal(weights(0), weights(1))


def test_the_schedule_of_a_fit_is_one_cycle(X, make_prepared, watching, report):
    fit_network(make_prepared(X), watching, report)
    assert {given[3].schedule for given in watching.given} == {one_cycle}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("load", "n_components", "most"),
    [(load_iris, 2, 1.0), (load_wine, 2, 0.9), (load_breast_cancer, 4, 1.0)],
)
def test_few_rows_are_no_worse_than_pca_on_average(load, n_components, most):
    """Over ten splits; on a single split, a fifth more is chance (iris, 40 test rows)."""
    table, ratios = load().data[:160], []
    for seed in range(10):
        training, new = train_test_split(table, random_state=seed)
        scaler = StandardScaler().fit(training)
        training, new = scaler.transform(training), scaler.transform(new)
        pca = PCA(n_components).fit(training)
        ae = AutoencoderTransformer(n_components, random_state=seed).fit(training)
        by_pca = np.square(new - pca.inverse_transform(pca.transform(new))).sum()
        ratios.append(np.square(new - ae.reconstruct(new)).sum() / by_pca)
    assert np.mean(ratios) <= most
    assert max(ratios) < 1.3
