"""How many bits the values of a code take: a distribution of each, learned with the network."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.functional import logsigmoid

# Scales of the logistic distributions that are mixed, as factors of what they start at: codes have
# sharper peaks and heavier tails than one of them.
_FACTORS = (0.6, 1.0, 1.6)
# Limits of the logarithm of a scale, in steps of the quantiser, that keep all terms finite.
_LOWEST_LOG_SCALE, _HIGHEST_LOG_SCALE = -5.0, 12.0
# The variance of a logistic distribution of scale one is the square of this.
_LOGISTIC_DEVIATION = math.pi / math.sqrt(3)


class EntropyModel(nn.Module):
    r"""A mixture of three logistic distributions for each value of a code.

    A value that is rounded to `y` has the probability that the mixture gives to
    :math:`[y - 1/2, y + 1/2]`, and takes minus its logarithm of bits. With
    :math:`\sigma(b) - \sigma(a) = \sigma(b) \, \sigma(-a) \, (1 - e^{a - b})`, no digits are lost
    in the tails.

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
        # Vectors and no matrices, which would decay.
        for name in ("logits", "means", "log_scales"):
            values = torch.zeros(len(_FACTORS) * n_components)
            self.register_parameter(name, nn.Parameter(values))
        with torch.no_grad():
            for name, values in self.start(torch.ones(n_components)).items():
                self.get_parameter(name).copy_(values)

    @staticmethod
    def start(deviations: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return parameters for codes of mean zero.

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
        """Return the bits of each value.

        Parameters
        ----------
        code : torch.Tensor of shape (n_samples, n_components)
            In steps of the quantiser, rounded or with noise in its place.

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
        log_shares = logits.log_softmax(0) + torch.log(-torch.expm1(-inverse))
        densities = log_shares + logsigmoid(above) + logsigmoid(-below)
        return densities.logsumexp(0) / -math.log(2)
