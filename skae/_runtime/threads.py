"""The number of threads that a network computes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

# Multiplications of a forward pass from which a second thread pays. Below, threads spend their
# time waiting for one another, and many times more beside a busy neighbour.
_PARALLEL_WORK = 5e7
# Seconds between two looks at whether threads pay, and the side of the matrices that are
# multiplied to see it: about a millisecond on one thread.
_INTERVAL, _SIDE = 0.25, 384

_lock = threading.Lock()
# What an enclosing call in the same thread computes on, and how many threads it may take.
_enclosing = threading.local()
_in_use = 0
_outside = 1
# When it was last looked whether threads pay, and on how many they did.
_looked = -_INTERVAL
_paid = 1

Item = TypeVar("Item")


@contextmanager
def threads_for(batch_size: int, n_multiplications: int) -> Iterator[None]:
    """Compute small networks on one thread; afterwards, all is as it was before.

    Never takes more threads than torch had been given. Where another program keeps a core busy,
    threads wait for one another, and a large network takes ten times as long or more on all of them
    as on one. So a small product is computed on both first, and again within :func:`paced`.

    Parameters
    ----------
    batch_size : int
        Rows in a batch.

    n_multiplications : int
        Multiplications of a forward pass of one row.
    """
    global _in_use, _outside
    with _lock:
        if _in_use == 0:
            _outside = torch.get_num_threads()
        _in_use += 1
        outside = _outside
    enclosing = getattr(_enclosing, "n_threads", None), getattr(_enclosing, "most", 1)
    try:
        _enclosing.most = 1 if batch_size * n_multiplications < _PARALLEL_WORK else outside
        _use_what_pays()
        yield
    finally:
        with _lock:
            _in_use -= 1
        _enclosing.n_threads, _enclosing.most = enclosing
        torch.set_num_threads(_enclosing.n_threads or outside)


def paced(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items, and look now and then, within :func:`threads_for`, how many threads pay."""
    for item in items:
        if getattr(_enclosing, "most", 1) > 1:
            _use_what_pays()
        yield item


def _use_what_pays() -> None:
    """Set the number of threads; a look of another call, a moment ago, counts as well."""
    global _looked, _paid
    most = _enclosing.most
    if most > 1 and time.perf_counter() - _looked > _INTERVAL:
        _paid = most if _pays(most) else 1
        _looked = time.perf_counter()
    _enclosing.n_threads = min(most, _paid)
    torch.set_num_threads(_enclosing.n_threads)


def _pays(n_threads: int) -> bool:
    """Return whether a product takes less time on so many threads than on one."""
    return _seconds_of_a_product(n_threads) < _seconds_of_a_product(1)


def _seconds_of_a_product(n_threads: int) -> float:
    torch.set_num_threads(n_threads)
    matrix = torch.ones(_SIDE, _SIDE)
    start = time.perf_counter()
    torch.mm(matrix, matrix)
    return time.perf_counter() - start
