import threading

import pytest
import torch

from skae._runtime import threads
from skae._runtime.threads import paced, threads_for

OUTSIDE = 3
SMALL, LARGE = (16, 100), (1024, 10**7)


@pytest.fixture(autouse=True)
def three_threads(global_state_is_left_alone):
    before = torch.get_num_threads()
    torch.set_num_threads(OUTSIDE)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def pays(monkeypatch):
    """Say what a look finds, and count the looks."""

    class Pays:
        answers, looks = True, 0

        def __call__(self, n_threads):
            assert n_threads == OUTSIDE
            self.looks += 1
            return self.answers

    pays = Pays()
    monkeypatch.setattr(threads, "_pays", pays)
    monkeypatch.setattr(threads, "_looked", -float("inf"))
    monkeypatch.setattr(threads, "_paid", 1)
    return pays


@pytest.fixture(autouse=True)
def threads_pay(pays):
    """As on a quiet machine, unless a test says otherwise."""


@pytest.mark.parametrize(("size", "inside"), [(SMALL, 1), (LARGE, OUTSIDE)])
def test_small_networks_take_one_thread(size, inside):
    with threads_for(*size):
        assert torch.get_num_threads() == inside
    assert torch.get_num_threads() == OUTSIDE


def test_never_more_than_torch_was_given():
    torch.set_num_threads(1)
    with threads_for(*LARGE):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 1


def test_restored_after_an_exception():
    with pytest.raises(KeyError), threads_for(*SMALL):
        raise KeyError
    assert torch.get_num_threads() == OUTSIDE


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [(SMALL, SMALL, (1, 1, 1)), (SMALL, LARGE, (1, OUTSIDE, 1)), (LARGE, SMALL, (OUTSIDE, 1, 3))],
)
def test_nested(outer, inner, expected):
    """A callback may use another model in the middle of a training."""
    seen = []
    with threads_for(*outer):
        seen.append(torch.get_num_threads())
        with threads_for(*inner):
            seen.append(torch.get_num_threads())
        seen.append(torch.get_num_threads())
    assert tuple(seen) == expected
    assert torch.get_num_threads() == OUTSIDE


@pytest.mark.parametrize("first_to_leave", [0, 1])
def test_restored_when_two_threads_overlap(first_to_leave):
    """Neither takes the other's single thread for the number that torch had been given."""
    both_inside, one_left = threading.Barrier(2), threading.Event()
    after = {}

    def work(number):
        with threads_for(*SMALL):
            both_inside.wait(10)
            if number != first_to_leave:
                one_left.wait(10)
        after[number] = torch.get_num_threads()
        one_left.set()

    workers = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert after == {0: OUTSIDE, 1: OUTSIDE}
    assert torch.get_num_threads() == OUTSIDE
    with threads_for(*LARGE):
        assert torch.get_num_threads() == OUTSIDE


def test_one_thread_beside_a_busy_neighbour(pays):
    pays.answers = False
    with threads_for(*LARGE):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == OUTSIDE


def test_small_networks_are_not_looked_at(pays):
    with threads_for(*SMALL):
        assert list(paced(range(3))) == [0, 1, 2]
    assert pays.looks == 0


def test_a_neighbour_that_comes_and_goes(pays, monkeypatch):
    monkeypatch.setattr(threads, "_INTERVAL", 0.0)
    seen = []
    with threads_for(*LARGE):
        for i in paced(range(6)):
            seen.append(torch.get_num_threads())
            pays.answers = i not in (1, 2)
    assert seen == [OUTSIDE, OUTSIDE, 1, 1, OUTSIDE, OUTSIDE]


def test_looks_are_seldom(pays, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(threads.time, "perf_counter", lambda: now[0])
    with threads_for(*LARGE):
        for _ in paced(range(100)):
            now[0] += 0.1
    # One at the beginning, and one in three items of a tenth of a second.
    assert pays.looks == 1 + 33


def test_calls_share_their_looks(pays):
    pays.answers = False
    for _ in range(3):
        with threads_for(*LARGE):
            assert torch.get_num_threads() == 1
    assert pays.looks == 1


def test_paced_in_a_callback_of_a_paced_training(pays, monkeypatch):
    monkeypatch.setattr(threads, "_INTERVAL", 0.0)
    with threads_for(*LARGE):
        for _ in paced(range(2)):
            with threads_for(*SMALL):
                assert [torch.get_num_threads() for _ in paced(range(2))] == [1, 1]
            assert torch.get_num_threads() == OUTSIDE


def test_paced_outside_changes_nothing(pays):
    assert list(paced(iter("abc"))) == ["a", "b", "c"]
    assert torch.get_num_threads() == OUTSIDE
    assert pays.looks == 0


@pytest.mark.parametrize(("seconds_of_all", "expected"), [(0.5, True), (1.5, False)])
def test_threads_pay_where_a_product_is_faster(monkeypatch, seconds_of_all, expected):
    monkeypatch.undo()
    monkeypatch.setattr(
        threads, "_seconds_of_a_product", lambda n: seconds_of_all if n == OUTSIDE else 1.0
    )
    assert threads._pays(OUTSIDE) == expected


def test_products_are_computed_on_the_threads_asked_for(monkeypatch):
    monkeypatch.undo()
    seen, mm = [], torch.mm
    monkeypatch.setattr(torch, "mm", lambda *a: seen.append(torch.get_num_threads()) or mm(*a))
    threads._pays(OUTSIDE)
    assert seen == [OUTSIDE, 1]
