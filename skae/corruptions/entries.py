"""Helpers of corruptions of single entries: their random choice and their fill values."""

from __future__ import annotations

from typing import Any, TypeGuard

import torch

from skae._utils.checks import is_number
from skae.corruptions.features import Features

# A probability for all rows, or the range from which that of each row is drawn.
Fraction = float | tuple[float, float]


def check_fraction(fraction: Any, corruption: str) -> None:
    """Refuse a `fraction` that is neither in (0, 1] nor a range within [0, 1]."""
    if is_range(fraction):
        valid = len(fraction) == 2 and all(map(is_number, fraction))
        valid = valid and 0 <= fraction[0] < fraction[1] <= 1
    else:
        valid = is_number(fraction) and 0 < fraction <= 1
    if not valid:
        raise ValueError(
            f"fraction of {corruption} must be a number > 0 and <= 1, the probability that an "
            f"entry is changed, or a pair (low, high) with 0 <= low < high <= 1, got {fraction!r}."
        )


def is_range(value: Any) -> TypeGuard[tuple[Any, ...] | list[Any]]:
    """Return whether a strength is a pair (low, high), so that it varies between rows."""
    return isinstance(value, tuple | list)


def fractions(fraction: Any, X: torch.Tensor, generator: torch.Generator) -> float | torch.Tensor:
    """Return the probability, or one for each row, of shape (n_samples, 1)."""
    if not is_range(fraction):
        return fraction
    low, high = fraction
    return low + (high - low) * uniform(X[:, :1], generator)


def check_fill(fill: Any, corruption: str) -> None:
    """Refuse a `fill` that is neither "auto" nor "mean" nor a number."""
    if not (is_number(fill) or (isinstance(fill, str) and fill in ("auto", "mean"))):
        raise ValueError(
            f"fill of {corruption} must be 'auto', 'mean' or a finite number in units of X, got "
            f"{fill!r}."
        )


def fill_values(
    fill: str | float, features: Features, X: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Return the scaled values that replace hidden entries.

    Returns
    -------
    torch.Tensor of shape (n_features,) or (n_samples, n_features)
        With "auto" and bounded rows, a third of the rows each is filled with the lower bound, the
        means and the upper bound. Otherwise one value for each feature.
    """
    mean = features.mean.to(X.dtype)
    if not isinstance(fill, str):
        return features.scaled(fill).to(X.dtype)
    bounds = features.bounds() if fill == "auto" else None
    if bounds is None:
        return mean
    low, high = (bound.to(X.dtype) for bound in bounds)
    return torch.stack([low, mean, high])[(3 * uniform(X[:, :1], generator)[:, 0]).long()]


def uniform(X: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return a uniform random number in [0, 1) for each entry of `X`."""
    return torch.rand(X.shape, generator=generator, device=X.device, dtype=torch.float32)
