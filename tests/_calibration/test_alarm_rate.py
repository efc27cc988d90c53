"""The rate that the arguments of set_threshold ask for."""

import pytest

from skae._calibration.alarm_rate import AlarmRate, asked_rate, is_fraction

NAMES = ("contamination", "false_positive_rate", "n_alarms", "n_rows", "outlier_fraction")


def asked(**given):
    return asked_rate(*(given.get(name) for name in NAMES))


def test_rates():
    assert asked(contamination=0.5) is None
    rate = asked(false_positive_rate=0.01, outlier_fraction=0.003)
    assert rate == AlarmRate(0.01, 0.003, "false_positive_rate=0.01")
    assert asked(false_positive_rate=0.01).outliers == 0
    budget = asked(n_alarms=3, n_rows=1000)
    assert budget == AlarmRate(0.003, 0.0, "n_alarms=3 among n_rows=1000")
    assert asked(n_alarms=0.5, n_rows=10.0).rate == 0.05


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "either contamination or false_positive_rate or n_alarms"),
        ({"contamination": 0.1, "false_positive_rate": 0.1}, "either contamination or"),
        ({"n_alarms": 1, "n_rows": 9, "contamination": 0.1}, "either contamination or"),
        ({"n_rows": 9}, "either contamination or"),
        ({"contamination": 0.6}, r"contamination must be a number in \(0, 0.5\], got 0.6"),
        ({"contamination": True}, "contamination must be"),
        ({"contamination": 0.1, "n_rows": 9}, "n_rows=9 goes with n_alarms"),
        ({"contamination": 0.1, "outlier_fraction": 0.1}, "outlier_fraction=0.1 goes with false_"),
        ({"n_alarms": 1, "n_rows": 9, "outlier_fraction": 0.1}, "outlier_fraction=0.1 goes with"),
        ({"false_positive_rate": 1.0}, r"false_positive_rate must be a number in \(0, 1\)"),
        (
            {"false_positive_rate": 0.1, "outlier_fraction": 0.51},
            r"outlier_fraction must be .*0\.5",
        ),
        ({"false_positive_rate": 0.1, "outlier_fraction": -0.1}, "outlier_fraction must be"),
        ({"n_alarms": 0, "n_rows": 9}, "n_alarms must be a number above 0, got 0"),
        ({"n_alarms": 9, "n_rows": 9}, "n_rows must be .* larger than n_alarms=9, got 9"),
        ({"n_alarms": 9}, "n_rows must be .* got None"),
    ],
)
def test_refused(given, message):
    with pytest.raises(ValueError, match=message):
        asked(**given)


def test_is_fraction():
    assert is_fraction(0.5)
    assert not any(map(is_fraction, (0, 1, True, "0.5", None, float("nan"))))
