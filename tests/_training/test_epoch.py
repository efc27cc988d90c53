"""The losses of an epoch, and an epoch that is taken up again."""

import math
import time

import numpy as np
import pytest
import torch

from skae._training.autoencoder_net import WeightedMean
from skae._training.epoch import BatchLosses, Epoch, history_of, numbers_of, record_of

ONLY = {"reconstruction": torch.ones(())}


def test_mean_loss_counts_each_row_by_its_weight():
    random = np.random.default_rng(0)
    losses, weights = random.normal(size=25), random.uniform(0.1, 3, 25)
    batches, mean = BatchLosses(), WeightedMean()
    for rows in (slice(0, 10), slice(10, 17), slice(17, 25)):
        weight = torch.from_numpy(weights[rows])
        batches.add(mean(torch.from_numpy(losses[rows]), weight), weight, ONLY)
    expected = np.average(losses, weights=weights)
    assert batches.means(mean) == pytest.approx({"loss": expected, "reconstruction": expected})


def test_mean_terms_count_each_row_by_its_weight():
    random = np.random.default_rng(0)
    first, second = random.normal(size=(2, 25))
    weights = random.uniform(0.1, 3, 25)
    batches, mean = BatchLosses(), WeightedMean()
    for rows in (slice(0, 10), slice(10, 25)):
        one, other, weight = map(torch.from_numpy, (first[rows], second[rows], weights[rows]))
        terms = {"reconstruction": one.requires_grad_(), "kl": other}
        batches.add(mean(one + other, weight), weight, terms)
    assert not any(total.requires_grad for of in batches.terms.values() for total in of)
    averages = [np.average(of, weights=weights) for of in (first, second)]
    names = ("loss", "reconstruction", "kl")
    expected = dict(zip(names, (sum(averages), *averages), strict=True))
    assert batches.means(mean) == pytest.approx(expected)


def test_losses_are_kept_without_their_gradients():
    batches = BatchLosses()
    batches.add(torch.ones((), requires_grad=True) * 2, torch.ones(3), ONLY)
    assert not batches.losses[0].requires_grad
    assert [float(weight) for weight in batches.weights] == [3]


def test_seconds_count_from_the_beginning():
    batches = BatchLosses()
    time.sleep(0.01)
    assert 0.01 <= batches.seconds < 5


def drawn(batches, generator):
    """Go through batches as training does, drawing after each; return rows and draws."""
    for X, _ in batches:
        yield X.tolist(), float(torch.rand((), generator=generator))


@pytest.mark.parametrize("n_done", [1, 2, 4])
def test_an_epoch_goes_on_with_the_batches_and_draws_that_were_to_come(make_batches, n_done):
    numbers = np.arange(20.0)[:, None]
    batches = make_batches(numbers, 5, seed=0)
    whole = list(drawn(Epoch([batches.generator]).rest(batches), batches.generator))
    assert len(whole) == 4

    batches = make_batches(numbers, 5, seed=0)
    epoch = Epoch([batches.generator])
    steps = drawn(epoch.rest(batches), batches.generator)
    for i in range(n_done):
        assert next(steps) == whole[i]
        epoch.losses.add(
            torch.tensor(float(i)),
            torch.ones(5),
            {"reconstruction": torch.ones(5), "kl": torch.ones(5) * i},
        )
    state = epoch.capture()

    batches = make_batches(numbers, 5, seed=99)  # another process, where anything was drawn
    resumed = Epoch([batches.generator])
    resumed.restore(state)
    assert list(drawn(resumed.rest(batches), batches.generator)) == whole[n_done:]
    assert [float(loss) for loss in resumed.losses.losses] == [float(i) for i in range(n_done)]
    assert [float(weight) for weight in resumed.losses.weights] == [5.0] * n_done
    assert [float(kl) for kl in resumed.losses.terms["kl"]] == [5.0 * i for i in range(n_done)]


def test_all_generators_are_put_back():
    own, other = torch.Generator().manual_seed(0), torch.Generator().manual_seed(1)
    epoch = Epoch([own, other])
    epoch.losses.add(torch.tensor(1.0), torch.ones(1), ONLY)
    torch.rand(3, generator=own)
    torch.rand(2, generator=other)
    state = epoch.capture()
    expected = [float(torch.rand((), generator=generator)) for generator in (own, other)]
    resumed = Epoch([own, other])
    resumed.restore(state)
    list(resumed.rest([None]))
    assert [float(torch.rand((), generator=generator)) for generator in (own, other)] == expected


def test_seconds_go_on_from_those_that_were_saved():
    epoch = Epoch([torch.Generator()])
    epoch.losses.add(torch.tensor(1.0), torch.ones(1), ONLY)
    resumed = Epoch([torch.Generator()])
    resumed.restore({**epoch.capture(), "seconds": 100.0})
    assert 100 <= resumed.losses.seconds < 110


def test_record_shows_both_losses_the_rate_all_seconds_and_then_everything_else():
    row = {
        "of a callback": True,
        "epoch": 3,
        "train_loss": 1.0,
        "train_kl": 0.25,
        "valid_loss": 2.0,
        "learning_rate": 0.1,
        "train_seconds": 5.0,
        "valid_seconds": 0.5,
    }
    shown = {"epoch": 3, "train_loss": 1.0, "valid_loss": 2.0, "learning_rate": 0.1, "seconds": 5.5}
    found = record_of(row)
    assert found == {**shown, "train_kl": 0.25, "of a callback": 1.0}
    assert list(found)[:5] == list(shown)
    assert type(found["of a callback"]) is float
    first = record_of({"epoch": 0, "valid_seconds": 0.5})
    assert first.pop("seconds") == 0.5
    assert first.pop("epoch") == 0
    assert list(first) == ["train_loss", "valid_loss", "learning_rate"]
    assert all(math.isnan(value) for value in first.values())


def test_a_history_has_the_columns_of_its_last_row_first():
    history = history_of([{"epoch": 0, "valid": 1.0}, {"epoch": 1, "train": 2.0, "valid": 3.0}])
    assert history.columns.tolist() == ["epoch", "train", "valid"]
    np.testing.assert_array_equal(history["train"], [np.nan, 2])
    np.testing.assert_array_equal(history["valid"], [1, 3])


def test_numbers_of_a_row_are_pythons_and_all_else_is_dropped():
    row = {
        "best": True,
        "n": np.int64(3),
        "loss": np.float32(0.5),
        "seconds": 2.0,
        "batches": [{}],
        "name": "text",
        "tensor": torch.ones(2),
        "nothing": None,
        7: 8.0,
    }
    found = numbers_of(row)
    assert found == {"best": True, "n": 3, "loss": 0.5, "seconds": 2.0}
    assert [type(value) for value in found.values()] == [bool, int, float, float]
