import pytest

from skae._runtime import interruption
from skae._runtime.interruption import NothingToKeepError, end_fit_or_raise


@pytest.fixture
def at(monkeypatch):
    """Return a function that is told of Ctrl-C at some time."""

    def told(seconds, interrupt=None):
        monkeypatch.setattr(interruption, "monotonic", lambda: seconds)
        end_fit_or_raise(interrupt or KeyboardInterrupt())

    return told


def test_one_ends_a_fit(at):
    for seconds in (0.0, 2.0, 10.0):
        at(seconds)


def test_two_within_two_seconds_are_raised(at):
    at(5.0)
    second = KeyboardInterrupt("second")
    with pytest.raises(KeyboardInterrupt) as raised:
        at(6.9, second)
    assert raised.value is second
    with pytest.raises(KeyboardInterrupt):  # whoever catches it next
        at(6.95, second)
    at(9.0)


def test_an_exception_of_skae_is_no_further_ctrl_c(at):
    at(5.0)
    at(5.1, NothingToKeepError("nothing"))
    at(7.05)
