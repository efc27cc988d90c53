"""The binary cross-entropy."""

from __future__ import annotations

import torch

from skae.losses.loss import Loss

# Where the linear path is cut off, so that its logit stays finite; one step of 8-bit grey is
# 4e-3, so the cut is not seen in images.
_MARGIN = 1e-3


class BCE(Loss):
    r"""Binary cross-entropy, for `X` with entries in [0, 1].

    .. math:: \ell(x, p) = -x \log p - (1 - x) \log (1 - p), \quad p = \sigma(\text{output}).

    The network sees `X` as it is. The linear path gives a probability, cut to (0, 1); the
    residual is added to its logit. So a residual of zero gives PCA's reconstruction, clipped.

    The distribution that goes with it is Bernoulli's, :math:`\log p(x) = -\ell(x, p)`, where the
    entries are 0 or 1; between them it is a loss, and no probability.
    """

    rescales = False
    distribution = "bernoulli"

    def check(self, minimum: float, maximum: float) -> None:
        """Refuse data outside [0, 1]."""
        if minimum < 0 or maximum > 1:
            raise ValueError(
                f"loss='bce' needs all entries of X in [0, 1], but they run from {minimum:g} to "
                f"{maximum:g}: rescale X, for example with sklearn.preprocessing.MinMaxScaler, or "
                f"use loss='mse'."
            )

    def output(self, linear: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Add the residual to the logit of the linear path."""
        return torch.logit(linear, eps=_MARGIN) + residual

    def reconstruction(self, output: torch.Tensor) -> torch.Tensor:
        """Turn logits into probabilities."""
        return torch.sigmoid(output)

    def elementwise(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the cross-entropy of each entry."""
        return torch.nn.functional.binary_cross_entropy_with_logits(
            output, target, reduction="none"
        )

    def log_likelihood(
        self, output: torch.Tensor, target: torch.Tensor, log_scale: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the logarithm of Bernoulli's probability of each entry."""
        return -self.elementwise(output, target)
