import re

import numpy as np
import pytest

from skae._utils.naming import naming


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("complex data"), ValueError("X cannot be used: complex data")),
        (TypeError("no len()"), TypeError("X cannot be used: no len()")),
        (OverflowError("too large"), ValueError("X cannot be used: too large")),
        (FloatingPointError("invalid"), ValueError("X cannot be used: invalid")),
    ],
)
def test_errors_that_do_not_name_the_argument(error, expected):
    sentence = f"^{re.escape(str(expected))}$"
    with pytest.raises(type(expected), match=sentence) as caught, naming("X"):
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        ValueError("X must hold numbers, got 'a'."),
        ValueError("Input X contains NaN."),
        TypeError("A sparse X, of all things"),
        np.exceptions.AxisError("X"),
    ],
)
def test_errors_that_name_the_argument_stay(error):
    with pytest.raises(type(error)) as caught, naming("X"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize("message", ["no maXimum", "X_test", "float: 'X'", 'the key "X"'])
def test_the_name_within_a_word_or_between_quotes_does_not_count(message):
    with pytest.raises(ValueError, match=f"^X cannot be used: {message}$"), naming("X"):
        raise ValueError(message)


def test_other_errors_pass():
    with pytest.raises(KeyError, match=r"^'a'$"), naming("X"):
        raise KeyError("a")


def test_a_value_that_is_called_like_the_argument():
    with pytest.raises(ValueError, match=r"^X cannot be used: could not convert"), naming("X"):
        np.asarray(["X"], dtype=float)
