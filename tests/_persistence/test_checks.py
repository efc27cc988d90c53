"""Checks of values against type hints."""

from typing import Literal

import numpy as np
import pytest

from skae._persistence.checks import ABOVE_ZERO, SIZE, Array, check_values, matches

NAN = float("nan")
# Hints, values of their type, and values of none.
CASES = [
    (int, [0, 3, np.int64(2)], [-1, True, 1.0, "1", None]),
    (SIZE, [1, 9], [0, -1, True, 1.5]),
    (float, [0.5, -1, np.float32(2), float("inf")], [NAN, True, "1", None, np.ones(1)]),
    (ABOVE_ZERO, [1e-300, 2], [0, 0.0, -1.0, NAN]),
    (int | None, [None, 1], [-1, "x", False]),
    (str, ["", "x"], [b"x", 1]),
    (bool, [True], [1, None]),
    (Literal["a", "b"], ["a"], ["c", ["a"], None, 1]),
    (list[int], [[], [1]], [(1,), [-1], None]),
    (tuple[SIZE, ...], [(), (1, 2)], [[1], (0,), (1.0,)]),
    (dict[str, int], [{}, {"a": 1}], [{"a": -1}, {1: 1}, []]),
    (float | np.ndarray, [1.0, np.ones(2)], [NAN, [1.0]]),
    (Array(), [np.ones(2)], [np.ones((1, 2)), np.array([1]), np.array([NAN]), [1.0]]),
    (Array("fi", ndim=2), [np.ones((1, 2), int)], [np.ones(2), np.ones((1, 2), bool)]),
    (Array(finite=False), [np.array([NAN, np.inf])], [np.ones(1, dtype=object)]),
    (Array(positive=True), [np.ones(1)], [np.zeros(1), -np.ones(1), np.array([np.inf])]),
]


@pytest.mark.parametrize(("hint", "good", "bad"), CASES, ids=[str(case[0]) for case in CASES])
def test_values_match_hints(hint, good, bad):
    assert all(matches(value, hint) for value in good)
    assert not any(matches(value, hint) for value in bad)


def test_names_are_those_of_the_hints():
    check_values({"a": 1}, {"a": int}, "Owner")
    with pytest.raises(ValueError, match=r"Owner has missing values \['b'\] and unknown .*\['a'\]"):
        check_values({"a": 1}, {"b": int}, "Owner")
    with pytest.raises(ValueError, match="a of Owner must be int, got -1"):
        check_values({"a": -1}, {"a": int}, "Owner")
