"""The compressive kind."""

from __future__ import annotations

import math
from typing import Any

import torch

from skae._utils.checks import check_number
from skae.corruptions import CorruptionLike
from skae.kinds.entropy_model import EntropyModel
from skae.kinds.interface import ForwardPass, LinearStart, Setting
from skae.kinds.kind import Kind

# The largest code that n_components="auto" stands for.
_MOST_COMPONENTS = 128


class Compressive(Kind):
    r"""A code that takes few bits once it is rounded: the kind that compresses.

    The code is in units of the quantiser's step, so that rounding to whole numbers is what loses
    something. The objective of one sample is the distortion and, times `weight`, the rate,

    .. math:: \frac{1}{d} \sum_j \ell(\hat{x}_j, x_j) + \frac{\text{weight}}{d} \sum_i
              -\log_2 p_i(z_i),

    with the loss :math:`\ell`, the number of features `d`, and distributions :math:`p_i` of the
    rounded values that are learned with the network, mixtures of three logistic ones
    (Theis et al. [1]_, Ballé et al. [2]_). Rounding has no gradient. In training the decoder is
    given rounded codes, whose gradient is passed on as if they were not rounded, and the rate is
    that of the code with uniform noise in [-1/2, 1/2] in the place of rounding (Minnen and
    Singh [3]_). The rows held out are judged by rounded codes.

    ``transform`` returns codes that are not rounded yet, and nothing is drawn in inference;
    :class:`skae.compression.Compressor` rounds them and makes bytes of them.

    With ``init="pca"`` the network starts at PCA with a uniform quantiser. The step :math:`\Delta`,
    in units of the scaled data, is the one for which another bit would gain as much as it costs,
    where steps are fine: the distortion :math:`\Delta^2 / 12` of a value falls by
    :math:`\Delta^2 \ln 2 / 6` for each bit [4]_, so that

    .. math:: \Delta = \sqrt{6 \, \text{weight} / \ln 2}.

    Components that vary by less than about half a step are rounded to zero and take no bits: the
    rate decides how many there are, and `n_components` is only the most that there can be.

    Parameters
    ----------
    weight : float, default=0.3
        What a bit costs, in units of the loss: with "mse", for a bit for each feature, the share
        of the variance that it has to explain. Less gives more bits and better reconstructions.

    corruption : None, str, Corruption or callable, default=None
        What is done in training to the rows that the encoder is shown, see
        :mod:`skae.corruptions`.

    Notes
    -----
    With tied weights, the linear maps can not have a scale of their own, so a step starts as 1 in
    units of the scaled data, whatever `weight` is.

    References
    ----------
    .. [1] L. Theis, W. Shi, A. Cunningham and F. Huszár, "Lossy image compression with compressive
       autoencoders", ICLR 2017.
    .. [2] J. Ballé, V. Laparra and E. P. Simoncelli, "End-to-end optimized image compression",
       ICLR 2017.
    .. [3] D. Minnen and S. Singh, "Channel-wise autoregressive entropy models for learned image
       compression", ICIP 2020.
    .. [4] H. Gish and J. Pierce, "Asymptotically efficient quantizing", IEEE Transactions on
       Information Theory 14(5), 1968.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.compression import Compressor
    >>> X = load_digits().data
    >>> ae = AutoencoderTransformer(32, kind="compressive", max_epochs=10, random_state=0)
    >>> compressor = Compressor(ae).fit(X[:1500])
    >>> data = compressor.compress(X[1500:])
    >>> compressor.decompress(data).shape
    (297, 64)
    """

    def __init__(self, weight: float = 0.3, corruption: CorruptionLike = None):
        self.weight = weight
        self.corruption = corruption

    def auto_n_components(self, n_needed: int, n_features: int) -> int:
        """Return twice what PCA needs for 0.9 of the variance, at most half of the features or 128.

        The rate decides how many of them are used.
        """
        return min(2 * n_needed, (n_features + 1) // 2, _MOST_COMPONENTS)

    def check(self, setting: Setting) -> None:
        """Refuse weights that are not positive."""
        check_number(self.weight, "weight of Compressive", low=0, open_low=True)

    def linear_start(self, deviations: torch.Tensor, residual_variance: float) -> LinearStart:
        """Return PCA with codes in units of the step that belongs to the weight."""
        step = torch.full_like(deviations, math.sqrt(6 * self.weight / math.log(2)))
        return LinearStart(1 / step, step, state=EntropyModel.start(deviations / step))

    def new_state(self, n_components: int) -> EntropyModel:
        """Return the distributions of the values of the code."""
        return EntropyModel(n_components)

    def code(
        self,
        encoder_output: torch.Tensor,
        generator: torch.Generator | None = None,
        state: Any = None,
    ) -> torch.Tensor:
        """Return the encoder's output, rounded where the training asks."""
        if generator is None:
            return encoder_output
        # The second term is zero, and has the gradient that rounding has not.
        return encoder_output.detach().round() + (encoder_output - encoder_output.detach())

    def added_loss(self, forward_pass: ForwardPass) -> torch.Tensor | None:
        """Return the bits for each feature, times the weight."""
        code = forward_pass.code
        if forward_pass.generator is not None and forward_pass.state.training:
            code = _with_noise(forward_pass.encoder_output, forward_pass.generator)
        bits = forward_pass.state.bits(code).sum(1)
        return self.weight / forward_pass.target.shape[1] * bits


def _with_noise(code: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return codes with uniform noise in [-1/2, 1/2]."""
    noise = torch.rand(code.shape, generator=generator, device=code.device, dtype=code.dtype)
    return code + noise - 0.5
