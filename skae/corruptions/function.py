"""A corruption given as a function."""

from __future__ import annotations

from collections.abc import Callable

import torch

from skae.corruptions.corruption import Corruption
from skae.corruptions.features import Features


class FunctionCorruption(Corruption):
    """A user's own function as a corruption.

    ``corruption=function`` means ``corruption=FunctionCorruption(function)``.

    Parameters
    ----------
    function : callable
        ``function(X, generator)`` returns corrupted rows, a tensor of the shape of `X`. `X` is a
        tensor of shape (n_samples, n_features) in the units of the data given to ``fit``, and may
        be changed in place; `generator` is a ``torch.Generator`` on the device of `X`, which
        should be the only source of randomness.
    """

    def __init__(self, function: Callable[[torch.Tensor, torch.Generator], torch.Tensor]):
        self.function = function

    def check(self, sample_shape: tuple[int, ...], channel_axis: int | str | None = None) -> None:
        """Refuse a `function` that is not callable."""
        if not callable(self.function):
            raise ValueError(
                f"function of FunctionCorruption must be a callable function(X, generator), "
                f"got {self.function!r}."
            )

    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the result of the function after checking its shape."""
        given = features.unscaled(X)
        try:
            corrupted = self.function(given.clone(), generator)
        except Exception as error:
            raise ValueError(
                f"corruption={self.function!r} failed, called as corruption(X, generator) with an "
                f"X of shape {tuple(X.shape)}: {type(error).__name__}: {error}"
            ) from error
        shape = getattr(corrupted, "shape", None)
        if not isinstance(corrupted, torch.Tensor) or shape != X.shape:
            raise ValueError(
                f"corruption={self.function!r} must return corrupted rows, a tensor of shape "
                f"{tuple(X.shape)}, but returned {type(corrupted).__name__} of shape "
                f"{None if shape is None else tuple(shape)}: return all rows and features of X, "
                f"including those that are not corrupted."
            )
        # Rounding in the conversion of units must not look like a corruption.
        return torch.where(corrupted == given, X, features.scaled(corrupted).to(X.dtype))
