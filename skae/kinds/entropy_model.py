"""Learned distributions of the rounded values of a latent code, and the bits they take."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.functional import logsigmoid

# Initial scales of the three logistic distributions, relative to the scale of the code: a mixture,
# since codes have sharper peaks and heavier tails than a single logistic distribution.
_FACTORS = (0.6, 1.0, 1.6)
# Limits of the log scale, in steps of the quantiser, that keep all terms finite.
_LOWEST_LOG_SCALE, _HIGHEST_LOG_SCALE = -5.0, 12.0
# The variance of a logistic distribution of scale one is the square of this.
_LOGISTIC_DEVIATION = math.pi / math.sqrt(3)


class EntropyModel(nn.Module):
    r"""A mixture of three logistic distributions for each value of a code.

    The probability of the rounded value `y` is the mass of the mixture on
    :math:`[y - 1/2, y + 1/2]`; its number of bits is minus the base-2 logarithm of that. The
    identity :math:`\sigma(b) - \sigma(a) = \sigma(b) \, \sigma(-a) \, (1 - e^{a - b})` avoids
    cancellation in the tails.

    Parameters
    ----------
    n_components : int
        Size of the code.
    """

    logits: nn.Parameter
    means: nn.Parameter
    log_scales: nn.Parameter

    def __init__(self, n_components: int):
        super().__init__()
        # Vectors, since weight decay applies to matrices.
        for name in ("logits", "means", "log_scales"):
            values = torch.zeros(len(_FACTORS) * n_components)
            self.register_parameter(name, nn.Parameter(values))
        with torch.no_grad():
            for name, values in self.start(torch.ones(n_components)).items():
                self.get_parameter(name).copy_(values)

    @staticmethod
    def start(deviations: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the initial parameters for codes of mean zero.

        Parameters
        ----------
        deviations : torch.Tensor of shape (n_components,)
            Standard deviations of the code, in steps of the quantiser.
        """
        scales = deviations / _LOGISTIC_DEVIATION
        factors = scales.new_tensor(_FACTORS)[:, None]
        log_scales = (factors * scales).log().clamp(_LOWEST_LOG_SCALE, _HIGHEST_LOG_SCALE)
        return {"log_scales": log_scales.flatten()}

    def bits(self, code: torch.Tensor) -> torch.Tensor:
        """Return the number of bits of each value.

        Parameters
        ----------
        code : torch.Tensor of shape (n_samples, n_components)
            In steps of the quantiser, rounded, or with added noise in place of rounding.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_components)
        """
        logits, means, log_scales = (
            parameter.view(len(_FACTORS), 1, -1)
            for parameter in (self.logits, self.means, self.log_scales)
        )
        inverse = torch.exp(-log_scales.clamp(_LOWEST_LOG_SCALE, _HIGHEST_LOG_SCALE))
        centred = code.to(inverse.dtype) * inverse - means
        above, below = centred + 0.5 * inverse, centred - 0.5 * inverse
        log_masses = logits.log_softmax(0) + torch.log(-torch.expm1(-inverse))
        densities = log_masses + logsigmoid(above) + logsigmoid(-below)
        return densities.logsumexp(0) / -math.log(2)
