import numpy as np
import pytest

from skae import AutoencoderImputer
from skae._fitting.splits import split
from skae._imputation import imputation_fit
from skae._imputation.imputation_fit import ImputationFit


def incomplete(n_rows=200):
    X = np.random.RandomState(0).randn(n_rows, 4)
    X[X > 1] = np.nan
    return X


def sample_of(X, **parameters):
    settings = {"n_estimators": 2, "max_epochs": 1, "random_state": 0}
    return AutoencoderImputer(**{**settings, **parameters}).fit(X)._imputation._sample


@pytest.mark.parametrize("n_measured", [2000, 150])
def test_rows_that_networks_held_out_are_known(n_measured, monkeypatch):
    """On rows that a network trained on it errs less, and draws would be too narrow."""
    seeds = []
    held_out = ImputationFit._held_out

    def noted(self, fit):
        seeds.append(fit.prepared.seeds.split)
        return held_out(self, fit)

    monkeypatch.setattr(ImputationFit, "_held_out", noted)
    monkeypatch.setattr(imputation_fit, "_MEASURED_ROWS", n_measured)
    X = incomplete()
    sample = sample_of(X)
    assert len(sample.X) == min(200, n_measured)
    assert sample.is_whole == (n_measured > 200)
    place = _places(sample.X, X)
    for seed, rows in zip(seeds, sample.held_out, strict=True):
        _, validation = split(200, 0.1, seed)
        assert set(place[rows]) == set(validation) & set(place)


def _places(rows, X):
    same = (np.nan_to_num(rows)[:, None] == np.nan_to_num(X)[None]).all(axis=2)
    return same.argmax(axis=1)


@pytest.mark.parametrize("parameters", [{"early_stopping": False}, {"validation_fraction": "auto"}])
def test_without_validation_rows_no_row_is_held_out(parameters):
    """With cross-validation, the last training is on all rows."""
    assert not sample_of(incomplete(60), **parameters).held_out.any()


def test_two_rows_are_both_trained_on():
    assert not sample_of(np.array([[1.0, 2.0], [2.0, np.nan]])).held_out.any()


def test_rows_of_weight_zero_are_left_out():
    X, weight = incomplete(60), np.ones(60)
    weight[::3] = 0
    imputer = AutoencoderImputer(n_estimators=1, max_epochs=1, random_state=0)
    sample = imputer.fit(X, sample_weight=weight)._imputation._sample
    assert sample.n_rows == 40
    np.testing.assert_array_equal(sample.X, X[weight > 0])
