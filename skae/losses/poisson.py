"""The Poisson deviance of counts."""

from __future__ import annotations

import torch

from skae.losses.column_loss import ColumnLoss, smooth_positive

# The linear path gives log(1 + count), which may be negative; up to about this value, it is
# replaced by a positive number.
_MARGIN = 0.05
# Largest logarithm of an expected count, for outputs far from those of the training.
_LARGEST = 30.0


class Poisson(ColumnLoss):
    r"""Deviance of the Poisson distribution, for columns of counts.

    .. math:: \ell(n) = n \log \frac{n}{\mu} - n + \mu, \quad \mu = \exp(\text{output})

    Counts `n` enter the network as :math:`\log(1 + n)`. The deviance is minus the log-likelihood
    up to a constant, and 0 for :math:`\mu = n`.
    """

    def output(
        self, linear: torch.Tensor, residual: torch.Tensor, valid: torch.Tensor
    ) -> torch.Tensor:
        """Add the nonlinear part to the logarithm of the count that the linear path gives."""
        positive = smooth_positive(linear, _MARGIN)
        return positive + torch.log(-torch.expm1(-positive)) + residual  # log(exp(positive) - 1)

    def reconstruction(self, output: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Return the logarithm of 1 + the expected count."""
        return torch.nn.functional.softplus(output)

    def losses(
        self, output: torch.Tensor, target: torch.Tensor, valid: torch.Tensor
    ) -> torch.Tensor:
        """Return the deviance of each count."""
        count, output = _counts(target), output.clamp_max(_LARGEST)
        deviance = torch.xlogy(count, count) - count - (count * output - output.exp())
        return deviance[..., 0]

    def log_likelihood(
        self, output: torch.Tensor, target: torch.Tensor, valid: torch.Tensor
    ) -> torch.Tensor:
        """Return the log probability of each count."""
        count, output = _counts(target), output.clamp_max(_LARGEST)
        return (count * output - output.exp() - torch.lgamma(count + 1))[..., 0]

    def baseline(
        self, target: torch.Tensor, weight: torch.Tensor, valid: torch.Tensor
    ) -> torch.Tensor:
        """Return the mean deviance from the mean count."""
        count = _counts(target[..., 0])
        mean = (weight * count).sum(0)
        return (weight * torch.xlogy(count, count)).sum(0) - torch.xlogy(mean, mean)


def _counts(logarithms: torch.Tensor) -> torch.Tensor:
    """Return counts from log(1 + count), which rounding may bring below 0."""
    return torch.expm1(logarithms).clamp_min(0.0)
