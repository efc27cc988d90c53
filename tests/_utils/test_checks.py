import re

import numpy as np
import pytest

from skae._utils.checks import (
    check_boolean,
    check_choice,
    check_number,
    check_size,
    check_sizes,
    is_auto,
)


@pytest.mark.parametrize("value", [0, 0.5, 1, 1.0, np.float32(0.25), np.float64(1), np.int8(1)])
def test_numbers_within_limits_that_belong_to_them(value):
    assert check_number(value, "fraction", low=0, high=1) == value


@pytest.mark.parametrize("value", [-1e-9, 1.0001, np.nan, np.inf, -np.inf, True, False, np.True_])
def test_numbers_beyond_limits(value):
    sentence = f"fraction must be a number in [0, 1], got {value!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        check_number(value, "fraction", low=0, high=1)


@pytest.mark.parametrize("value", ["0.5", None, [0.5], np.array([0.5]), 0.5j])
def test_what_is_no_number(value):
    with pytest.raises(ValueError, match=re.escape(f"in [0, 1], got {value!r}.")):
        check_number(value, "fraction", low=0, high=1)


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
        check_number(value, "fraction", **limits)
    for value in refused:
        with pytest.raises(
            ValueError, match=re.escape(f"fraction must be a number in {interval},")
        ):
            check_number(value, "fraction", **limits)


@pytest.mark.parametrize("value", [1, 4, 7, np.int64(7), np.uint8(1)])
def test_integers_within_limits(value):
    found = check_size(value, "k", low=1, high=7)
    assert (found, type(found)) == (value, int)


@pytest.mark.parametrize("value", [0, 8, -3, 2.0, np.float64(2), True, np.True_, "2", None, (2,)])
def test_integers_beyond_limits(value):
    sentence = f"k must be an integer from 1 to 7, got {value!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        check_size(value, "k", low=1, high=7)


def test_the_reason_for_a_limit_is_named():
    sentence = "k must be an integer from 1 to 7, as there are 7 columns, got 9."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        check_size(9, "k", low=1, high=7, reason=", as there are 7 columns")


@pytest.mark.parametrize("value", [1, -2, 2.0, "2", None, True])
def test_sizes_without_a_limit(value):
    with pytest.raises(ValueError, match=f"^k must be an integer >= 2, got {value!r}.$"):
        check_size(value, "k", low=2)


def test_sizes_beyond_any_limit():
    with pytest.raises(ValueError, match=r"^k must be an integer from 1 to 2147483647, got 2147"):
        check_size(2**31, "k")
    assert check_size(2**31 - 1, "k") == 2**31 - 1
    assert check_size(0, "k", low=0) == 0


def test_what_may_stand_instead_of_a_size():
    sentence = "bins must be 'auto' or an integer >= 1, got 0."
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        check_size(0, "bins", instead="'auto' or ")


@pytest.mark.parametrize(
    ("value", "expected"), [([], ()), ([np.int8(3), 2], (3, 2)), (range(1, 4), (1, 2, 3))]
)
def test_sequences_of_sizes(value, expected):
    found = check_sizes(value, "x")
    assert found == expected
    assert type(found) is tuple
    assert all(type(size) is int for size in found)


@pytest.mark.parametrize("value", [5, "ab", b"ab", (0,), (1.5,), (None,), (True,), None, {1}])
def test_what_is_no_sequence_of_sizes(value):
    sentence = f"x must be a sequence of integers >= 1, such as (64, 32), got {value!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        check_sizes(value, "x")


@pytest.mark.parametrize("value", [(), [], (-1,)])
def test_sequences_that_may_not_be_empty(value):
    sentence = "x must be 'auto' or a sequence of one or more integers >= 1, such as (7,), got "
    with pytest.raises(ValueError, match=f"^{re.escape(sentence + repr(value))}.$"):
        check_sizes(value, "x", empty=False, instead="'auto' or ", example=(7,))
    assert check_sizes([3], "x", empty=False) == (3,)


@pytest.mark.parametrize("value", [1, 0, None, "yes", np.True_])
def test_booleans(value):
    assert check_boolean(True, "x") is True
    assert check_boolean(False, "x") is False
    with pytest.raises(ValueError, match=f"^x must be True or False, got {re.escape(repr(value))}"):
        check_boolean(value, "x")


@pytest.mark.parametrize("value", [None, 0.5, ("auto",), np.array(["auto"]), "Auto"])
def test_auto(value):
    assert is_auto("auto")
    assert not is_auto(value)


@pytest.mark.parametrize("choices", [("exact", "auto"), ["exact", "auto"], {"exact": 1, "auto": 2}])
def test_choices(choices):
    assert check_choice("auto", "way", choices) == "auto"
    with pytest.raises(ValueError, match=r"got 'Auto': did you mean 'auto'\?$"):
        check_choice("Auto", "way", choices)
    for value in ("other", "", None, 1, ["auto"], b"auto"):
        sentence = f"way must be one of ['auto', 'exact'], got {value!r}."
        with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
            check_choice(value, "way", choices)
