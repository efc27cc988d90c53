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
        """Return the result of the function after checking its shape."""
        try:
            values = self.function(output, target)
        except Exception as error:
            raise ValueError(
                f"loss={self.function!r} failed, called with a reconstruction and a target, "
                f"tensors of shape {tuple(target.shape)}: {type(error).__name__}: {error}"
            ) from error
        shape = getattr(values, "shape", None)
        if not isinstance(values, torch.Tensor) or shape != target.shape:
            raise ValueError(
                f"loss={self.function!r} must return the loss of each entry, a tensor of shape "
                f"{tuple(target.shape)}, but returned {type(values).__name__} of shape "
                f"{None if shape is None else tuple(shape)}: leave out the mean or the sum "
                f"(reduction='none')."
            )
        if output.requires_grad and not values.requires_grad:
            raise ValueError(
                f"loss={self.function!r} must be computed from the reconstruction by operations "
                f"of torch, so that it has a gradient, but the result has no gradient."
            )
        return values
