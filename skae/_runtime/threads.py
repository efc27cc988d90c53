"""The number of threads that a network computes on."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

# Multiplications of a forward pass from which a second thread pays. Below, threads spend their
# time waiting for one another, and many times more beside a busy neighbour.
_PARALLEL_WORK = 5e7
# Seconds between two measurements of whether threads pay, and the side of the matrices whose
# product is timed: about a millisecond on one thread.
_INTERVAL, _SIDE = 0.25, 384

Item = TypeVar("Item")


class _Enclosing(threading.local):
    """The innermost enclosing call of :func:`threads_for` in this thread."""

    most = 0  # threads that it may take; 0 outside of all calls


class _Outside:
    """The number of threads that torch has outside of all calls, those of other threads too."""

    def __init__(self):
        self._lock, self._n_calls, self._n_threads = threading.Lock(), 0, 1

    def enter(self) -> int:
        """Return that number."""
        with self._lock:
            if self._n_calls == 0:
                self._n_threads = torch.get_num_threads()
            self._n_calls += 1
            return self._n_threads

    def leave(self) -> None:
        """Forget it after the last call."""
        with self._lock:
            self._n_calls -= 1


class _Fastest:
    """The fastest number of threads, measured at most once in an interval, for all calls."""

    def __init__(self):
        self._measured_at, self._n_threads = -math.inf, 1

    def up_to(self, most: int) -> int:
        """Return 1 or `most`, whichever a matrix product is faster on."""
        if most > 1 and time.perf_counter() - self._measured_at > _INTERVAL:
            self._n_threads = min(most, 1, key=_seconds_of_a_product)
            self._measured_at = time.perf_counter()
        return min(most, self._n_threads)


_enclosing, _outside, _fastest = _Enclosing(), _Outside(), _Fastest()


@contextmanager
def threads_for(batch_size: int, n_multiplications: int):
    """Compute small networks on one thread; afterwards, all is as it was before.

    Never takes more threads than torch had been given. Where another program keeps a core busy,
    threads wait for one another, and a large network takes many times as long on all of them
    as on one. So a small product is timed on both first, and again within :func:`paced`.

    Parameters
    ----------
    batch_size : int
        Rows in a batch.

    n_multiplications : int
        Multiplications of a forward pass of one row.
    """
    outside = _outside.enter()
    most_before, n_before = _enclosing.most, torch.get_num_threads()
    _enclosing.most = 1 if batch_size * n_multiplications < _PARALLEL_WORK else outside
    try:
        torch.set_num_threads(_fastest.up_to(_enclosing.most))
        yield
    finally:
        _outside.leave()
        _enclosing.most = most_before
        torch.set_num_threads(n_before if most_before else outside)


def paced(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items; within :func:`threads_for`, measure now and then how many threads pay."""
    for item in items:
        if _enclosing.most > 1:
            torch.set_num_threads(_fastest.up_to(_enclosing.most))
        yield item


def _seconds_of_a_product(n_threads: int) -> float:
    torch.set_num_threads(n_threads)
    matrix = torch.ones(_SIDE, _SIDE)
    start = time.perf_counter()
    torch.mm(matrix, matrix)
    return time.perf_counter() - start
