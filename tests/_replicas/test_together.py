"""Networks in one pass become what they would have become one after the other."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback
from support.trainings import interrupt

from skae import AutoencoderImputer, AutoencoderTransformer
from skae._checkpoints.trainings import Trainings
from skae._replicas import together
from skae._replicas.together import can_run_with_others, one_by_one, train_together
from skae._training.convergence import TrainingDivergedError
from skae._training.train import train
from skae.architectures import Convolutional, Custom, Dense
from skae.corruptions import CORRUPTIONS, Gaussian, Missing, Occlusion
from skae.kinds import (
    KINDS,
    Compressive,
    Contractive,
    Denoising,
    Sparse,
    Undercomplete,
    Variational,
)
from skae.kinds.sparsity import SPARSITIES
from skae.losses import LOSSES

KINDS_WITH_OPTIONS = {
    "emphasis": Denoising("masking", emphasis=0.7),
    "varying noise": Denoising(Gaussian((0.1, 1.0))),
    "free bits": Variational(free_bits=0.2, warmup=0.5),
    "projected": Contractive(jacobian="projected"),
    "corrupted": Contractive(corruption="masking"),
    "dictionary": Sparse("topk", k=1, linear_decoder=True),
    "rate": Compressive(weight=0.05, corruption="swap"),
    **{penalty: Sparse(penalty) for penalty in SPARSITIES},
}


def of_name(name):
    return {"kind": name, **({"n_components": 8} if name == "overcomplete" else {})}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(kind, make_tasks, assert_same):
    assert_same(lambda: make_tasks(**of_name(kind)))


@pytest.mark.parametrize("kind", KINDS_WITH_OPTIONS)
def test_kinds_with_other_parameters(kind, make_tasks, assert_same):
    assert_same(lambda: make_tasks(kind=KINDS_WITH_OPTIONS[kind]))


def test_units_that_die(make_tasks, assert_same, monkeypatch):
    """In one network other ones than in another: the auxiliary loss is that of each."""
    monkeypatch.setattr("skae.kinds.sparsity._DEAD_AFTER", 20)
    kind = Sparse("topk", k=1)
    assert_same(lambda: make_tasks(kind=kind, n_components=9, architecture=Dense((5,))))


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_every_corruption(corruption, make_tasks, assert_same):
    chosen = Occlusion(layout="span") if corruption == "occlusion" else corruption
    assert_same(lambda: make_tasks(kind=Denoising(chosen)))


@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        *((loss, "undercomplete") for loss in LOSSES),
        *((loss, "variational") for loss in LOSSES if LOSSES[loss].distribution),
    ],
)
def test_every_loss(loss, kind, make_tasks, assert_same):
    rows = np.random.default_rng(0).uniform(size=(60, 6))
    assert_same(lambda: make_tasks(rows, loss=loss, kind=kind))


def test_features_that_vary_more_in_one_network_than_in_another(make_tasks, assert_same):
    """Rows are not scaled, and the noise of each row weighs by what the features vary."""
    rows = np.random.default_rng(0).uniform(size=(60, 6)) ** 8
    assert_same(lambda: make_tasks(rows, loss="bce", kind=Denoising(Gaussian((0.1, 1.0)))))


@pytest.mark.parametrize(
    "options",
    [
        {"tied_weights": True},
        {"dropout": 0.3},
        {"layer_norm": True},
        {"residual": True, "dropout": 0.3},
        {"activation": "tanh"},
        {"hidden_layer_sizes": ()},
    ],
    ids=str,
)
def test_options_of_dense_layers(options, make_tasks, assert_same):
    dense = Dense(**{"hidden_layer_sizes": (5, 5), **options})
    assert_same(lambda: make_tasks(architecture=dense))


@pytest.mark.parametrize("output", ["identity", "sigmoid"])
def test_without_a_linear_path(output, make_tasks, assert_same):
    rows = np.random.default_rng(0).uniform(size=(60, 6))
    dense = Dense((5,), code_activation="tanh", output_activation=output)
    assert_same(lambda: make_tasks(rows, architecture=dense, init="random"))


@pytest.mark.parametrize("kind", ["undercomplete", Denoising(Missing(), emphasis=1.0)], ids=str)
@pytest.mark.parametrize("tied", [False, True])
def test_missing_values(kind, tied, X, make_tasks, assert_same):
    rows = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    dense = Dense((5,), tied_weights=tied)
    assert_same(lambda: make_tasks(rows, kind=kind, architecture=dense))


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_every_optimizer(optimizer, make_tasks, assert_same):
    """With weight decay, which matrices have and vectors do not."""
    assert_same(lambda: make_tasks(optimizer=optimizer, weight_decay=0.3, learning_rate=0.003))


@pytest.mark.parametrize(
    "parameters",
    [
        {"weights": True},
        {"jitter": 0.0},
        {"jitter": 0.4, "kind": "variational"},
        {"early_stopping": False},
        {"early_stopping": False, "of_role": {"validates_on_training_rows": False}},
        {"patience": 1, "max_epochs": 9, "learning_rate": 0.2},
        {"batch_size": 60},
        {"batch_size": 1, "max_epochs": 1, "sizes": (20, 20)},
    ],
    ids=str,
)
def test_settings_of_the_training(parameters, make_tasks, assert_same):
    assert_same(lambda: make_tasks(**parameters))


def test_float32_over_twenty_steps(make_tasks, assert_same):
    assert_same(lambda: make_tasks(precision="float32", max_epochs=7), tolerance=1e-4)


def test_a_long_training(make_tasks, assert_same):
    results = assert_same(lambda: make_tasks(max_epochs=40, init="random"))
    assert len({result.best_epoch for result in results}) > 1


def planned(tasks, **changed):
    return [task._replace(plan=replace(task.plan, **changed)) for task in tasks]


def test_mean_weights(make_tasks, assert_same):
    assert_same(lambda: planned(make_tasks(), averages=True))


def test_each_has_an_end_of_its_own(make_tasks, assert_same):
    def make():
        tasks = make_tasks(max_epochs=6, early_stopping=False)
        tasks = [task._replace(validation=None) for task in planned(tasks, averages=True)]
        known = (1.0, 0.5, 0.25, 0.4, 0.6, 0.7, 0.8)
        return [
            planned([task], stop_after=epoch, valid_losses=known)[0]
            for epoch, task in zip((4, 0, 2), tasks, strict=True)
        ]

    results = assert_same(make)
    assert [len(result.history) for result in results] == [5, 1, 3]
    assert results[0].history["valid_loss"].tolist()[1:] == [0.5, 0.25, 0.4, 0.6]


def test_a_report_of_each_epoch_may_end_one_of_them(make_tasks):
    seen = []

    def told(number):
        def on_epoch(record, weights):
            total = sum(float(tensor.abs().sum()) for n, tensor in weights().items() if "enc" in n)
            seen.append((number, record["epoch"], total))
            return number == 1 and record["epoch"] == 2

        return on_epoch

    def make():
        tasks = enumerate(make_tasks())
        return [planned([task], on_epoch=told(number))[0] for number, task in tasks]

    alone = [train(*task) for task in make()]
    expected, seen[:] = sorted(seen), []
    joint = train_together(make())
    np.testing.assert_allclose(sorted(seen), expected, rtol=1e-9)
    assert [len(result.history) for result in joint] == [4, 3, 4]
    assert [result.best_epoch for result in joint] == [result.best_epoch for result in alone]


def table(missing):
    random = np.random.RandomState(0)
    factors = random.normal(size=(60, 2))
    frame = pd.DataFrame(
        {
            "number": factors @ [1.0, 2.0] + 0.1 * random.normal(size=60),
            "sign": factors[:, 0] > 0,
            "level": pd.Categorical(
                np.where(factors[:, 1] > 0.5, "a", np.where(factors[:, 0] > 0, "b", "c"))
            ),
            "other": factors[:, 1],
        }
    )
    if missing:
        frame.loc[random.random_sample(60) < 0.2, ["number", "level"]] = None
    return frame


@pytest.mark.parametrize(
    ("estimator", "sizes"),
    [
        (AutoencoderTransformer(2), [4, 1]),
        (AutoencoderTransformer(2, kind="denoising"), [4, 1]),
        (AutoencoderTransformer(2, kind="contractive"), [4, 1]),
        (AutoencoderImputer(n_estimators=2), [2]),
    ],
    ids=str,
)
def test_tables_with_categories(estimator, sizes, passes, monkeypatch):
    frame = table(missing=isinstance(estimator, AutoencoderImputer))
    estimator.set_params(
        architecture=Dense((5,)), max_epochs=4, precision="float64", init="pca", random_state=0
    )
    joint = clone(estimator).fit(frame)
    assert passes == sizes
    monkeypatch.setattr(Trainings, "joins", False)
    alone = clone(estimator).fit(frame)
    columns = [name for name in alone.history_ if name != "seconds"]
    np.testing.assert_allclose(joint.history_[columns], alone.history_[columns], rtol=1e-9)


# --- what goes wrong


def spoilt(tasks, number):
    """Let a training row of one network be so large that its loss is infinite."""
    task = tasks[number]
    task.training.rows._resident[task.training.index[0]] *= 1e200
    return tasks


def test_a_network_that_diverges_leaves_the_others_alone(make_tasks):
    results = []
    for run in (lambda tasks: one_by_one(tasks, train), train_together):
        with pytest.warns(ConvergenceWarning, match="The training diverged in epoch 1") as warned:
            results.append(run(spoilt(make_tasks(), 1)))
        assert len(warned) == 1
    for alone, joint in zip(*results, strict=True):
        assert alone.best_epoch == joint.best_epoch
        assert len(alone.history) == len(joint.history)
        for name, weights in alone.weights.items():
            torch.testing.assert_close(joint.weights[name], weights, rtol=1e-9, atol=1e-9)
    assert results[1][1].best_epoch == 0
    assert [len(result.history) for result in results[1]] == [4, 2, 4]


def test_a_network_without_a_start_that_counts_is_refused(make_tasks):
    with pytest.raises(TrainingDivergedError, match="in epoch 1"):
        train_together(spoilt(make_tasks(init="random"), 1))


def interrupting(tasks, number):
    """Press Ctrl-C when the third network begins an epoch."""
    batches, drawn = tasks[2].training, []
    ordered = batches.ordered

    def pressing():
        drawn.append(True)
        if len(drawn) == number:
            interrupt(None)
        return ordered()

    batches.ordered = pressing
    return tasks


@pytest.mark.parametrize("averages", [False, True])
@pytest.mark.parametrize("selects", [False, True])
def test_ctrl_c_keeps_what_all_have_learned(make_tasks, selects, averages):
    def make():
        tasks = planned(make_tasks(), averages=averages)
        return tasks if selects else [task._replace(validation=None) for task in tasks]

    results = train_together(interrupting(make(), 3))
    for result, expected in zip(
        results, one_by_one(planned(make(), stop_after=2), train), strict=True
    ):
        assert result.interrupted
        assert len(result.history) == 3
        assert result.best_epoch == expected.best_epoch
        for name, weights in expected.weights.items():
            torch.testing.assert_close(result.weights[name], weights, rtol=1e-9, atol=1e-9)


def test_after_ctrl_c_no_other_pass_begins(make_tasks, passes):
    tasks = [*interrupting(make_tasks(), 2), *make_tasks(n_components=3)]
    results = train_together(tasks)
    assert all(result.interrupted for result in results[:3])
    assert results[3:] == [None] * 3
    assert passes == [3]


# --- which ones


def test_networks_of_other_sizes_have_passes_of_their_own(make_tasks, passes):
    tasks = [*make_tasks(), *make_tasks(n_components=3), *make_tasks(max_epochs=2)[:2]]
    results = train_together(tasks[::-1])
    assert sorted(passes) == [2, 3, 3]
    again = [*make_tasks(), *make_tasks(n_components=3), *make_tasks(max_epochs=2)[:2]]
    for result, expected in zip(results[::-1], again, strict=True):
        alone = train(*expected)
        assert alone.best_epoch == result.best_epoch
        np.testing.assert_allclose(result.best_loss, alone.best_loss)


def test_networks_with_more_batches_have_passes_of_their_own(make_tasks, passes):
    results = train_together(make_tasks(sizes=(45, 30, 44)))
    assert passes == [2]
    alone = [train(*task) for task in make_tasks(sizes=(45, 30, 44))]
    for result, expected in zip(results, alone, strict=True):
        np.testing.assert_allclose(result.best_loss, expected.best_loss)


def test_a_single_network_has_a_pass_if_it_has_few_rows(make_tasks, passes, assert_same):
    train_together(make_tasks()[:1])
    assert not passes
    assert_same(lambda: planned(make_tasks()[:1], averages=True))


def own_loss(output, target):
    return (output - target).square()


def own_noise(rows, generator):
    return rows + 1.0


class OwnKind(Undercomplete):
    pass


def flat(sample_shape, n):
    return torch.nn.Linear(*sample_shape, n)


def back(sample_shape, n):
    return torch.nn.Linear(n, *sample_shape)


@pytest.mark.parametrize(
    "parameters",
    [
        {"callbacks": [Callback()]},
        {"kind": OwnKind()},
        {"kind": Undercomplete(own_noise)},
        {"loss": own_loss},
        {"architecture": Custom(flat, back)},
        {"architecture": Convolutional(input_shape=(1, 6, 1), channels=(2,))},
        {"optimizer": torch.optim.NAdam},
        {"precision": "bfloat16"},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
def test_what_is_not_known_to_go_together_is_trained_alone(parameters, make_tasks, passes):
    tasks = make_tasks(**parameters)
    assert not any(can_run_with_others(task) for task in tasks)
    results = train_together(tasks)
    assert not passes
    assert all(np.isfinite(result.best_loss) for result in results)


def test_large_networks_and_tables_are_trained_alone(make_tasks, monkeypatch):
    (task, *_) = make_tasks()
    assert can_run_with_others(task)
    monkeypatch.setattr(together, "_MOST_WORK", 100)
    assert not can_run_with_others(task)
    monkeypatch.undo()
    monkeypatch.setattr(together, "_MOST_BYTES", 100)
    assert not can_run_with_others(task)


def test_global_threads_are_as_before(make_tasks):
    before = torch.get_num_threads()
    train_together(make_tasks())
    assert torch.get_num_threads() == before
