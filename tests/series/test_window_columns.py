import numpy as np
import pandas as pd
import pytest

from skae import AutoencoderOutlierDetector
from skae.series import sliding_windows, window_columns


def test_columns_are_in_the_order_of_reshape():
    values = np.array([[f"{step} {name}" for name in "abc"] for step in range(4)])
    columns = window_columns(4, [*"abc"])
    assert [f"{step} {name}" for step, name in columns] == values.ravel().tolist()
    assert columns.names == ["step", "channel"]


def test_channels_without_names_are_numbered():
    assert window_columns(2, 2).tolist() == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert window_columns(3).tolist() == [(0, 0), (1, 0), (2, 0)]


def test_contributions_of_a_detector_get_names():
    """A spike is found in its channel and at its step."""
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(510, 3)), columns=[*"abc"])
    windows = sliding_windows(frame, 4)
    # Its contributions are the squared errors of the entries.
    detector = AutoencoderOutlierDetector(
        2,
        kind="undercomplete",
        scoring="reconstruction",
        novelty=True,
        max_epochs=1,
        random_state=0,
    ).fit(windows)
    frame.loc[102, "b"] = 30
    rows = sliding_windows(frame, 4)[100:103]
    contributions = detector.feature_contributions(rows)
    contributions.columns = window_columns(4, windows.channels)
    assert contributions.loc[0].idxmax() == (2, "b")
    assert contributions.loc[2].idxmax() == (0, "b")


@pytest.mark.parametrize("channels", ["ab", [], 0, 1.5, True, {1: 2}.keys])
def test_odd_channels_are_refused(channels):
    with pytest.raises(ValueError, match="channels"):
        window_columns(2, channels)


def test_odd_lengths_are_refused():
    with pytest.raises(ValueError, match="length must be an integer"):
        window_columns(0, 2)
