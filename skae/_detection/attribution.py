"""How much each feature has to do with a number that a network says of a row."""

from __future__ import annotations

from collections.abc import Callable

import torch

# Points on the way from the mean to a row.
_N_STEPS = 16


def integrated_gradients(
    function: Callable[[torch.Tensor], torch.Tensor], X: torch.Tensor, origin: torch.Tensor
) -> torch.Tensor:
    r"""Return shares of ``function(X)`` that belong to each feature and add up to it.

    .. math:: (x_j - o_j) \int_0^1 \frac{\partial f}{\partial x_j}(o + t (x - o)) \, dt

    by the midpoint rule (Sundararajan et al. [1]_). They add up to :math:`f(x) - f(o)`, nearly.
    What is left of :math:`f(x)` is shared out in proportion to their absolute values, evenly
    where all are zero.

    Parameters
    ----------
    function : callable
        From rows to a number for each, differentiable.

    X : torch.Tensor of shape (n_samples, n_features)
        Rows. Values that are missing stay so on the whole way, and have no share.

    origin : torch.Tensor of shape (n_features,)
        Where the way to each row begins.

    Returns
    -------
    torch.Tensor of shape (n_samples, n_features), dtype float64

    References
    ----------
    .. [1] M. Sundararajan, A. Taly and Q. Yan, "Axiomatic attribution for deep networks", ICML
       2017.
    """
    way = torch.nan_to_num((X - origin).double())
    gradients = torch.zeros_like(way)
    for step in range(_N_STEPS):
        share = (step + 0.5) / _N_STEPS
        point = (origin + share * (X - origin)).requires_grad_()
        (gradient,) = torch.autograd.grad(function(point).sum(), point)
        gradients += gradient.double() / _N_STEPS
    shares = way * gradients
    with torch.no_grad():
        left = function(X).double().to(shares.device) - shares.sum(1)
    sizes = shares.abs()
    sizes = torch.where(sizes.sum(1, keepdim=True) > 0, sizes, 1.0)
    return shares + left[:, None] * sizes / sizes.sum(1, keepdim=True)
