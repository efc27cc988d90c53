"""Out-of-memory errors: smaller batches in inference, and errors that say what to change."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

# Messages of out-of-memory errors without a separate exception class: on the CPU under Linux
# and Windows, on Apple's GPU, and in NVIDIA's libraries.
_MESSAGES = re.compile(
    r"DefaultCPUAllocator: (can't allocate|not enough) memory|MPS backend out of memory"
    r"|CU\w+_STATUS_ALLOC_FAILED"
)
_REQUESTED = re.compile(r"ried to allocate ([\d.]+ \w+)")

Results = TypeVar("Results", torch.Tensor, tuple[torch.Tensor, ...])


class DeviceMemoryError(MemoryError):
    """The device does not have enough memory."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error is an out-of-memory error."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and _MESSAGES.search(str(error)) is not None


class FittingBatches:
    """Calls functions on batches, in smaller parts if a batch does not fit into memory.

    Parts are halved until they fit, and later batches keep the smaller size. Rounding may depend
    on the size of a part, so results agree up to rounding errors.

    Parameters
    ----------
    device : torch.device
        Device of the computation.

    most_rows : int, default=sys.maxsize
        Largest number of rows in a part.
    """

    def __init__(self, device: torch.device, most_rows: int = sys.maxsize):
        self.device, self.most_rows = device, most_rows

    def call(self, function: Callable[..., Results], *batch: torch.Tensor) -> Results:
        """Return ``function(*batch)``.

        Parameters
        ----------
        function : callable
            Function from tensors on the device to one or several tensors with as many rows.

        *batch : torch.Tensor of shape (n_samples, ...)
            Rows, on any device.

        Raises
        ------
        DeviceMemoryError
            If a single row does not fit into memory.
        """
        n_rows, requested = min(self.most_rows, len(batch[0])), None
        while True:
            try:
                results = _joined([function(*part) for part in self._parts(batch, n_rows)])
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if n_rows <= 1:
                    raise DeviceMemoryError(_beyond_one_row(self.device, error)) from error
                requested = _requested(error)
            # After the except block, the error no longer keeps tensors of its frames alive.
            n_rows = self.most_rows = n_rows // 2
            _empty_cache(self.device)
        if requested is not None:
            warnings.warn(_smaller(n_rows, self.device, requested), RuntimeWarning, stacklevel=2)
        return results

    def _parts(self, batch: tuple[torch.Tensor, ...], n_rows: int) -> Iterator[tuple]:
        """Yield parts of the tensors, consecutive rows, on the device."""
        for part in zip(*(tensor.split(max(1, n_rows)) for tensor in batch), strict=True):
            yield tuple(tensor.to(self.device) for tensor in part)


@contextmanager
def memory_of_training(batch_size: int, device: torch.device) -> Iterator[None]:
    """Turn out-of-memory errors in training into errors that say what to change.

    Raises
    ------
    DeviceMemoryError
        Instead of the errors of torch.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceMemoryError(
            f"Training takes more memory than {device} has, with batch_size={batch_size}"
            f"{_requested(error)}. Try a smaller batch_size, smaller hidden layers or fewer "
            f"channels of the architecture, precision='bfloat16' on a GPU, or device='cpu' if it "
            f"has more memory."
        ) from error


def _smaller(n_rows: int, device: torch.device, requested: str) -> str:
    return (
        f"A batch takes more memory than {device} has{requested}: the computation continues with "
        f"{n_rows} rows at a time, which is slower. Free memory, or set device='cpu' if it has "
        f"more."
    )


def _beyond_one_row(device: torch.device, error: BaseException) -> str:
    return (
        f"Even a single row takes more memory than {device} has{_requested(error)}: free memory, "
        f"or set device='cpu' if it has more."
    )


def _requested(error: BaseException) -> str:
    """Return the amount of memory that was requested, if the error contains it."""
    found = _REQUESTED.search(str(error))
    return f" (requested: {found[1]} at once)" if found else ""


def _empty_cache(device: torch.device) -> None:
    """Release the memory that torch has cached."""
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
