import numpy as np
import pandas as pd
import pytest

from skae.series import incidents


def by_definition(alarms, events, max_gap):
    """Return incidents, and per event the delay or None, by going through the points."""
    found = []
    for point in np.flatnonzero(alarms).tolist():
        if found and point - found[-1][-1] - 1 <= max_gap:
            found[-1].append(point)
        else:
            found.append([point])
    delays = []
    for start, stop in events:
        inside = [point for point in range(start, stop) if alarms[point]]
        delays.append(inside[0] - start if inside else np.nan)
    true = [any(a <= p < b for p in points for a, b in events) for points in found]
    rows = [(points[0], points[-1] + 1, len(points)) for points in found]
    return rows, true, np.array(delays, dtype=float)


@pytest.mark.parametrize("max_gap", [0, 1, 4])
@pytest.mark.parametrize("seed", range(8))
def test_by_definition(max_gap, seed):
    rng = np.random.default_rng(seed)
    alarms = rng.random(60) < [0.05, 0.3, 0.9, 0.0][seed % 4]
    starts = rng.integers(0, 55, size=5)
    events = np.column_stack([starts, starts + rng.integers(1, 6, size=5)])
    report = incidents(alarms, events, max_gap=max_gap)
    rows, true, delays = by_definition(alarms, events, max_gap)
    frame = report.incidents
    assert list(zip(frame["start"], frame["stop"], frame["n_alarms"], strict=True)) == rows
    assert frame["true"].tolist() == true
    assert np.array_equal(report.events[["start", "stop"]], events)
    assert np.array_equal(report.events["delay"], delays, equal_nan=True)
    assert report.events["found"].tolist() == (~np.isnan(delays)).tolist()
    assert report.recall == np.mean(~np.isnan(delays))
    np.testing.assert_equal(report.precision, np.mean(true) if true else np.nan)
    np.testing.assert_equal(
        report.delay, np.nanmean(delays) if np.isfinite(delays).any() else np.nan
    )


def test_an_event_in_a_gap_is_not_found():
    report = incidents([True, False, False, True], [(1, 3)], max_gap=2)
    assert len(report.incidents) == 1
    assert (report.recall, report.precision) == (0, 0)


def test_an_alarm_before_the_event_does_not_count():
    report = incidents([1, 1, 0, 0, 0, 0], [(2, 4)])
    assert (report.recall, report.precision) == (0, 0)
    assert np.isnan(report.delay)
    assert incidents([0, 1, 1, 1, 0, 0], [(2, 4)]).delay == 0
    assert incidents([0, 0, 0, 1, 0, 0], [(2, 4)]).delay == 1
    assert incidents([0, 0, 0, 0, 1, 0], [(2, 4)]).recall == 0


def test_a_mask_stands_for_intervals():
    alarms, mask = np.zeros((2, 12), dtype=bool)
    alarms[[3, 10]], mask[2:5], mask[8:9] = True, True, True
    for truth in (mask, mask.astype(int), [(2, 5), (8, 9)], np.array([[2.0, 5], [8, 9]])):
        report = incidents(alarms, truth)
        assert report.events["start"].tolist() == [2, 8]
        assert report.events["stop"].tolist() == [5, 9]
        assert (report.recall, report.precision, report.delay) == (0.5, 0.5, 1)
    assert "2 incidents, 2 events: recall=0.5, precision=0.5, delay=1" in repr(report)


def test_without_events():
    alarms = [False, True]
    for truth in ([], np.zeros(2, dtype=bool)):
        report = incidents(alarms, truth)
        assert np.isnan(report.recall)
        assert report.precision == 0
    report = incidents(alarms)
    assert list(report.incidents.columns) == ["start", "stop", "n_alarms"]
    assert np.isnan([report.recall, report.precision, report.delay]).all()
    assert len(incidents([]).incidents) == 0


def test_several_series():
    alarms = [np.array([0, 1, 1, 0]), np.array([0, 0]), np.array([1, 0, 1])]
    report = incidents(alarms, [[(2, 4)], [], [(0, 1), (1, 2)]])
    assert report.incidents["series"].tolist() == [0, 2, 2]
    assert report.incidents["start"].tolist() == [1, 0, 2]
    assert report.incidents["true"].tolist() == [True, True, False]
    assert report.events["series"].tolist() == [0, 2, 2]
    assert report.recall == 2 / 3
    assert report.precision == 2 / 3
    assert report.delay == 0
    assert isinstance(report.incidents, pd.DataFrame)
    assert report.incidents.columns[0] == "series"
    assert incidents(alarms).incidents["n_alarms"].tolist() == [2, 1, 1]
    assert incidents([np.array([0, 1])], [[(1, 2)]]).recall == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, -1, 1],), "alarms must be True or False .*labels == -1"),
        (([0.2, 0.9],), "alarms must be True or False"),
        ((np.zeros((2, 3), dtype=bool),), r"alarms must .* of shape \(2, 3\)"),
        (([0, 1, 0], [(1, 1)]), r"0 <= start < stop <= 3, .* entry 0 is \(1, 1\)"),
        (([0, 1, 0], [(0, 1), (1, 4)]), r"entry 1 is \(1, 4\)"),
        (([0, 1, 0], [(-1, 2)]), r"entry 0 is \(-1, 2\)"),
        (([0, 1, 0], [(0, 1.5)]), "whole numbers"),
        (([0, 1, 0], [(0, 1, 2)]), "two columns"),
        (([0, 1, 0], [("a", "b")]), "two columns"),
        (([0, 1, 0], [0, 1]), "one entry for each of the 3 points.*got 2"),
        (([0, 1, 0], [0, 5, 2]), "true_intervals must be True or False"),
        (([[0, 1], [1]], [[(0, 1)]]), "each of the 2 series of alarms, got 1"),
    ],
)
def test_odd_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        incidents(*arguments)


def test_odd_gaps_are_refused():
    with pytest.raises(ValueError, match="max_gap must be an integer"):
        incidents([0, 1], max_gap=-1)
