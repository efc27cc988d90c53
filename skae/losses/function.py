"""A loss given as a function."""

from __future__ import annotations

from collections.abc import Callable

import torch

from skae.losses.loss import Loss


class FunctionLoss(Loss):
    """A user's own function as a loss: ``loss=function`` means ``loss=FunctionLoss(function)``.

    Parameters
    ----------
    function : callable
        ``function(reconstruction, target)``, both tensors of shape (n_samples, n_features),
        returns the loss of each entry, a tensor of the same shape, as
        ``torch.nn.functional.smooth_l1_loss`` does with ``reduction="none"``.
    """

    def __init__(self, function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]):
        self.function = function

    def elementwise(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return what the function gives, after a look at its shape."""
        values = self.function(output, target)
        shape = getattr(values, "shape", None)
        if shape != target.shape:
            raise ValueError(
                f"loss={self.function!r} must return the loss of each entry, a tensor of shape "
                f"{tuple(target.shape)}, but returned {type(values).__name__} of shape "
                f"{None if shape is None else tuple(shape)}: leave out the mean or the sum "
                f"(reduction='none')."
            )
        return values
