"""In which precision the network computes."""

from __future__ import annotations

import contextlib

import numpy as np
import torch

# Weights below which a network gains nothing from half precision: the casts cost more.
_LARGE_NETWORK = 200_000


def resolve_precision(precision: str, device: torch.device, n_parameters: int) -> str:
    """Return the precision that "auto" stands for, or the one that was asked for.

    "auto" means bfloat16 for training networks of more than 200,000 weights on processors with
    matrix units for it (CPUs with AMX, NVIDIA GPUs since Ampere), and float32 otherwise.

    Raises
    ------
    ValueError
        If the device does not have that precision.
    """
    if precision == "auto":
        fast = n_parameters > _LARGE_NETWORK and _has_bfloat16_units(device)
        return "bfloat16" if fast else "float32"
    if precision == "float64" and device.type == "mps":
        raise ValueError(
            "precision='float64' is not available on device 'mps': use 'float32', or device='cpu'."
        )
    return precision


def tensor_dtype(precision: str) -> torch.dtype:
    """Return the dtype of weights and rows; in bfloat16, products alone are in half precision."""
    return torch.float64 if precision == "float64" else torch.float32


def array_dtype(dtype: torch.dtype) -> type[np.floating]:
    """Return the dtype of the arrays that become tensors of this dtype."""
    return np.float64 if dtype == torch.float64 else np.float32


def autocast(precision: str, device: torch.device):
    """Return the context in which training computes its products."""
    if precision == "bfloat16":
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()


def _has_bfloat16_units(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        capabilities = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(capabilities.get("amx_bf16", False))
    return False
