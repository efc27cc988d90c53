"""What corruptions of single entries share: which entries, and what stands there instead."""

from __future__ import annotations

from typing import Any

import torch

from skae._utils.checks import is_number
from skae.corruptions.features import Features


def check_share(share: Any, corruption: str) -> None:
    """Refuse a `share` that is not in (0, 1]."""
    if not (is_number(share) and 0 < share <= 1):
        raise ValueError(
            f"share of {corruption} must be a number > 0 and <= 1, the probability that an entry "
            f"is changed, got {share!r}."
        )


def check_fill(fill: Any, corruption: str) -> None:
    """Refuse a `fill` that is neither "mean" nor a number."""
    if not (is_number(fill) or (isinstance(fill, str) and fill == "mean")):
        raise ValueError(
            f"fill of {corruption} must be 'mean' or a finite number in units of X, got {fill!r}."
        )


def fill_values(fill: str | float, features: Features, dtype: torch.dtype) -> torch.Tensor:
    """Return what stands in place of hidden entries, scaled, of shape (n_features,)."""
    values = features.mean if isinstance(fill, str) else features.scaled(fill)
    return values.to(dtype)


def uniform(X: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return a number for each entry of `X`, drawn from [0, 1)."""
    return torch.rand(X.shape, generator=generator, device=X.device, dtype=torch.float32)
