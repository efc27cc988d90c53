"""What a fit prints and logs."""

import logging

import numpy as np
import pytest

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae._utils.messages import is_heard

X = np.random.RandomState(0).randn(30, 4)


@pytest.mark.parametrize("verbose", [0, 1])
def test_each_epoch_is_logged_and_printed_if_asked_for(verbose, caplog, capsys):
    caplog.set_level(logging.INFO, "skae")
    ae = AutoencoderTransformer(
        2, max_epochs=3, validation_fraction=0.2, init="random", verbose=verbose, random_state=0
    ).fit(X)
    lines = [record.getMessage() for record in caplog.records if record.name == "skae"]
    assert [line.split("  train")[0] for line in lines] == [f"epoch    {i}/3" for i in (1, 2, 3)]
    assert f"valid {ae.history_['valid_loss'][2]:.6f}" in lines[1]
    assert {record.levelno for record in caplog.records} == {logging.INFO}
    assert capsys.readouterr().out.splitlines() == (lines if verbose else [])


def test_all_networks_are_logged(caplog):
    caplog.set_level(logging.INFO, "skae")
    detector = AutoencoderOutlierDetector(2, max_epochs=2, random_state=0).fit(X)
    trained = detector.history_["epoch"] > 0
    assert len(caplog.records) == trained.sum()


def test_nothing_is_said_by_default(caplog, capsys):
    AutoencoderTransformer(2, max_epochs=2, random_state=0).fit(X)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
    assert not caplog.records


@pytest.mark.parametrize("verbose", [0, 1])
def test_somebody_hears_what_is_printed_or_logged(verbose, caplog):
    estimator = AutoencoderTransformer(verbose=verbose)
    assert is_heard(estimator) is bool(verbose)
    with caplog.at_level("INFO", logger="skae"):
        assert is_heard(estimator)
