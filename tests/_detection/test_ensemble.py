"""Several networks together: mean scores, contributions, reconstructions."""

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from skae import AutoencoderOutlierDetector
from skae._data.blocks import dense_blocks
from skae._detection.attribution import nearest
from skae._detection.ensemble import Ensemble, Member
from skae.scores import Score


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4))


@pytest.fixture(scope="module")
def ensemble(rows):
    model = AutoencoderOutlierDetector(max_epochs=3, scoring="joint", random_state=0)
    return model.fit(rows)._ensemble


class Constant(Score):
    """A score that is what it is told to be, whatever the row."""

    def __init__(self, value):
        self.value = value

    def of_features(self, network, X, codes):
        return torch.full(X.shape, self.value / X.shape[1], dtype=torch.float64)

    def of_code(self, network, X, codes):
        return None


class First(Constant):
    """The first feature, squared and multiplied."""

    def of_features(self, network, X, codes):
        return self.value * X[:, :1].double().square()


def constant(ensemble, *values):
    network = ensemble.members[0].network
    return Ensemble([Member(network, Constant(value)) for value in values])


def test_scores_are_those_of_each_member(ensemble, rows):
    scores = ensemble.scores(rows, "cpu")
    assert scores.shape == (len(ensemble), 300)
    for of_member, member in zip(scores, ensemble.members, strict=True):
        np.testing.assert_array_equal(Ensemble([member]).scores(rows, "cpu")[0], of_member)
        network = member.network.network("cpu")
        scaled = member.network.scaling.apply(rows)
        expected = member.score(network, torch.from_numpy(scaled)).numpy() / member.unit
        np.testing.assert_allclose(of_member, expected, rtol=1e-4)


def test_contributions_add_up_to_the_mean(ensemble, rows):
    shares = ensemble.contributions(rows[:30], "cpu")
    np.testing.assert_allclose(shares.sum(axis=1), ensemble.scores(rows[:30], "cpu").mean(axis=0))
    first = Ensemble(ensemble.members[:1]).contributions(rows[:30], "cpu")
    assert not np.allclose(first, shares)


def test_contributions_are_means_over_the_members(ensemble, rows):
    """What the baselines have is shared evenly, and what the row has besides is the feature's."""
    member = ensemble.members[0]
    both = [Member(member.network, First(value), member.baselines) for value in (1.0, 3.0)]
    found = Ensemble(both).contributions(rows[:2], "cpu")
    scaled = torch.from_numpy(member.network.scaling.apply(rows[:2]))
    squares = scaled[:, 0].double().square().numpy()
    closest = nearest(scaled, torch.from_numpy(member.baselines), 2)  # 4 for both networks
    even = closest[:, :, 0].double().square().mean(1).numpy() * 2 / 4
    expected = np.repeat(even[:, None], 4, axis=1)
    expected[:, 0] += 2 * squares - 4 * even
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_contributions_of_groups_add_up_and_share_evenly(ensemble, rows):
    found = ensemble.contributions(rows[:9], "cpu", np.array([0, 1, 0, 1]))
    np.testing.assert_allclose(found.sum(axis=1), ensemble.scores(rows[:9], "cpu").mean(axis=0))
    alone = ensemble.contributions(rows[:9], "cpu")
    # Groups of equal size: what is shared evenly is the same for both.
    np.testing.assert_allclose(found[:, 0], alone[:, 0] + alone[:, 2], rtol=1e-6)


def test_blocks_of_rows_change_nothing(ensemble, rows, monkeypatch):
    whole = ensemble.contributions(rows[:5], "cpu")
    cut = partial(dense_blocks, n_entries=8)
    monkeypatch.setattr("skae._detection.ensemble.dense_blocks", cut)
    np.testing.assert_allclose(ensemble.contributions(rows[:5], "cpu"), whole, rtol=1e-6)
    sparse = ensemble.contributions(sp.csr_matrix(rows[:5]), "cpu")
    np.testing.assert_allclose(sparse, whole, rtol=1e-6)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_out_of_range_is_large_and_shared_out_evenly(ensemble, rows, value):
    together = constant(ensemble, value)
    np.testing.assert_array_equal(together.scores(rows[:3], "cpu"), np.full((1, 3), 1e300))
    np.testing.assert_allclose(together.contributions(rows[:3], "cpu"), np.full((3, 4), 2.5e299))


def test_contributions_leave_the_network_as_it_was(ensemble, rows):
    network = ensemble.members[0].network.network("cpu")
    before = ensemble.scores(rows, "cpu")
    ensemble.contributions(rows[:5], "cpu")
    assert all(weights.grad is None for weights in network.parameters())
    np.testing.assert_array_equal(ensemble.scores(rows, "cpu"), before)


def test_reconstructions_are_means(ensemble, rows):
    each = [Ensemble([member]).reconstruct(rows, "cpu") for member in ensemble.members]
    np.testing.assert_allclose(ensemble.reconstruct(rows, "cpu"), np.mean(each, axis=0))
