"""Choice of the device."""

from __future__ import annotations

import torch

from skae._utils.checks import is_auto
from skae._utils.synonyms import did_you_mean

_NAMES = ("auto", "cpu", "cuda", "mps")


def resolve_device(device: str | torch.device) -> torch.device:
    """Return the device of a name, and refuse one that this machine does not have.

    Parameters
    ----------
    device : str or torch.device
        "auto" means the first available one of a CUDA GPU, Apple's GPU ("mps") and the CPU.

    Raises
    ------
    ValueError
        If the name is unknown or the device is not available.
    """
    if is_auto(device):
        return torch.device(_available()[0])
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError):
        raise ValueError(
            f"device must be 'auto', 'cpu', 'cuda', 'cuda:N' or 'mps', got {device!r}"
            f"{did_you_mean(device, _NAMES)}"
        ) from None
    missing = resolved.type not in _available() or (
        resolved.type == "cuda" and (resolved.index or 0) >= torch.cuda.device_count()
    )
    if missing:
        raise ValueError(
            f"device={device!r} is not available on this machine, which has {_available()}: choose "
            f"one of them, or 'auto'."
        )
    return resolved


def device_at_hand(device: str | torch.device) -> torch.device:
    """Return the device of a name, or the CPU if this machine does not have that device.

    A fitted model works on every device, so a model that was fitted on a GPU can be used on a
    machine without one.
    """
    try:
        return resolve_device(device)
    except ValueError:
        return torch.device("cpu")


def _available() -> list[str]:
    found = ["cuda"] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]
