"""The trainings of one fit, one after the other, and where they are taken up again."""

import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from support.trainings import AtBatch, interrupt

from skae import AutoencoderTransformer
from skae._checkpoints import checkpoint, trainings
from skae._checkpoints.checkpoint import Checkpoint
from skae._checkpoints.trainings import SavedTrainings, Trainings, trainings_of, weights_of
from skae._training.schedule import one_cycle
from skae._training.train import train
from skae._training.training_plan import TrainingPlan

PLAN = TrainingPlan(2, 20, 0.01, torch.optim.AdamW, 0.0, one_cycle)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit.skae"


@pytest.fixture
def run(make_network, make_batches, X):
    """Return a function that trains a network by some trainings, by its number."""

    def run(by, number=0, rows=X, change=None, **plan):
        network = make_network(linear_path=False, seed=number)
        network.features.mean.copy_(torch.from_numpy(rows.mean(axis=0)))
        if change is not None:
            change(network)
        batches = make_batches(rows[:40], 20, seed=number), make_batches(rows[40:], 20, seed=None)
        return by.train(network, *batches, replace(PLAN, **plan))

    return run


@pytest.fixture
def saved(path, monkeypatch):
    """Return a function that makes trainings which save after each batch."""
    monkeypatch.setattr(checkpoint, "_SHORTEST", 0.0)
    monkeypatch.setattr(checkpoint, "_REST", 0.0)
    monkeypatch.setattr("os.fsync", lambda descriptor: None)

    def saved(random_state=0):
        return SavedTrainings(random_state, Checkpoint(path, {"fit": "this one"}))

    return saved


def assert_same(found, expected):
    for name, tensor in expected.weights.items():
        assert torch.equal(found.weights[name], tensor), name
    columns = ["epoch", "train_loss", "valid_loss", "learning_rate"]
    pd.testing.assert_frame_equal(found.history[columns], expected.history[columns])
    assert found.best_epoch == expected.best_epoch
    assert found.best_loss == pytest.approx(expected.best_loss)


# --- where randomness comes from


@pytest.mark.parametrize("seed", [3, np.int64(3)])
def test_a_number_stays_a_number(seed):
    assert Trainings(seed).random_state is seed


def test_a_generator_is_used_as_it_is_and_none_is_one_of_its_own():
    generator = np.random.RandomState(0)
    assert Trainings(generator).random_state is generator
    one, other = Trainings(None).random_state, Trainings(None).random_state
    assert one.randint(2**31 - 1) != other.randint(2**31 - 1)


# --- trainings that are not saved


def test_a_training_is_that_of_train(run, make_network, make_batches, X):
    found = run(Trainings(0))
    assert_same(found, run(SimpleNamespace(train=train)))
    assert found.optimizer_state


