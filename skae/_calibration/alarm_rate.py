"""What the user of a detector asks of its threshold: a rate of alarms, in one of three ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeGuard

from skae._utils.checks import is_number

_ALTERNATIVES = "contamination, false_positive_rate, or n_alarms with n_rows"


@dataclass(frozen=True)
class AlarmRate:
    """A rate of alarms among the calibration rows.

    Parameters
    ----------
    rate : float in (0, 1)
        The rate.

    outliers : float in [0, 1)
        Fraction of the calibration rows that are outliers.

    asked : str
        What the user asked for, as in the call.
    """

    rate: float
    outliers: float
    asked: str


def asked_rate(
    contamination: Any, false_positive_rate: Any, n_alarms: Any, n_rows: Any, outlier_fraction: Any
) -> AlarmRate | None:
    """Return the rate that the arguments of ``set_threshold`` ask for; None for a contamination.

    Raises
    ------
    ValueError
        If the arguments do not go together, or one of them is out of range.
    """
    given = [contamination is not None, false_positive_rate is not None, n_alarms is not None]
    if sum(given) != 1:
        raise ValueError(
            f"set_threshold needs either contamination or false_positive_rate or n_alarms, got "
            f"contamination={contamination!r}, false_positive_rate={false_positive_rate!r} and "
            f"n_alarms={n_alarms!r}."
        )
    if n_alarms is None and n_rows is not None:
        raise ValueError(f"n_rows={n_rows!r} goes with n_alarms: give {_ALTERNATIVES}.")
    if false_positive_rate is None and outlier_fraction is not None:
        raise ValueError(
            f"outlier_fraction={outlier_fraction!r} goes with false_positive_rate, which counts "
            f"normal rows only: give {_ALTERNATIVES}."
        )
    if contamination is not None:
        _check_contamination(contamination)
        return None
    if n_alarms is not None:
        return _of_budget(n_alarms, n_rows)
    if not is_fraction(false_positive_rate):
        raise ValueError(
            f"false_positive_rate must be a number in (0, 1), got {false_positive_rate!r}."
        )
    asked = f"false_positive_rate={false_positive_rate:g}"
    return AlarmRate(false_positive_rate, _checked_outliers(outlier_fraction), asked)


def _check_contamination(contamination: Any) -> None:
    if not (is_fraction(contamination) and contamination <= 0.5):
        raise ValueError(f"contamination must be a number in (0, 0.5], got {contamination!r}.")


def _checked_outliers(outlier_fraction: Any) -> float:
    if outlier_fraction is None:
        return 0.0
    if not (is_number(outlier_fraction) and 0 <= outlier_fraction <= 0.5):
        raise ValueError(
            f"outlier_fraction must be a number in [0, 0.5], got {outlier_fraction!r}."
        )
    return outlier_fraction


def _of_budget(n_alarms: Any, n_rows: Any) -> AlarmRate:
    if not (is_number(n_alarms) and n_alarms > 0):
        raise ValueError(f"n_alarms must be a number above 0, got {n_alarms!r}.")
    if not (is_number(n_rows) and n_rows > n_alarms):
        raise ValueError(
            f"n_rows must be the number of new rows among which there are to be at most n_alarms "
            f"alarms, and larger than n_alarms={n_alarms:g}, got {n_rows!r}."
        )
    return AlarmRate(n_alarms / n_rows, 0.0, f"n_alarms={n_alarms:g} among n_rows={n_rows:g}")


def is_fraction(value: object) -> TypeGuard[float]:
    """Return whether a value is a number between 0 and 1, both excluded."""
    return is_number(value) and 0 < value < 1
