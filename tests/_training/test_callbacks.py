"""Which callbacks a training takes."""

import pytest
from skorch.callbacks import Callback, EarlyStopping

from skae._training.callbacks import checked_callbacks


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_no_callbacks_are_an_empty_list(nothing):
    assert checked_callbacks(nothing) == []


def test_skorchs_callbacks_are_returned_in_their_order_in_another_list():
    given = (EarlyStopping(), Callback(), EarlyStopping())
    found = checked_callbacks(given)
    assert type(found) is list
    assert all(a is b for a, b in zip(found, given, strict=True))
    mutable = [Callback()]
    assert checked_callbacks(mutable) is not mutable


@pytest.mark.parametrize("other", [print, "early stopping", 3, None])
def test_others_are_refused_also_behind_good_ones(other):
    with pytest.raises(TypeError, match=r"^callbacks must be .*skorch.*, got ") as error:
        checked_callbacks([Callback(), other])
    assert repr(other) in str(error.value)
    assert "parentheses" not in str(error.value)


def test_a_class_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"EarlyStopping.* add parentheses"):
        checked_callbacks([EarlyStopping])
