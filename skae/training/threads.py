"""How many threads a network computes on."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import torch

# Multiplications of a forward pass from which a second thread pays. Below, threads spend their
# time waiting for one another, and many times more beside a busy neighbour.
_PARALLEL_WORK = 2e8

_lock = threading.Lock()
# What an enclosing call in the same thread computes on.
_enclosing = threading.local()
_in_use = 0
_outside = 1


@contextmanager
def threads_for(batch_size: int, n_multiplications: int):
    """Compute small networks on one thread; afterwards, all is as it was before.

    Never takes more threads than torch had been given.

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
    enclosing = getattr(_enclosing, "n_threads", None)
    try:
        _enclosing.n_threads = 1 if batch_size * n_multiplications < _PARALLEL_WORK else outside
        torch.set_num_threads(_enclosing.n_threads)
        yield
    finally:
        with _lock:
            _in_use -= 1
        _enclosing.n_threads = enclosing
        torch.set_num_threads(enclosing or outside)
