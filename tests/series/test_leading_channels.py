import numpy as np
import pandas as pd
import pytest

from skae.series import incidents, leading_channels

ALARMS = [0, 1, 1, 0, 0, 1, 0]
CONTRIBUTIONS = np.array([[9, 9], [1, 2], [5, 3], [9, 9], [9, 9], [-1, 4], [9, 9]])


def test_the_channel_with_the_largest_sum_leads():
    named = leading_channels(incidents(ALARMS), CONTRIBUTIONS, ["load", "heat"])
    assert named["channel"].tolist() == ["load", "heat"]
    assert named["fraction"].tolist() == [6 / 11, 1]
    assert named["peak"].tolist() == [2, 5]
    assert list(named.columns) == ["start", "stop", "n_alarms", "channel", "fraction", "peak"]


def test_names_come_from_a_frame_or_are_positions():
    frame = pd.DataFrame(CONTRIBUTIONS, columns=["a", "b"])
    assert leading_channels(incidents(ALARMS), frame)["channel"].tolist() == ["a", "b"]
    assert leading_channels(incidents(ALARMS), CONTRIBUTIONS)["channel"].tolist() == [0, 1]
    assert leading_channels(incidents(ALARMS), CONTRIBUTIONS[:, 1])["channel"].tolist() == [0, 0]


def test_some_incidents_keep_their_index():
    report = incidents(ALARMS, [(5, 6)])
    right = report.incidents[report.incidents["true"]]
    named = leading_channels(right, CONTRIBUTIONS)
    assert named.index.tolist() == [1]
    assert named["channel"].tolist() == [1]


def test_several_series():
    report = incidents([np.array([0, 1]), np.array([1, 0])])
    named = leading_channels(report, [CONTRIBUTIONS, CONTRIBUTIONS[2:]], ["load", "heat"])
    assert named["channel"].tolist() == ["heat", "load"]
    assert named["peak"].tolist() == [1, 0]


def test_points_without_a_score_are_left_out():
    values = np.array([[np.nan, 1.0], [3.0, np.nan], [np.nan, np.nan]])
    named = leading_channels(incidents([1, 1, 0]), values)
    assert named[["channel", "fraction", "peak"]].to_numpy().tolist() == [[0, 0.75, 1]]
    nothing = leading_channels(incidents([0, 0, 1]), values)
    assert np.isnan(nothing["fraction"]).all()
    assert leading_channels(incidents([0, 0, 0]), values).empty


def test_odd_arguments_are_refused():
    report = incidents(ALARMS)
    with pytest.raises(ValueError, match="each of the 2 columns of contributions, got 3"):
        leading_channels(report, CONTRIBUTIONS, [*"abc"])
    with pytest.raises(
        ValueError, match=r"\(n_points, n_channels\), got \(7, 2, 1\).*point_scores"
    ):
        leading_channels(report, CONTRIBUTIONS[:, :, None])
    with pytest.raises(ValueError, match="2 points, but an incident stops at 3"):
        leading_channels(report, CONTRIBUTIONS[:2])
    with pytest.raises(
        ValueError, match="one entry for each series, but an incident is of series 1"
    ):
        leading_channels(incidents([np.array([0, 1]), np.array([1, 0])]), [CONTRIBUTIONS])
