import threading
import time
import weakref
from itertools import islice

import pytest

from skae._data.prefetch import prefetched


class Block:
    """Something that can be referred to weakly."""


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_results_in_order(n):
    assert list(prefetched(lambda i: i * i, range(n))) == [i * i for i in range(n)]


def test_nothing_runs_before_the_first_is_asked_for():
    called = []
    prefetched(called.append, range(3))
    assert not called


def test_the_next_is_made_while_one_is_in_use_and_no_more():
    begun = [threading.Event() for _ in range(4)]
    results = prefetched(lambda i: begun[i].set(), range(4))
    next(results)
    assert begun[1].wait(5)
    time.sleep(0.02)
    assert not begun[2].is_set()
    results.close()
    assert not begun[2].is_set()


def test_work_is_done_in_one_other_thread():
    threads = set(prefetched(lambda _: threading.current_thread(), range(5)))
    assert len(threads) == 1
    assert threading.current_thread() not in threads


def test_arguments_are_made_in_this_thread():
    threads = []

    def arguments():
        for _ in range(3):
            threads.append(threading.current_thread())
            yield None

    list(prefetched(lambda _: None, arguments()))
    assert threads == [threading.current_thread()] * 3


def test_no_more_than_two_results_at_a_time():
    alive, most = weakref.WeakSet(), []

    def make(_):
        block = Block()
        alive.add(block)
        most.append(len(alive))
        return block

    results = prefetched(make, range(6))
    for _ in range(6):
        block = next(results)
        time.sleep(0.005)  # the next is made meanwhile
        del block
    assert max(most) == 2


@pytest.mark.parametrize("bad", [0, 1, 3])
def test_what_the_function_raises_comes_in_its_turn(bad):
    results = prefetched(lambda i: 1 / (i - bad), range(5))
    assert len(list(islice(results, bad))) == bad
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_what_the_arguments_raise_comes_too():
    def arguments():
        yield 1
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        list(prefetched(lambda i: i, arguments()))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_the_loop_ends_the_thread(error):
    finished = []

    def slow(i):
        time.sleep(0.01)
        finished.append(i)
        return i

    def loop():
        for i in prefetched(slow, range(100)):
            if i == 1:
                raise error

    before = threading.active_count()
    with pytest.raises(error):
        loop()
    assert threading.active_count() == before
    assert finished == [0, 1, 2]


def test_a_forgotten_iteration_ends_the_thread():
    results = prefetched(lambda i: i, range(100))
    assert next(results) == 0
    assert threading.active_count() > 1
    del results


def test_several_at_a_time():
    first, second = prefetched(lambda i: i, range(5)), prefetched(lambda i: -i, range(5))
    assert list(zip(first, second, strict=True)) == [(i, -i) for i in range(5)]
