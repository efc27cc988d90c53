"""Helpers of corruptions of single entries: their random choice and their fill values."""

from __future__ import annotations

from typing import Any

import torch

from skae._utils.checks import is_number
from skae.corruptions.features import Features


def check_fraction(fraction: Any, corruption: str) -> None:
    """Refuse a `fraction` that is not in (0, 1]."""
    if not (is_number(fraction) and 0 < fraction <= 1):
        raise ValueError(
            f"fraction of {corruption} must be a number > 0 and <= 1, the probability that an "
            f"entry is changed, got {fraction!r}."
        )


def check_fill(fill: Any, corruption: str) -> None:
    """Refuse a `fill` that is neither "mean" nor a number."""
    if not (is_number(fill) or (isinstance(fill, str) and fill == "mean")):
        raise ValueError(
            f"fill of {corruption} must be 'mean' or a finite number in units of X, got {fill!r}."
        )


def fill_values(fill: str | float, features: Features, dtype: torch.dtype) -> torch.Tensor:
    """Return the scaled values that replace hidden entries, of shape (n_features,)."""
    values = features.mean if isinstance(fill, str) else features.scaled(fill)
    return values.to(dtype)


def uniform(X: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return a uniform random number in [0, 1) for each entry of `X`."""
    return torch.rand(X.shape, generator=generator, device=X.device, dtype=torch.float32)
