"""The number of threads on which a network is computed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

# Forward passes with fewer multiplications use one thread. With more threads, they would spend
# their time on synchronisation, and much more of it if another program is busy.
_PARALLEL_WORK = 5e7
# Seconds between two measurements of whether several threads are faster, and the size of the
# matrices that they multiply, which takes about a millisecond on one thread.
_INTERVAL, _SIDE = 0.25, 384

_lock = threading.Lock()
# The number of threads of an enclosing call in the same thread, its upper limit, and how many
# calls enclose each other.
_enclosing = threading.local()
_in_use = 0
_outside = 1
# Whether this process was forked from one that had imported this module.
_forked = False
# The time of the last measurement, and the fastest number of threads in it.
_looked = -_INTERVAL
_paid = 1

Item = TypeVar("Item")


@contextmanager
def threads_for(batch_size: int, n_multiplications: int) -> Iterator[None]:
    """Choose the number of threads for a network, and restore it afterwards.

    Small networks use one thread. No network uses more threads than torch was set to. If another
    program keeps a core busy, a large network can take ten times as long on all threads as on one,
    since threads wait for each other. Therefore the time of a small matrix product is measured on
    one and on all threads, first here and then repeatedly in :func:`paced`.

    A forked process uses one thread. The threads of its parent do not exist there, and OpenMP would
    wait for them without end.

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
        most = 1 if _forked else _outside
    enclosing = getattr(_enclosing, "n_threads", None), getattr(_enclosing, "most", 1)
    _enclosing.depth = getattr(_enclosing, "depth", 0) + 1
    try:
        _enclosing.most = 1 if batch_size * n_multiplications < _PARALLEL_WORK else most
        _use_what_pays()
        yield
    finally:
        with _lock:
            _in_use -= 1
            outside = _outside  # not the number on entry: the process may have been forked since
        _enclosing.depth -= 1
        _enclosing.n_threads, _enclosing.most = enclosing
        torch.set_num_threads(min(_enclosing.n_threads or outside, outside))


def paced(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items; within :func:`threads_for`, update the number of threads between them."""
    for item in items:
        if getattr(_enclosing, "most", 1) > 1:
            _use_what_pays()
        yield item


def _use_what_pays() -> None:
    """Set the number of threads, with a new measurement if the last one is too old."""
    global _looked, _paid
    most = 1 if _forked else _enclosing.most
    if most > 1 and time.perf_counter() - _looked > _INTERVAL:
        _paid = most if _pays(most) else 1
        _looked = time.perf_counter()
    _enclosing.n_threads = min(most, _paid)
    torch.set_num_threads(_enclosing.n_threads)


def _pays(n_threads: int) -> bool:
    """Return whether a matrix product takes less time on this many threads than on one."""
    return _seconds_of_a_product(n_threads) < _seconds_of_a_product(1)


def _seconds_of_a_product(n_threads: int) -> float:
    torch.set_num_threads(n_threads)
    matrix = torch.ones(_SIDE, _SIDE)
    start = time.perf_counter()
    torch.mm(matrix, matrix)
    return time.perf_counter() - start


def _begin_in_child() -> None:
    """Set a forked process to one thread, and forget the calls in the other threads of its parent.

    Torch is set to one thread as well, since not all tensors are computed in :func:`threads_for`.
    """
    global _forked, _in_use, _lock, _outside
    _forked, _lock, _outside = True, threading.Lock(), 1
    _in_use = getattr(_enclosing, "depth", 0)
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_begin_in_child)
