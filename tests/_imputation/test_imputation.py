import numpy as np
import pytest

from skae import AutoencoderImputer
from skae._fitting.splits import split
from skae._imputation.imputation import ImputationFit


@pytest.mark.parametrize(("early_stopping", "n_judged"), [(True, 20), (False, 200)])
def test_errors_of_networks_are_those_on_rows_that_they_held_out(
    early_stopping, n_judged, monkeypatch
):
    """On rows that a network trained on it errs less, and draws would be too narrow."""
    judged = []
    held_out = ImputationFit._held_out

    def noted(self, fit, chosen):
        rows = held_out(self, fit, chosen)
        training, _ = split(200, 0.1, fit.prepared.seeds.split)
        judged.append((chosen[rows], training))
        return rows

    monkeypatch.setattr(ImputationFit, "_held_out", noted)
    X = np.random.RandomState(0).randn(200, 4)
    X[X > 1] = np.nan
    AutoencoderImputer(
        n_estimators=2, early_stopping=early_stopping, max_epochs=1, random_state=0
    ).fit(X)
    assert [len(rows) for rows, _ in judged] == [n_judged] * 2
    if early_stopping:
        assert not any(np.isin(rows, training).any() for rows, training in judged)
