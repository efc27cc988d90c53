"""Shapes of samples, and the recognition of images."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt, prod
from typing import Any

import numpy as np

from skae._utils.checks import is_integer
from skae.plotting.checks import as_list

# Without any information about their shape, rows with a square number of features, 8 x 8 or more,
# are treated as images. Tables seldom have so many columns and a square number of them.
_LEAST_SIDE = 8
# Samples with two axes are series if the second axis has at most this many entries.
MOST_CHANNELS = 3


def shape_of_samples(given: Any, estimator: Any, X: Any) -> tuple[int, ...]:
    """Return the shape of one sample: as given, from `X`, from the estimator, or guessed."""
    own = tuple(X.shape if hasattr(X, "shape") else np.shape(X))[1:]
    n_features = prod(own)
    if given is not None:
        return checked_shape(given, n_features)
    fitted = getattr(estimator, "sample_shape_", ())
    architecture = getattr(estimator, "architecture_", None)
    for shape in (own, fitted, getattr(architecture, "input_shape", ())):
        if not isinstance(shape, str) and len(shape) > 1 and prod(shape) == n_features:
            return tuple(shape)
    side = isqrt(n_features)
    is_square = side >= _LEAST_SIDE and side**2 == n_features
    return (side, side) if is_square else (n_features,)


def image_axes(shape: Sequence[int]) -> tuple[int, int] | None:
    """Return which axes of a sample are height and width, or None if it is not an image."""
    if len(shape) == 2 and shape[0] > 1 and shape[1] > MOST_CHANNELS:
        return (0, 1)
    if len(shape) == 3 and shape[0] in (1, 3):
        return (1, 2)
    if len(shape) == 3 and shape[2] in (1, 3):
        return (0, 1)
    return None


def as_images(rows: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Return images of shape (n, h, w), or (n, h, w, 3) with colours."""
    images = rows.reshape(-1, *shape)
    if image_axes(shape) == (1, 2):
        images = np.moveaxis(images, 1, -1)
    return images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images


def checked_shape(shape: Any, n_features: int) -> tuple[int, ...]:
    """Return the shape of one sample as a tuple."""
    sides = tuple(as_list(shape))
    whole = all(is_integer(side) and side >= 1 for side in sides)
    if not sides or not whole or prod(sides) != n_features:
        raise ValueError(
            f"sample_shape must be a tuple of integers >= 1 whose product is the number of "
            f"features, {n_features}, got {shape!r}."
        )
    return sides
