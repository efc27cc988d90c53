"""The objective of each row is the sum of its terms."""

import pytest
import torch

from skae._network.objective import Objective


def added(terms):
    return sum(terms.values())


@pytest.fixture
def rows():
    return torch.rand((3, 8), generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_a_kind_without_a_term_has_the_reconstruction_alone(rows):
    reconstruction = rows[0]
    losses, terms = Objective.of(reconstruction, None, None)
    assert list(terms) == ["reconstruction"]
    assert losses is terms["reconstruction"] is reconstruction


@pytest.mark.parametrize("nothing", [True, False])
def test_a_term_is_added_and_none_is_zero(rows, nothing):
    losses, terms = Objective.of(rows[0], "kl", None if nothing else rows[1])
    assert list(terms) == ["reconstruction", "kl"]
    assert torch.equal(terms["kl"], 0 * rows[1] if nothing else rows[1])
    assert torch.equal(losses, added(terms))


def test_a_mixture_has_the_shares_of_its_terms(rows):
    reconstruction, kl, cross_entropy = rows
    mixed = Objective.of(reconstruction, "kl", kl).mixed(cross_entropy, 0.3, 5)
    torch.testing.assert_close(mixed.losses, 0.7 * (reconstruction + kl) / 5 + 0.3 * cross_entropy)
    assert list(mixed.terms) == ["reconstruction", "kl", "cross_entropy"]
    torch.testing.assert_close(mixed.terms["kl"], 0.14 * kl)
    torch.testing.assert_close(mixed.terms["cross_entropy"], 0.3 * cross_entropy)
    torch.testing.assert_close(mixed.losses, added(mixed.terms))
