"""Draws from torch's global generators that restore their state."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# All threads use the same generators, so only one thread may draw at a time.
_lock = threading.RLock()


def _free_lock() -> None:
    """Make a new lock in a forked process, where no other thread of the parent exists."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_free_lock)


@contextmanager
def torch_draws(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed torch's global generators, and restore their states afterwards.

    Meanwhile, other threads that call this function wait.

    Parameters
    ----------
    seed : int
        The seed.

    device : torch.device or None, default=None
        A GPU whose generator is also seeded, if any.
    """
    cuda = device is not None and device.type == "cuda"
    with _lock, torch.random.fork_rng([device] if cuda else []):
        torch.default_generator.manual_seed(seed)
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
