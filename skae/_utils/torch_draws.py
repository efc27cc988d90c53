"""Draws from torch's global generators that leave no trace."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# The generators belong to all threads: who draws from them waits for who does already.
_lock = threading.RLock()


@contextmanager
def torch_draws(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed torch's global generators, and put them back afterwards.

    Another thread that wants the same waits until then.

    Parameters
    ----------
    seed : int
        What they are seeded with.

    device : torch.device or None, default=None
        The GPU whose generator is seeded beside that of the CPU, if any.
    """
    cuda = device is not None and device.type == "cuda"
    with _lock, torch.random.fork_rng([device] if cuda else []):
        torch.default_generator.manual_seed(seed)
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
