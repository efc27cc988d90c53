"""The checks of skae.architectures; those of the kinds are in test_checks.py."""

from types import SimpleNamespace

import numpy as np
import pytest

from skae.architectures import checks


class Part(SimpleNamespace):
    """Stands in for an architecture."""


@pytest.mark.parametrize(
    ("check", "value", "expected"),
    [
        (lambda p: checks.check_boolean(p, "x"), True, True),
        (lambda p: checks.check_boolean(p, "x"), False, False),
        (lambda p: checks.check_choice(p, "x", ("a", "b")), "b", "b"),
        (lambda p: checks.check_size(p, "x"), 1, 1),
        (lambda p: checks.check_size(p, "x"), np.int64(4), 4),
        (lambda p: checks.check_size(p, "x", low=0), 0, 0),
        (lambda p: checks.check_sizes(p, "x", empty=True), [], ()),
        (lambda p: checks.check_sizes(p, "x", empty=False), [np.int8(3), 2], (3, 2)),
        (lambda p: checks.check_sizes(p, "x", empty=False), range(1, 4), (1, 2, 3)),
    ],
)
def test_good_values_come_back(check, value, expected):
    found = check(Part(x=value))
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("check", "values", "message"),
    [
        (lambda p: checks.check_boolean(p, "x"), [1, 0, None, "yes"], "must be True or False"),
        (
            lambda p: checks.check_choice(p, "x", ("a", "b")),
            ["c", None, 1, ["a"], "A"],
            r"must be one of \['a', 'b'\]",
        ),
        (
            lambda p: checks.check_size(p, "x", low=2),
            [1, -2, 2.0, "2", None, True],
            "must be an integer >= 2",
        ),
        (
            lambda p: checks.check_sizes(p, "x", empty=True),
            [5, "ab", b"ab", (0,), (1.5,), (None,), (True,), None, {1}],
            "must be a sequence of integers >= 1, such as",
        ),
        (
            lambda p: checks.check_sizes(p, "x", empty=False),
            [(), [], (-1,)],
            "must be a sequence of one or more integers >= 1, such as",
        ),
    ],
)
def test_bad_values_are_named(check, values, message):
    for value in values:
        with pytest.raises(ValueError, match=f"^x of Part {message}") as error:
            check(Part(x=value))
        assert str(error.value).endswith(f"got {value!r}.")


@pytest.mark.parametrize("value", [0, 0.0, 0.5, np.float32(0.25), 0.999])
def test_dropout_is_a_probability(value):
    assert checks.check_dropout(Part(dropout=value)) == value


@pytest.mark.parametrize("value", [1, 1.0, -0.1, True, False, "0.1", None, float("nan")])
def test_other_dropout_is_refused(value):
    with pytest.raises(ValueError, match=r"^dropout of Part must be a number in \[0, 1\), got"):
        checks.check_dropout(Part(dropout=value))
