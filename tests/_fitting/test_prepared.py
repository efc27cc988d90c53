"""A fit that is ready for training: its seeds, its plan, and first weights without a fold."""

from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from skorch.callbacks import Callback

from skae._data.scaling import Scaling
from skae._fitting import defaults
from skae._fitting.prepare import prepare_again
from skae._fitting.prepared import Seeds
from skae._network.fitted_network import FittedNetwork
from skae._training.schedule import one_cycle
from skae.architectures import Dense, Recurrent
from skae.kinds import Denoising

FOLD = np.arange(0, 60, 4)
REST = np.setdiff1d(np.arange(60), FOLD)


def test_seeds_are_three_draws_of_the_random_state():
    drawn = np.random.RandomState(5).randint(2**31 - 1, size=3).tolist()
    assert list(Seeds.drawn(5)) == drawn
    generator = np.random.RandomState(5)
    assert list(Seeds.drawn(generator)) == drawn
    assert list(Seeds.drawn(generator)) != drawn
    assert Seeds.drawn(None) != Seeds.drawn(None)
    assert {type(seed) for seed in Seeds.drawn(5)} == {int}


def test_nothing_of_it_can_be_changed(X, make_prepared):
    prepared = make_prepared(X)
    for field in fields(prepared):
        with pytest.raises(FrozenInstanceError):
            setattr(prepared, field.name, None)


@pytest.mark.parametrize(
    ("n_rows", "parameters", "expected"),
    [
        (7, {}, False),
        (8, {}, True),
        (499, {}, True),
        (500, {}, False),
        (100, {"early_stopping": False}, False),
        (100, {"validation_fraction": 0.2}, False),
    ],
)
def test_folds_take_turns_with_few_rows_by_default(make_prepared, n_rows, parameters, expected):
    X = np.random.default_rng(0).normal(size=(n_rows, 6))
    assert make_prepared(X, **parameters).takes_folds is expected


def test_rows_of_weight_zero_do_not_make_the_rows_many(make_prepared):
    X = np.random.default_rng(0).normal(size=(520, 6))
    weight = np.where(np.arange(520) < 499, 1.0, 0.0)
    assert make_prepared(X, weight).takes_folds


def test_a_fit_that_goes_on_takes_no_folds(X, make_policy, make_prepared):
    first = make_prepared(X)
    assert first.takes_folds
    fitted = FittedNetwork.of(first.spec, first.network)
    assert not prepare_again(X, make_policy(), 0, fitted, first.mean).takes_folds


def test_batches_have_the_rows_weights_and_targets_of_an_index(X, make_prepared):
    weight, targets = np.arange(1.0, 61), torch.arange(120.0).reshape(60, 2)
    prepared = replace(make_prepared(X, weight), targets=targets)
    index = np.array([7, 3, 50, 20, 4])
    scaled = prepared.rows.take(torch.from_numpy(index))
    found = [torch.cat(parts) for parts in zip(*prepared.batches(index, 2), strict=True)]
    expected = scaled, torch.from_numpy(weight).float()[index], targets[index]
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    generator = torch.Generator().manual_seed(0)
    drawn = torch.cat([batch[1] for batch in prepared.batches(index, 2, generator)])
    assert sorted(drawn.tolist()) == sorted(weight[index])


# --- the plan


AUTO = dict.fromkeys(("max_epochs", "batch_size", "learning_rate", "jitter"), "auto")


@pytest.mark.parametrize("rules", [defaults.GENERAL, defaults.DETECTOR])
def test_auto_goes_by_the_number_of_training_rows_and_the_rules(X, make_prepared, rules):
    prepared = make_prepared(X, of_role={"rules": rules}, n_components=3, **AUTO)
    plan = prepared.plan(2000)  # not that of all rows
    assert plan.batch_size == rules.batch_size(2000, 6)
    assert plan.n_epochs == rules.epochs(2000, plan.batch_size)
    assert plan.learning_rate == rules.learning_rate(plan.batch_size, 3)
    assert plan.jitter == pytest.approx(0.3)
    assert plan.schedule is one_cycle


def test_numbers_stand_for_themselves_and_decide_the_others(X, make_prepared):
    prepared = make_prepared(X, **{**AUTO, "batch_size": np.uint8(200)})
    plan = prepared.plan(10_000)
    assert plan.batch_size == 200
    assert plan.n_epochs == defaults.auto_epochs(10_000, 200)
    assert plan.learning_rate == defaults.auto_learning_rate(200, 2)
    given = {"max_epochs": 3, "batch_size": 7, "learning_rate": 0.5, "jitter": 0.25}
    plan = make_prepared(X, **given).plan(10_000)
    assert (plan.n_epochs, plan.batch_size, plan.learning_rate, plan.jitter) == (3, 7, 0.5, 0.25)