def test_an_interruption_is_said_once_and_remembered():
    by = Trainings(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by.warn_of_interruption(None)
    assert not by.interrupted
    with pytest.warns(ConvergenceWarning, match=r"^Ctrl-C .*in epoch 3 of 4.*\.$") as said:
        by.warn_of_interruption("in epoch 3 of 4")
    assert by.interrupted
    assert len(said) == 1
    assert "checkpoint" not in str(said[0].message)


# --- trainings that are saved


def test_trainings_that_are_done_are_not_run_again(run, saved, monkeypatch):
    by = saved()
    first, second = run(by, 0), run(by, 1)
    assert not torch.equal(first.weights["encoder.0.weight"], second.weights["encoder.0.weight"])
    dying = saved_in_training(run, by)
    again = saved()
    with monkeypatch.context() as patch:
        patch.setattr(trainings, "train", None)
        assert_same(run(again, 0), first)
        assert_same(run(again, 1), second)
    assert_same(run(again, 2), dying)


def saved_in_training(run, by):
    """Save the third training for the last time in the middle of it; return what it leads to."""
    done = run(SimpleNamespace(train=train), 2)

    class Killed(BaseException):
        pass

    def die(net):
        raise Killed

    with pytest.raises(Killed):
        run(by, 2, callbacks=[AtBatch(4, die)])
    return done


def test_it_goes_on_from_a_training_that_was_not_done(run, saved, monkeypatch):
    expected = saved_in_training(run, by=saved())
    seen = []

    def looking(*args, state=None, **kwargs):
        seen.append(state)
        return train(*args, state=state, **kwargs)

    monkeypatch.setattr(trainings, "train", looking)
    by = saved()
    assert_same(run(by, 2), expected)
    run(by, 3)
    assert seen[0]["learning_rate"]["n_done"] == 3
    assert seen[1] is None  # the state is that of one training


def test_an_interrupted_training_is_not_done(run, saved):
    by = saved()
    assert run(by, 0, callbacks=[AtBatch(3, interrupt)]).interrupted
    assert not by._results
    again = saved()
    assert_same(run(again, 0), run(SimpleNamespace(train=train), 0))


def test_results_that_are_kept_have_no_state_of_the_optimizer(run, saved):
    by = saved()
    assert run(by, 0).optimizer_state
    assert by._results[0].optimizer_state == {}


@pytest.mark.parametrize("number", [0, 2], ids=["of a training that is done", "of one that is not"])
@pytest.mark.parametrize("moment", ["mean", "deviation", "low", "high"])
def test_weights_of_other_rows_are_refused(run, saved, moment, number):
    by = saved()
    run(by, 0)
    run(by, 1)
    saved_in_training(run, by)

    def other(network):
        getattr(network.features, moment)[2] += 0.01

    again = saved()
    again._n_begun = number
    with pytest.raises(ValueError, match="other rows"):
        run(again, number, change=other)


def test_weights_of_another_network_are_refused(run, saved, make_network, make_batches, X):
    saved_in_training(run, saved())
    network = make_network(n_components=3, linear_path=False)
    network.features.mean.copy_(torch.from_numpy(X.mean(axis=0)))  # of the same rows
    batches = make_batches(X[:40], 20), make_batches(X[40:], 20, seed=None)
    with pytest.raises(ValueError, match="other rows"):
        saved().train(network, *batches, PLAN)


def test_moments_that_another_processor_rounds_differently_are_the_same(run, saved, X):
    expected = saved_in_training(run, saved())
    by = saved()
    found = run(by, 2, rows=X * (1 + 1e-7))
    assert found.history["epoch"].tolist() == expected.history["epoch"].tolist()


def test_a_generator_begins_again_where_the_first_attempt_began(run, saved):
    first = np.random.RandomState(5)
    by = saved(first)
    assert by.random_state is first
    expected = np.random.RandomState(5).randint(1000, size=4).tolist()
    assert by.random_state.randint(1000, size=4).tolist() == expected
    saved_in_training(run, by)
    again = saved(np.random.RandomState(77))
    assert again.random_state.randint(1000, size=4).tolist() == expected


def test_a_number_needs_no_state(run, saved):
    saved_in_training(run, saved(3))
    again = saved(3)
    assert again.random_state == 3
    assert again.checkpoint.found["random"] is None


def test_the_file_of_a_fit_that_is_done_is_removed(run, saved, path):
    by = saved()
    run(by, 0)
    assert path.exists()
    by.end()
    assert not path.exists()


def test_after_ctrl_c_the_file_stays_and_is_named(run, saved, path):
    by = saved()
    run(by, 0)
    with pytest.warns(ConvergenceWarning, match="resumes from the checkpoint") as said:
        by.interrupt("came")
    assert str(path) in str(said[0].message)
    by.end()
    assert path.exists()


def test_a_file_that_was_never_written_is_not_named(path):
    by = SavedTrainings(0, Checkpoint(path, {}))
    with pytest.warns(ConvergenceWarning, match=r"Ctrl-C came\. A second"):
        by.interrupt("came")


# --- those of an estimator


def estimator_with(**parameters):
    estimator = AutoencoderTransformer(random_state=4, **parameters)
    estimator.sample_shape_ = (6,)
    return estimator


def test_without_a_checkpoint_nothing_is_saved(X):
    with trainings_of(estimator_with(), X) as by:
        assert type(by) is Trainings
        assert by.random_state == 4


def test_with_a_checkpoint_they_are_saved_and_the_file_goes_at_the_end(run, path, X, saved):
    estimator = estimator_with(checkpoint=path)
    with trainings_of(estimator, X) as by:
        assert type(by) is SavedTrainings
        run(by, 0)
        assert path.exists()
    assert not path.exists()


def test_after_an_error_the_file_stays(run, path, X, saved):
    def fit_and_fail():
        with trainings_of(estimator_with(checkpoint=path), X) as by:
            run(by, 0)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fit_and_fail()
    assert path.exists()


@pytest.mark.parametrize("verbose", [0, 1])
def test_going_on_is_printed_if_asked_for(run, path, X, saved, verbose, capsys):
    estimator = estimator_with(checkpoint=path, verbose=verbose)
    for _ in range(2):
        capsys.readouterr()
        with pytest.raises(ZeroDivisionError), trainings_of(estimator, X) as by:  # noqa: PT012
            run(by, 0)
            raise ZeroDivisionError
    assert (str(path) in capsys.readouterr().out) is bool(verbose)


def test_what_else_a_fit_depends_on_is_part_of_the_file(run, path, X, saved):
    estimator = estimator_with(checkpoint=path)
    with pytest.raises(ZeroDivisionError), trainings_of(estimator, X, y=X[:, 0]) as by:  # noqa: PT012
        run(by, 0)
        raise ZeroDivisionError
    with pytest.raises(ValueError, match="another fit"), trainings_of(estimator, X, y=X[:, 1]):
        pass


def test_weights_of_a_network_are_one_array_in_the_order_of_their_names():
    fitted = SimpleNamespace(
        weights={"b": np.array([[1.0, 2.0], [3.0, 4.0]]), "a": np.array([5.0]), "c": np.array(6.0)}
    )
    assert weights_of(fitted).tolist() == [5, 1, 2, 3, 4, 6]
