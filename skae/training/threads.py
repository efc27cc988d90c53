"""How many threads a network computes on."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import torch

# Multiplications of a forward pass from which a second thread pays. Below, threads spend their
# time waiting for one another, and many times more beside a busy neighbour.
_PARALLEL_WORK = 5e7

_lock = threading.Lock()
_in_use = 0
_outside = 1


@contextmanager
def threads_for(batch_size: int, n_parameters: int):
    """Compute small networks on one thread; afterwards, all is as it was before.

    Never takes more threads than torch had been given.

    Parameters
    ----------
    batch_size : int
        Rows in a batch.

    n_parameters : int
        Weights of the network; one row costs about as many multiplications.
    """
    global _in_use, _outside
    with _lock:
        if _in_use == 0:
            _outside = torch.get_num_threads()
        _in_use += 1
        outside = _outside
    try:
        torch.set_num_threads(1 if batch_size * n_parameters < _PARALLEL_WORK else outside)
        yield
    finally:
        with _lock:
            _in_use -= 1
        torch.set_num_threads(outside)
