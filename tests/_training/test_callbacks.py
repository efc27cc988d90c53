"""Which callbacks a training takes."""

import threading

import pytest
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochTimer,
    InputShapeSetter,
    PrintLog,
    ProgressBar,
    TensorBoard,
    TrainEndCheckpoint,
)

from skae._training.callbacks import (
    callback_of,
    callbacks_of_fold,
    checked_callbacks,
    without_loading,
)


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


def test_a_callback_alone_and_pairs_with_names_are_taken_as_in_skorch():
    callback = EarlyStopping()
    assert checked_callbacks(callback) == [callback]
    pairs = [("es", callback), Callback()]
    assert checked_callbacks(pairs) == pairs
    assert [callback_of(item) for item in pairs] == [callback, pairs[1]]


@pytest.mark.parametrize("lone", [EarlyStopping, 3, print, 0, "", "early stopping", {}])
def test_what_is_no_list_is_refused(lone):
    with pytest.raises(TypeError, match=r"^callbacks must be one or a list of skorch"):
        checked_callbacks(lone)


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match=r"^callbacks must have different names, got 'a' twice"):
        checked_callbacks([("a", Callback()), ("a", EarlyStopping())])


@pytest.mark.parametrize(
    ("callback", "remedy"),
    [
        (InputShapeSetter(), "Leave it out"),
        (Checkpoint(f_pickle="net.pkl"), r"estimator\.save\(path\)"),
        (TrainEndCheckpoint(f_pickle="net.pkl"), "f_params"),
    ],
)
def test_what_cannot_work_is_refused_by_name(callback, remedy):
    for given in (callback, [("named", callback)]):
        with pytest.raises(ValueError, match=remedy) as error:
            checked_callbacks(given)
        assert str(error.value).startswith("callbacks must not contain ")
        assert type(callback).__name__ in str(error.value)


def test_folds_have_copies_but_for_what_writes_prints_or_cannot_be_copied():
    stopping, held = EarlyStopping(patience=7), Callback()
    held.lock = threading.Lock()
    outward = [Checkpoint(), TrainEndCheckpoint(), PrintLog(), ProgressBar(), TensorBoard(None)]
    (name, first), second = callbacks_of_fold([("es", stopping), *outward, held, EpochTimer()])
    assert (name, first.patience) == ("es", 7)
    assert first is not stopping
    assert type(second) is EpochTimer


def test_a_training_of_no_epoch_loads_nothing():
    kept = [EarlyStopping(), ("cp", Checkpoint())]
    loading = [Checkpoint(load_best=True), ("es", EarlyStopping(load_best=True))]
    assert without_loading([*kept, *loading]) == kept


@pytest.mark.parametrize("other", [print, "early stopping", 3, None, ("a", 3), (1, Callback())])
def test_others_are_refused_also_behind_good_ones(other):
    with pytest.raises(TypeError, match=r"^callbacks must be .*skorch.*, got ") as error:
        checked_callbacks([Callback(), other])
    assert repr(other) in str(error.value)
    assert "parentheses" not in str(error.value)


def test_a_class_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"EarlyStopping.* add parentheses"):
        checked_callbacks([EarlyStopping])
