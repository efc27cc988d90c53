"""Description of the machine and the date of a benchmark."""

from __future__ import annotations

import platform
from datetime import date

import torch


def machine() -> str:
    """Return the machine and the date."""
    with open("/proc/cpuinfo") as lines:
        names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    processor = names[0] if names else platform.processor()
    return (
        f"{len(names)} cores {processor}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, {date.today()}."
    )
