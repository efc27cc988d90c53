import re

import numpy as np
import pytest

from skae._utils.checks import check_choice, check_integer, check_number


@pytest.mark.parametrize("value", [0, 0.5, 1, 1.0, np.float32(0.25), np.float64(1), np.int8(1)])
def test_numbers_within_limits_that_belong_to_them(value):
    assert check_number(value, "share", low=0, high=1) is None


@pytest.mark.parametrize("value", [-1e-9, 1.0001, np.nan, np.inf, -np.inf, True, False, np.True_])
def test_numbers_beyond_limits(value):
    sentence = f"share must be a number in [0, 1], got {value!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        check_number(value, "share", low=0, high=1)


@pytest.mark.parametrize("value", ["0.5", None, [0.5], np.array([0.5]), 0.5j])
def test_what_is_no_number(value):
    with pytest.raises(ValueError, match=re.escape(f"in [0, 1], got {value!r}.")):
        check_number(value, "share", low=0, high=1)


@pytest.mark.parametrize(
    ("limits", "interval", "accepted", "refused"),
    [
        ({}, "[0, 1]", (0, 1, 0.5), (-0.1, 1.1)),
        ({"open_low": True}, "(0, 1]", (1, 1e-9), (0, 1.1)),
        ({"open_high": True}, "[0, 1)", (0, 0.999), (1, -0.1)),
        ({"open_low": True, "open_high": True}, "(0, 1)", (1e-9, 0.999), (0, 1)),
        ({"high": np.inf}, "[0, inf)", (0, 1e300), (-1e-9, np.inf)),
        ({"high": np.inf, "open_low": True}, "(0, inf)", (1e-300, 5), (0, np.inf)),
        ({"low": -1.5, "high": 2}, "[-1.5, 2]", (-1.5, 2), (-1.6, 2.1)),
    ],
)
def test_limits_may_be_refused_themselves(limits, interval, accepted, refused):
    limits = {"low": 0, "high": 1, **limits}
    for value in accepted:
        check_number(value, "share", **limits)
    for value in refused:
        with pytest.raises(ValueError, match=re.escape(f"share must be a number in {interval},")):
            check_number(value, "share", **limits)


@pytest.mark.parametrize("value", [1, 4, 7, np.int64(7), np.uint8(1)])
def test_integers_within_limits(value):
    assert check_integer(value, "k", low=1, high=7) is None


@pytest.mark.parametrize("value", [0, 8, -3, 2.0, np.float64(2), True, np.True_, "2", None, (2,)])
def test_integers_beyond_limits(value):
    sentence = f"k must be an integer from 1 to 7, got {value!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        check_integer(value, "k", low=1, high=7)


def test_the_reason_for_a_limit_is_named():
    sentence = "k must be an integer from 1 to 7, as there are 7 columns, got 9."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        check_integer(9, "k", low=1, high=7, reason=", as there are 7 columns")


@pytest.mark.parametrize("choices", [("exact", "auto"), ["exact", "auto"], {"exact": 1, "auto": 2}])
def test_choices(choices):
    assert check_choice("auto", "way", choices) is None
    for value in ("Auto", "", None, 1, ["auto"], b"auto"):
        sentence = f"way must be one of ['auto', 'exact'], got {value!r}."
        with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
            check_choice(value, "way", choices)
