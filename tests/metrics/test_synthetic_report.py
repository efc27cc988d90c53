"""Reports of synthetic tables: what they say of copies, of shuffled and of good rows."""

import numpy as np
import pandas as pd
import pytest
from support.mixed_tables import mixed_table

from skae.metrics import synthetic_report

REAL, OTHER = mixed_table(600), mixed_table(600, seed=1)


def shuffled(table, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {c: table[c].to_numpy()[rng.permutation(len(table))] for c in table}
    ).astype(table.dtypes)


def test_rows_of_the_same_source_are_good():
    report = synthetic_report(REAL, OTHER, target="married")
    assert report.marginals.max() < 0.15
    assert np.abs(report.associations.to_numpy()).max() < 0.15
    assert report.transfer > report.transfer_of_real - 0.05
    assert 0.8 < report.distance_ratio < 1.25
    assert report.copies < 0.05
    assert str(report).count("\n") == 3


def test_shuffled_columns_keep_the_marginals_alone():
    report = synthetic_report(REAL, shuffled(REAL), target="married")
    assert report.marginals.max() == 0
    assert report.associations.to_numpy().min() < -0.5
    assert report.transfer < report.transfer_of_real - 0.1
    assert report.distance_ratio > 1.25


def test_copies_are_seen():
    report = synthetic_report(REAL, REAL)
    assert report.copies == 1
    assert report.distance_ratio < 0.01
    assert report.transfer is None
    assert "F1" not in str(report)


def test_total_variation_of_a_moved_category():
    moved = OTHER.assign(city="Bonn")
    report = synthetic_report(OTHER, moved)
    assert report.marginals["city"] == pytest.approx((OTHER["city"] == "Ulm").mean())


def test_missing_values_are_values_of_their_own():
    gone = OTHER.assign(pay=OTHER["pay"].mask(np.arange(600) < 150))
    assert synthetic_report(OTHER, gone).marginals["pay"] == pytest.approx(0.25, abs=0.02)


def test_associations_of_each_pair_of_sorts():
    x = np.random.default_rng(0).normal(size=2000)
    table = pd.DataFrame({"x": x, "y": -x, "sign": np.where(x > 0, "+", "-"), "twin": x > 0})
    noise = shuffled(table)
    found = -synthetic_report(table, noise).associations
    assert found.loc["x", "y"] == pytest.approx(1, abs=0.05)
    assert found.loc["x", "sign"] == pytest.approx(np.sqrt(2 / np.pi), abs=0.08)
    assert found.loc["sign", "twin"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("tables", "target", "message"),
    [
        ((REAL, OTHER.drop(columns="job")), None, "the same columns"),
        ((REAL, OTHER), "wage", "target must be one of"),
        ((REAL, OTHER[:1]), None, "two rows or more, got 600 and 1"),
        ((REAL, OTHER.to_numpy()), None, "synthetic must be a data frame, got ndarray"),
    ],
)
def test_other_tables_are_refused(tables, target, message):
    with pytest.raises(ValueError, match=message):
        synthetic_report(*tables, target=target)
