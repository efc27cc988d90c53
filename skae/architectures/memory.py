"""Memory checks before a layer is created."""

from __future__ import annotations

import os
from typing import Any, TypeVar

from torch import nn

Layer = TypeVar("Layer", bound=nn.Module)

# Memory of each weight in training, in float32: the weight, its gradient, two moments of the
# optimizer, and the best weight so far.
_BYTES_OF_A_WEIGHT = 5 * 4
# Assumed memory if the system does not report it.
_SOME_MEMORY = 2**36


class NetworkTooLargeError(ValueError):
    """The machine does not have enough memory to train a layer of this size."""


def unfilled(layer: type[Layer], *sizes: int, **settings: Any) -> Layer:
    """Return a layer with uninitialised weights, without using torch's generators.

    Parameters
    ----------
    layer : type of torch.nn.Module
        Class of the layer.

    *sizes, **settings
        Arguments of the class.

    Raises
    ------
    NetworkTooLargeError
        If training the layer would take more memory than the machine has.
    """
    try:
        planned = layer(*sizes, **settings, device="meta")
    except (RuntimeError, TypeError, OverflowError) as error:  # more than torch can count
        raise NetworkTooLargeError(f"a layer {layer.__name__}{sizes} is too large") from error
    check_memory(sum(weights.numel() for weights in planned.parameters()))
    return planned.to_empty(device="cpu")


def check_memory(n_weights: int) -> None:
    """Refuse a number of weights that does not fit into memory in training."""
    needed, there = n_weights * _BYTES_OF_A_WEIGHT, _memory()
    if needed > there:
        raise NetworkTooLargeError(
            f"a layer of {n_weights:.3g} weights takes {needed / 2**30:,.0f} GiB in training, and "
            f"this machine has {there / 2**30:,.0f} GiB"
        )


def _memory() -> int:
    """Return the bytes of memory of this machine."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return _SOME_MEMORY
