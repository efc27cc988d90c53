"""The likelihood of ordered categories by cumulative logits."""

from __future__ import annotations

import torch

from skae.losses.column_loss import ColumnLoss, entropy, means

# The linear path is clipped to [_MARGIN, 1 - _MARGIN], so that its logit stays finite.
_MARGIN = 0.01
# Smallest probability of a level.
_SMALLEST = 1e-6


class CumulativeLogits(ColumnLoss):
    r"""Likelihood of ordinal columns by cumulative logits.

    .. math:: \ell(y) = -\log (c_{y-1} - c_y), \quad c_k = P(y > k) = \sigma(\text{output}_k)

    for the level `y` of 0 to `L` - 1, with :math:`c_{-1} = 1` and :math:`c_{L-1} = 0` (McCullagh
    [1]_). Outputs are made to fall with `k` first, so that each level has a positive probability.
    The nonlinear part of the decoder is added to the logits of the linear path.

    References
    ----------
    .. [1] P. McCullagh, "Regression models for ordinal data", Journal of the Royal Statistical
       Society B 42(2), 1980.
    """

    n_unmodelled = 1

    def output(
        self, linear: torch.Tensor, residual: torch.Tensor, valid: torch.Tensor
    ) -> torch.Tensor:
        """Add the nonlinear part to the logit of the linear path."""
        return torch.logit(linear.clamp(_MARGIN, 1 - _MARGIN)) + residual

    def reconstruction(self, output: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Return the probabilities of values above each level but the last."""
        return torch.sigmoid(torch.cummin(output, dim=-1).values)

    def losses(
        self, output: torch.Tensor, target: torch.Tensor, valid: torch.Tensor
    ) -> torch.Tensor:
        """Return minus the log probability of the level of each column."""
        above = self.reconstruction(output, valid).masked_fill(~valid, 0.0)
        level = _levels(above).clamp_min(_SMALLEST)
        return -(_levels(target.masked_fill(~valid, 0.0)) * level.log()).sum(-1)

    def baseline(
        self, target: torch.Tensor, weight: torch.Tensor, valid: torch.Tensor
    ) -> torch.Tensor:
        """Return the entropy of the frequencies of the levels."""
        return entropy(_levels(means(target, weight).masked_fill(~valid, 0.0)).clamp_min(0.0))


def _levels(above: torch.Tensor) -> torch.Tensor:
    """Return the probabilities of levels from those of values above each, one place more."""
    ones, zeros = torch.ones_like(above[..., :1]), torch.zeros_like(above[..., :1])
    return torch.cat([ones, above], -1) - torch.cat([above, zeros], -1)
