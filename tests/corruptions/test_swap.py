import pytest
import torch
from support.corruptions import N_FEATURES, data, seeded

from skae.corruptions import Features, Swap


def rows_that_name_their_entries(n_samples, n_features):
    """Entry (i, j) is ``i + n_samples * j``, so that a value says where it comes from."""
    row, column = torch.arange(n_samples)[:, None], torch.arange(n_features)
    return (row + n_samples * column).double()


def donors(n_samples, n_features, fraction=1.0):
    """Return the row that each entry comes from after a swap, and the column."""
    X = rows_that_name_their_entries(n_samples, n_features)
    shown = Swap(fraction).corrupt(X, Features((n_features,)), seeded()).long()
    return shown % n_samples, shown // n_samples


def test_swap_takes_the_same_feature_of_another_row():
    donor, column = donors(30, 40)
    assert (column == torch.arange(40)).all()
    assert (donor != torch.arange(30)[:, None]).all()


def test_swap_takes_all_other_rows_alike():
    donor, _ = donors(6, 20_000)
    for i in range(6):
        counts = torch.bincount(donor[i], minlength=6)
        others = torch.cat([counts[:i], counts[i + 1 :]]).double() / 20_000
        assert counts[i] == 0
        assert ((others - 0.2).abs() < 5 * (0.2 * 0.8 / 20_000) ** 0.5).all()


def test_swap_has_a_donor_for_each_entry():
    donor, _ = donors(50, 400)
    # Two entries of a row agree about their donor as often as two independent draws do.
    same_in_row = (donor[:, 1:] == donor[:, :-1]).double().mean()
    assert same_in_row == pytest.approx(1 / 49, abs=0.005)
    # So do two entries of a column about the distance to it.
    distance = (donor - torch.arange(50)[:, None]) % 50
    same_distance = (distance[1:] == distance[:-1]).double().mean()
    assert same_distance == pytest.approx(1 / 49, abs=0.005)
    assert all(len(row.unique()) > 45 for row in donor)


def test_swap_keeps_the_distribution_of_each_feature():
    _, X, features = data(4000)
    shown = Swap(fraction=1.0).corrupt(X, features, seeded())
    for j in range(N_FEATURES):
        assert torch.isin(shown[:, j], X[:, j]).all()
    # Rows are drawn with replacement.
    torch.testing.assert_close(shown.std(0), X.std(0), rtol=0.07, atol=0)
    assert ((shown - X).mean(0).abs() < 5 * X.std(0) / 4000**0.5).all()


def test_swap_of_two_rows():
    X = rows_that_name_their_entries(2, 9)
    shown = Swap(fraction=1.0).corrupt(X, Features((9,)), seeded())
    assert torch.equal(shown, X.flip(0))
