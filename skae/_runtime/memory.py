"""What happens where memory ends: smaller batches, or an error that says what to change."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

# What torch says where it has no error of its own for it: on the CPU of Linux and of Windows, on
# Apple's GPU, and where a library of NVIDIA's asks for memory.
_MESSAGES = re.compile(
    r"DefaultCPUAllocator: (can't allocate|not enough) memory|MPS backend out of memory"
    r"|CU\w+_STATUS_ALLOC_FAILED"
)
_ASKED = re.compile(r"ried to allocate ([\d.]+ \w+)")

Results = TypeVar("Results", torch.Tensor, tuple[torch.Tensor, ...])


class DeviceMemoryError(MemoryError):
    """The device has not enough memory."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory is at its end."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _MESSAGES.search(str(error)) is not None


class FittingBatches:
    """Calls functions with batches, in parts where a whole one takes more memory than there is.

    Parts are halved until they fit, and stay as small. A part may be rounded in another way than
    the whole, so results agree up to their last digits.

    Parameters
    ----------
    device : torch.device
        Where to compute.
    """

    def __init__(self, device: torch.device):
        self.device, self.most_rows = device, sys.maxsize

    def call(self, function: Callable[..., Results], *batch: torch.Tensor) -> Results:
        """Return ``function(*batch)``.

        Parameters
        ----------
        function : callable
            From tensors on the device to one or several tensors with as many rows.

        *batch : torch.Tensor of shape (n_samples, ...)
            Rows, on any device.

        Raises
        ------
        DeviceMemoryError
            If there is no memory for a single row.
        """
        n_rows, asked = min(self.most_rows, len(batch[0])), None
        while True:
            try:
                results = _joined([function(*part) for part in self._parts(batch, n_rows)])
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if n_rows <= 1:
                    raise DeviceMemoryError(_beyond_one_row(self.device, error)) from error
                asked = _asked(error)
            # Here the error is gone, and with it all that its frames held.
            n_rows = self.most_rows = n_rows // 2
            _empty_cache(self.device)
        if asked is not None:
            warnings.warn(_smaller(n_rows, self.device, asked), RuntimeWarning, stacklevel=2)
        return results

    def _parts(self, batch: tuple[torch.Tensor, ...], n_rows: int) -> Iterator[tuple]:
        """Yield consecutive rows of the tensors, on the device."""
        for part in zip(*(tensor.split(max(1, n_rows)) for tensor in batch), strict=True):
            yield tuple(tensor.to(self.device) for tensor in part)


@contextmanager
def memory_of_training(batch_size: int, device: torch.device) -> Iterator[None]:
    """Say what to change where the memory of the device does not suffice to train.

    Raises
    ------
    DeviceMemoryError
        In the place of the errors of torch.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceMemoryError(
            f"Training takes more memory than {device} has, with batch_size={batch_size}"
            f"{_asked(error)}. Try a smaller batch_size, smaller hidden layers or fewer channels "
            f"of the architecture, precision='bfloat16' on a GPU, or device='cpu' where that has "
            f"more."
        ) from error


def _smaller(n_rows: int, device: torch.device, asked: str) -> str:
    return (
        f"A batch takes more memory than {device} has{asked}: it goes on with {n_rows} rows at a "
        f"time, which is slower. Free memory, or set device='cpu' where that has more."
    )


def _beyond_one_row(device: torch.device, error: BaseException) -> str:
    return (
        f"Even a single row takes more memory than {device} has{_asked(error)}: free memory, or "
        f"set device='cpu' where that has more."
    )


def _asked(error: BaseException) -> str:
    """Return how much was asked for, where the error says so."""
    found = _ASKED.search(str(error))
    return f", which was asked for {found[1]} at once" if found else ""


def _empty_cache(device: torch.device) -> None:
    """Give back what torch keeps for later."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def _joined(parts: list[Results]) -> Results:
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], torch.Tensor):
        return torch.cat(parts)
    return tuple(torch.cat(pieces) for pieces in zip(*parts, strict=True))
