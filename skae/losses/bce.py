"""The binary cross-entropy."""

from __future__ import annotations

import torch

from skae.losses.loss import Loss

# The linear path is clipped to [_MARGIN, 1 - _MARGIN], so that its logit stays finite. One grey
# level of an 8-bit image is 4e-3, so the clipping is invisible in images.
_MARGIN = 1e-3
# Probabilities of the user's own decoder are clipped to [_SMALLEST, 1 - _SMALLEST].
_SMALLEST = 1e-6


class BCE(Loss):
    r"""Binary cross-entropy, for `X` with entries in [0, 1].

    .. math:: \ell(x, p) = -x \log p - (1 - x) \log (1 - p), \quad p = \sigma(\text{output}).

    `X` is not scaled. The linear path gives a probability, clipped to (0, 1), and the nonlinear
    part of the decoder is added to its logit. If that part is zero, the result is the clipped
    reconstruction of PCA.

    The corresponding distribution is Bernoulli, :math:`\log p(x) = -\ell(x, p)`, for entries that
    are 0 or 1. For entries in between, it is a loss but not a probability.
    """

    rescales = False
    distribution = "bernoulli"

    def check(self, minimum: float, maximum: float) -> None:
        """Refuse data outside [0, 1]."""
        if minimum < 0 or maximum > 1:
            raise ValueError(
                f"loss='bce' needs all entries of X in [0, 1], but they range from {minimum:g} to "
                f"{maximum:g}: rescale X, for example with sklearn.preprocessing.MinMaxScaler, or "
                f"use loss='mse'."
            )

    def output(self, linear: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Add the nonlinear part to the logit of the linear path."""
        return torch.logit(linear, eps=_MARGIN) + residual

    def output_of(self, reconstruction: torch.Tensor) -> torch.Tensor:
        """Turn probabilities into logits, which stay finite."""
        return torch.logit(reconstruction, eps=_SMALLEST)

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
        """Return the log probability of each entry under the Bernoulli distribution."""
        return -self.elementwise(output, target)
