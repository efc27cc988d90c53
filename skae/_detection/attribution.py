"""Contributions of features to an output of a network, by integrated gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch

# Points of the midpoint rule on the line from the origin to a row.
_N_STEPS = 16


def integrated_gradients(
    function: Callable[[torch.Tensor], torch.Tensor], X: torch.Tensor, origin: torch.Tensor
) -> torch.Tensor:
    r"""Return the contributions of the features to ``function(X)``, which add up to it.

    .. math:: (x_j - o_j) \int_0^1 \frac{\partial f}{\partial x_j}(o + t (x - o)) \, dt

    by the midpoint rule (Sundararajan et al. [1]_). These integrals approximately add up to
    :math:`f(x) - f(o)`. The remainder of :math:`f(x)` is distributed in proportion to their
    absolute values, or evenly if all are zero.

    Parameters
    ----------
    function : callable
        Differentiable function from rows to one number for each.

    X : torch.Tensor of shape (n_samples, n_features)
        Rows. Missing values stay missing and have no contribution.

    origin : torch.Tensor of shape (n_features,)
        Baseline: start of the line to each row.

    Returns
    -------
    torch.Tensor of shape (n_samples, n_features), dtype float64

    References
    ----------
    .. [1] M. Sundararajan, A. Taly and Q. Yan, "Axiomatic attribution for deep networks", ICML
       2017.
    """
    path = torch.nan_to_num((X - origin).double())
    gradients = torch.zeros_like(path)
    for step in range(_N_STEPS):
        position = (step + 0.5) / _N_STEPS
        point = (origin + position * (X - origin)).requires_grad_()
        (gradient,) = torch.autograd.grad(function(point).sum(), point)
        gradients += gradient.double() / _N_STEPS
    contributions = path * gradients
    with torch.no_grad():
        remainder = function(X).double().to(contributions.device) - contributions.sum(1)
    sizes = contributions.abs()
    sizes = torch.where(sizes.sum(1, keepdim=True) > 0, sizes, 1.0)
    return contributions + remainder[:, None] * sizes / sizes.sum(1, keepdim=True)