def test_an_architecture_has_a_factor_of_the_automatic_learning_rate(X, make_prepared):
    class Slow(Recurrent):
        learning_rate_factor = 0.25

    architecture = Slow(hidden_size=4)
    prepared = make_prepared(X, **{**AUTO, "architecture": architecture})
    expected = 0.25 * defaults.auto_learning_rate(200, 2)
    assert prepared.plan(2000).learning_rate == pytest.approx(expected)
    given = make_prepared(X, architecture=architecture, learning_rate=0.5)
    assert given.plan(2000).learning_rate == 0.5


def test_an_architecture_says_whether_its_modules_draw_from_torchs_generators(X, make_prepared):
    class Foreign(Dense):
        draws_globally = True

    assert make_prepared(X, architecture=Foreign((4,))).plan(50).draws_globally
    assert not make_prepared(X, architecture=Dense((4,))).plan(50).draws_globally


@pytest.mark.parametrize(
    ("parameters", "jitters"),
    [
        ({}, True),
        ({"init": "random"}, False),
        ({"kind": Denoising("masking")}, False),
        ({"kind": "variational"}, False),
    ],
)
def test_automatic_jitter_is_for_networks_that_start_at_pca_without_other_noise(
    X, make_prepared, parameters, jitters
):
    plan = make_prepared(X, **AUTO | parameters).plan(100)
    assert plan.jitter == (0.6 if jitters else 0)
    assert make_prepared(X, **parameters, jitter=0.1).plan(100).jitter == 0.1


def test_all_else_is_handed_on(X, make_prepared):
    callback = Callback()
    prepared = make_prepared(
        X[:50],
        given={"repelled": X[50:]},
        optimizer="sgd",
        weight_decay=0.3,
        patience=4,
        precision="bfloat16",
        callbacks=[callback],
    )
    plan = prepared.plan(50)
    assert plan.optimizer.func is torch.optim.SGD
    assert plan.warm_up == 0.1
    assert (plan.weight_decay, plan.patience, plan.precision) == (0.3, 4, "bfloat16")
    assert plan.callbacks == [callback]
    assert plan.repelled is prepared.repelled
    assert plan.start_counts
    assert plan.begins
    assert plan.stop_after is None
    assert not plan.draws_globally
    assert not make_prepared(X, init="random").plan(50).start_counts


# --- first weights that know nothing of a fold


def as_it_is(moments, X, loss):
    """Scale rows by nothing, so that no row has an influence on another one."""
    return Scaling(np.zeros(X.shape[1]), 1.0)


def first_weights(network):
    """Return the weights and buffers, but for the moments of all rows."""
    return {n: w for n, w in network.state_dict().items() if not n.startswith("features.")}


@pytest.mark.parametrize("kind", ["undercomplete", "sparse", "variational"])
def test_first_weights_without_a_fold_know_nothing_of_it(X, make_prepared, kind):
    wild = X.copy()
    wild[FOLD] = 1e3 * np.random.default_rng(1).normal(size=(len(FOLD), 6)) + 50
    parameters = {"of_role": {"scaling": as_it_is}, "kind": kind}
    one, other = (make_prepared(rows, **parameters) for rows in (X, wild))
    found, expected = (first_weights(p.network_without(FOLD)) for p in (one, other))
    for name, weights in expected.items():
        torch.testing.assert_close(found[name], weights, rtol=1e-5, atol=1e-5, msg=name)
    of_all = first_weights(one.network)
    assert not torch.allclose(
        found["linear_encoder.weight"], of_all["linear_encoder.weight"], rtol=1e-3
    )


def test_first_weights_without_a_fold_are_pca_of_the_others(X, make_prepared):
    prepared = make_prepared(X, precision="float64")
    network = prepared.network_without(FOLD).eval()
    with torch.no_grad():
        scaled = prepared.rows.take(torch.arange(60))
        found = prepared.spec.scaling.undo(network.decode(network.encode(scaled)).numpy())
    pca = PCA(2, svd_solver="full").fit(X[REST])
    expected = pca.inverse_transform(pca.transform(X))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_missing_values_are_filled_without_a_fold(incomplete, make_prepared):
    wild = incomplete.copy()
    wild[FOLD] = 20 * wild[FOLD] - 7
    one, other = (make_prepared(rows, of_role={"scaling": as_it_is}) for rows in (incomplete, wild))
    other.linear_part.simplicity = one.linear_part.simplicity  # chosen once, by all rows
    found, expected = (first_weights(p.network_without(FOLD)) for p in (one, other))
    for name, weights in expected.items():
        torch.testing.assert_close(found[name], weights, rtol=1e-4, atol=1e-5, msg=name)


def test_a_fold_is_left_out_of_a_copy_of_the_weights(X, make_prepared):
    prepared = make_prepared(X)
    before = first_weights(prepared.network)
    prepared.network_without(FOLD)
    assert prepared.sample_weight.tolist() == [1.0] * 60
    for name, weights in first_weights(prepared.network).items():
        assert torch.equal(weights, before[name])


def test_without_a_linear_path_the_weights_are_those_of_the_seed(X, make_prepared):
    prepared = make_prepared(X, init="random")
    network = prepared.network_without(FOLD)
    for name, weights in first_weights(network).items():
        assert torch.equal(weights, prepared.network.state_dict()[name])
    assert network is not prepared.network
