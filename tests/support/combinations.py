"""Which combinations of parts stand for all of them."""

import itertools

import pytest


def pairwise(combinations):
    """Return some of the combinations, in which each pair of two of their values occurs.

    Those that hold most of the pairs that are missing come first, so that the first ones alone
    hold as many as so few can.
    """
    pairs = {c: set(itertools.combinations(enumerate(c), 2)) for c in combinations}
    missing, chosen = set().union(*pairs.values()), []
    while missing:
        chosen.append(max(combinations, key=lambda c: len(pairs[c] & missing)))
        missing -= pairs[chosen[-1]]
    return chosen


def slow_but(quick, values, name):
    """Return parameters of a test, all of them slow but some."""
    return [
        pytest.param(value, id=name(value), marks=() if value in quick else pytest.mark.slow)
        for value in values
    ]
