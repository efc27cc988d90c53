"""Numerical precision of training and inference."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

import numpy as np
import torch

from skae._utils.checks import is_auto

# Smallest number of multiplications of the forward pass of a batch for which half precision is
# faster; below, casts take longer than they save.
_MUCH_WORK = 5e7
_BFLOAT16_INSTRUCTIONS = ("amx_bf16", "avx512_bf16")


def resolve_precision(precision: str, device: torch.device, n_multiplications: int) -> str:
    """Return `precision` with "auto" resolved.

    "auto" means bfloat16 for training on processors with instructions for it (CPUs with AMX or
    AVX-512 BF16, NVIDIA GPUs since Ampere) if the forward pass of a batch takes at least 50
    million multiplications, and float32 otherwise.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16", "float64"}
        The user's parameter.

    device : torch.device
        Device of the training.

    n_multiplications : int
        Number of multiplications of the forward pass of a batch.

    Raises
    ------
    ValueError
        If the device does not support the precision.
    """
    if is_auto(precision):
        fast = n_multiplications >= _MUCH_WORK and _has_bfloat16_units(device)
        return "bfloat16" if fast else "float32"
    if precision == "float64" and device.type == "mps":
        raise ValueError(
            "precision='float64' is not available on device 'mps': use 'float32', or device='cpu'."
        )
    return precision


def tensor_dtype(precision: str) -> torch.dtype:
    """Return the dtype of weights and rows; with "bfloat16" it is float32, under autocast."""
    return torch.float64 if precision == "float64" else torch.float32


def array_dtype(dtype: torch.dtype) -> type[np.floating]:
    """Return the numpy dtype for tensors of this dtype."""
    return np.float64 if dtype == torch.float64 else np.float32


def autocast(precision: str, device: torch.device) -> AbstractContextManager:
    """Return the context of mixed-precision training, if `precision` needs one."""
    if precision == "bfloat16":
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()


def full_precision(device: torch.device) -> AbstractContextManager:
    """Return the context that turns off :func:`autocast`."""
    if torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return contextlib.nullcontext()


def _has_bfloat16_units(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
        return any(capabilities.get(name, False) for name in _BFLOAT16_INSTRUCTIONS)
    return False
