"""Huber's loss."""

from __future__ import annotations

import torch

from skae._utils.checks import check_number
from skae.losses.loss import Loss


class Huber(Loss):
    r"""Huber's loss: squared for small errors, absolute for large ones.

    Described in [1]_.

    .. math::

        \ell(r) = \tfrac{1}{2} r^2 \text{ if } |r| \le \delta, \text{ else }
        \delta (|r| - \tfrac{1}{2} \delta), \quad r = x - \hat{x}.

    Parameters
    ----------
    delta : float, default=1.0
        Error at which the loss changes from squared to absolute, in units of the global scale of
        `X` (the root of the mean variance of its features).

    References
    ----------
    .. [1] P. J. Huber, "Robust estimation of a location parameter", Annals of Mathematical
       Statistics 35(1), 1964.
    """

    def __init__(self, delta: float = 1.0):
        self.delta = delta

    def check(self, minimum: float, maximum: float) -> None:
        """Refuse a `delta` that is not a positive finite number."""
        check_number(self.delta, "delta of Huber", low=0, open_low=True)

    def elementwise(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return Huber's loss of each entry."""
        return torch.nn.functional.huber_loss(output, target, reduction="none", delta=self.delta)
