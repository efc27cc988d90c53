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

# The largest code that n_components="auto" chooses.
_MOST_COMPONENTS = 128


class Compressive(Kind):
    r"""Autoencoder for lossy compression: a latent code that takes few bits when rounded.

    The code is in units of the quantiser's step: rounding it to integers is the lossy part of the
    compression. The objective of one sample is the distortion plus `weight` times the rate,

    .. math:: \frac{1}{d} \sum_j \ell(\hat{x}_j, x_j) + \frac{\text{weight}}{d} \sum_i
              -\log_2 p_i(z_i),

    with the loss :math:`\ell`, the number of features `d`, and the distributions :math:`p_i` of the
    rounded values. Each distribution is a mixture of three logistic distributions, learned
    together with the network (Theis et al. [1]_, Ballé et al. [2]_). Rounding has a zero gradient,
    so training replaces it as Minnen and Singh [3]_ do: the decoder receives rounded codes with a
    straight-through gradient, and the rate is computed from the code plus uniform noise in
    [-1/2, 1/2]. The validation loss is computed from rounded codes.

    ``transform`` returns codes before rounding and is deterministic;
    :class:`skae.compression.Compressor` rounds the codes and encodes them as bytes.

    With ``init="pca"`` the network starts at PCA with a uniform quantiser. In units of the scaled
    data, the step :math:`\Delta` is the one at which an additional bit reduces the distortion by
    exactly what it costs. For fine steps, the distortion :math:`\Delta^2 / 12` of a value falls by
    :math:`\Delta^2 \ln 2 / 6` per bit [4]_, so that

    .. math:: \Delta = \sqrt{6 \, \text{weight} / \ln 2}.

    Components that vary by less than about half a step are rounded to zero and take no bits: the
    rate decides how many components are used, and `n_components` is an upper limit.

    Parameters
    ----------
    weight : float, default=0.3
        Cost of a bit, in units of the loss. With "mse", it is the fraction of the variance that
        one bit per feature has to explain. Smaller values give more bits and smaller
        reconstruction errors.

    corruption : None, str, Corruption or callable, default=None
        How the input of the encoder is corrupted in training, see :mod:`skae.corruptions`.

    Notes
    -----
    With tied weights, encoder and decoder cannot be scaled independently, so the step starts at 1
    in units of the scaled data, whatever `weight` is.

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

    added_term = "bits"

    def __init__(self, weight: float = 0.3, corruption: CorruptionLike = None):
        self.weight = weight
        self.corruption = corruption

    def auto_n_components(self, n_needed: int, n_features: int) -> int:
        """Return twice `n_needed`, at most half of the features and at most 128.

        The rate decides how many of these components are used.
        """
        return min(2 * n_needed, (n_features + 1) // 2, _MOST_COMPONENTS)

    def check(self, setting: Setting) -> None:
        """Refuse weights that are not positive."""
        check_number(self.weight, "weight of Compressive", low=0, open_low=True)

    def linear_start(self, deviations: torch.Tensor, residual_variance: float) -> LinearStart:
        """Return PCA with codes in units of the quantiser's step for this `weight`."""
        step = torch.full_like(deviations, math.sqrt(6 * self.weight / math.log(2)))
        return LinearStart(1 / step, step, state=EntropyModel.start(deviations / step))

    def new_state(self, n_components: int) -> EntropyModel:
        """Return the distributions of the rounded values of the code."""
        return EntropyModel(n_components)

    def code(
        self,
        encoder_output: torch.Tensor,
        generator: torch.Generator | None = None,
        state: Any = None,
    ) -> torch.Tensor:
        """Return the encoder's output, rounded in training."""
        if generator is None:
            return encoder_output
        # Straight-through estimator: the second term is zero, but has the gradient of the identity.
        return encoder_output.detach().round() + (encoder_output - encoder_output.detach())

    def added_loss(self, forward_pass: ForwardPass) -> torch.Tensor | None:
        """Return the bits per feature, times `weight`."""
        code = forward_pass.code
        if forward_pass.generator is not None and forward_pass.state.training:
            code = _with_noise(forward_pass.encoder_output, forward_pass.generator)
        bits = forward_pass.state.bits(code).sum(1)
        return self.weight / forward_pass.target.shape[1] * bits


def _with_noise(code: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return codes plus uniform noise in [-1/2, 1/2]."""
    noise = torch.rand(code.shape, generator=generator, device=code.device, dtype=code.dtype)
    return code + noise - 0.5
