"""Several networks together: mean scores, contributions, reconstructions."""

import numpy as np
import pytest
import torch

from skae import AutoencoderOutlierDetector
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
    """A score that is what it is told to be, all of the first feature."""

    def __init__(self, value):
        self.value = value

    def of_features(self, network, X, codes):
        shares = torch.zeros(X.shape, dtype=torch.float64)
        shares[:, 0] = self.value
        return shares

    def of_code(self, network, X, codes):
        return None


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
    shares = ensemble.contributions(rows, "cpu")
    np.testing.assert_allclose(shares.sum(axis=1), ensemble.scores(rows, "cpu").mean(axis=0))
    first = Ensemble(ensemble.members[:1]).contributions(rows, "cpu")
    assert not np.allclose(first, shares)


def test_contributions_are_means_over_the_members(ensemble, rows):
    np.testing.assert_allclose(
        constant(ensemble, 1.0, 3.0).contributions(rows[:2], "cpu"), [[2, 0, 0, 0], [2, 0, 0, 0]]
    )


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_out_of_range_is_large_and_shared_out_evenly(ensemble, rows, value):
    together = constant(ensemble, value)
    np.testing.assert_array_equal(together.scores(rows[:3], "cpu"), np.full((1, 3), 1e300))
    np.testing.assert_allclose(together.contributions(rows[:3], "cpu"), np.full((3, 4), 2.5e299))


def test_contributions_leave_the_network_as_it_was(ensemble, rows):
    network = ensemble.members[0].network.network("cpu")
    before = ensemble.scores(rows, "cpu")
    ensemble.contributions(rows, "cpu")
    assert all(weights.grad is None for weights in network.parameters())
    np.testing.assert_array_equal(ensemble.scores(rows, "cpu"), before)


def test_reconstructions_are_means(ensemble, rows):
    each = [Ensemble([member]).reconstruct(rows, "cpu") for member in ensemble.members]
    np.testing.assert_allclose(ensemble.reconstruct(rows, "cpu"), np.mean(each, axis=0))
