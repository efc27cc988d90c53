"""The variational kind."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

from skae._utils.checks import check_number
from skae.corruptions import CorruptionLike
from skae.kinds.interface import CodeSummary, ForwardPass, LinearStart, Setting
from skae.kinds.kind import Kind
from skae.losses.loss import Loss

# Limits of the posterior's log variance and of the log scale of the residuals that keep all terms
# finite. The code has unit variance, and so has a scaled feature.
_LOWEST_LOG_VARIANCE, _HIGHEST_LOG_VARIANCE = -15.0, 10.0
_LOWEST_LOG_SCALE = -7.0
# A value of the code is active if its posterior mean has a larger variance over the rows.
_ACTIVE_VARIANCE = 0.01
# A posterior collapse is a smaller fraction of active values.
_COLLAPSED_FRACTION = 0.1
_SMALLEST_NOISE = 1e-3


class Variational(Kind):
    r"""Variational autoencoder: the code is a distribution close to the standard normal.

    The encoder returns the mean and the variance of a normal distribution `q`, the posterior, from
    which the code is drawn in training; the decoder returns the distribution of `x`. The objective
    of one sample is the negative evidence lower bound (Kingma and Welling [1]_), in nats,

    .. math:: -E_{z \sim q} \log p(x | z) + \beta \sum_i \frac{1}{2}
              \left( \mu_i^2 + \sigma_i^2 - \log \sigma_i^2 - 1 \right),

    summed over features and values of the code. :math:`p(x | z)` follows from the loss: normal
    with a learned variance for "mse", Laplace with a learned scale for "mae", Bernoulli for
    "bce". With ``beta=1`` the objective is a bound of the log-likelihood of the data, which
    :meth:`~skae.AutoencoderTransformer.elbo` returns. ``transform`` returns the mean :math:`\mu`
    and is deterministic.

    With ``init="pca"`` the network starts at the probabilistic PCA of Tipping and Bishop [2]_,
    whose posterior is known, and trains from there.

    Parameters
    ----------
    beta : float, default=1
        Weight of the divergence. Values above 1 give fewer and more independent active values of
        the code (Higgins et al. [3]_), and larger reconstruction errors.

    warmup : float in [0, 1], default=0
        Fraction of the training in which the weight of the divergence rises from 0 to `beta`.

    free_bits : float, default=0
        Divergence of each value of the code, in nats and averaged over the batch, below which it is
        not penalised (Kingma et al. [4]_). It prevents posterior collapse.

    corruption : None, str, Corruption or callable, default=None
        How the input of the encoder is corrupted in training, see :mod:`skae.corruptions`.

    References
    ----------
    .. [1] D. P. Kingma and M. Welling,
       "Auto-encoding variational Bayes", ICLR 2014.
    .. [2] M. E. Tipping and C. M. Bishop, "Probabilistic principal component analysis", Journal
       of the Royal Statistical Society B 61(3), 1999.
    .. [3] I. Higgins et al., "beta-VAE: learning basic visual concepts with a constrained
       variational framework", ICLR 2017.
    .. [4] D. P. Kingma et al., "Improved variational inference with inverse autoregressive
       flow", NeurIPS 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> X = load_digits().data / 16
    >>> ae = AutoencoderTransformer(8, kind="variational", max_epochs=10, random_state=0).fit(X)
    >>> ae.sample(5, random_state=0).shape
    (5, 64)
    >>> ae.elbo(X).shape
    (1797,)
    """

    feature_reduction = "sum"
    has_posterior = True
    added_term = "kl"

    def __init__(
        self,
        beta: float = 1.0,
        warmup: float = 0.0,
        free_bits: float = 0.0,
        corruption: CorruptionLike = None,
    ):
        self.beta = beta
        self.warmup = warmup
        self.free_bits = free_bits
        self.corruption = corruption

    @property
    def by_row(self) -> frozenset[str]:  # type: ignore[override]
        """Methods that compute each row on its own; free bits are means over a batch."""
        always = frozenset({"entry_losses"})
        return always if self.free_bits > 0 else always | {"added_loss"}

    def check(self, setting: Setting) -> None:
        """Refuse parameters out of range, and losses without a distribution."""
        check_number(self.beta, "beta of Variational", low=0)
        check_number(self.warmup, "warmup of Variational", low=0, high=1)
        check_number(self.free_bits, "free_bits of Variational", low=0)
        if setting.loss.distribution is None:
            raise ValueError(
                f"kind='variational' needs a loss with a distribution: 'mse', 'mae', 'bce' or "
                f"'multinomial', got loss={setting.loss!r}."
            )

    def wants_jitter(self) -> bool:
        """Return False: with jitter, the objective would not be the evidence lower bound."""
        return False

    def linear_start(self, deviations: torch.Tensor, residual_variance: float) -> LinearStart:
        r"""Return probabilistic PCA and its posterior.

        With variances :math:`\lambda_i` along the axes and :math:`\sigma^2` beyond them,
        :math:`W = A^T (\Lambda - \sigma^2)^{1/2}`, and the posterior has the mean
        :math:`\Lambda^{-1} (\Lambda - \sigma^2)^{1/2} A x` and the variance
        :math:`\sigma^2 \Lambda^{-1}` (Tipping and Bishop 1999, equations 6 and 15).
        """
        variances = deviations.square()
        noise = max(residual_variance, _SMALLEST_NOISE**2 * float(variances.mean()))
        decode = (variances - noise).clamp_min(0).sqrt()
        rest = (noise / variances).clamp_max(1).log()
        return LinearStart(decode / variances, decode, rest, scale=noise**0.5)

    def n_encoder_outputs(self, n_components: int) -> int:
        """Return twice the size of the code, for means and log variances."""
        return 2 * n_components

    def posterior(self, encoder_output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean and the log variance of `q`."""
        mean, log_variance = encoder_output.chunk(2, dim=1)
        return mean, log_variance.clamp(_LOWEST_LOG_VARIANCE, _HIGHEST_LOG_VARIANCE)

    def code(
        self,
        encoder_output: torch.Tensor,
        generator: torch.Generator | None = None,
        state: Any = None,
    ) -> torch.Tensor:
        """Return the mean, or in training a draw from `q`."""
        mean, log_variance = self.posterior(encoder_output)
        if generator is None:
            return mean
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return torch.addcmul(mean, torch.exp(0.5 * log_variance), noise)

    def entry_losses(
        self,
        loss: Loss,
        output: torch.Tensor,
        forward_pass: ForwardPass,
        log_scale: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the negative log-likelihood of each entry."""
        return -self.log_likelihood(loss, output, forward_pass.target, log_scale)

    def log_likelihood(
        self,
        loss: Loss,
        output: torch.Tensor,
        target: torch.Tensor,
        log_scale: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the log-likelihood of each entry."""
        if log_scale is not None:
            log_scale = log_scale.clamp_min(_LOWEST_LOG_SCALE)
        return loss.log_likelihood(output, target, log_scale)

    @staticmethod
    def divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
        """Return the Kullback-Leibler divergence of `q` from N(0, 1) for each value of the code."""
        return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1)

    def added_loss(self, forward_pass: ForwardPass) -> torch.Tensor | None:
        """Return the divergence, times `beta`."""
        divergence = self.divergence(*self.posterior(forward_pass.encoder_output))
        beta = self.beta
        if self.warmup > 0:
            beta *= min(1.0, forward_pass.progress / self.warmup)
        if self.free_bits > 0:
            total = divergence.mean(0).clamp_min(self.free_bits).sum()
            return beta * total.expand(len(divergence))
        return beta * divergence.sum(1)

    def attributes(self, summary: CodeSummary) -> dict[str, Any]:
        """Return the active values of the code, and warn of a posterior collapse."""
        active = np.flatnonzero(summary.variance > _ACTIVE_VARIANCE)
        n_components = len(summary.variance)
        if len(active) < _COLLAPSED_FRACTION * n_components:
            warnings.warn(
                f"Posterior collapse: only {len(active)} of the {n_components} values of the "
                f"code depend on X (active_units_). Try a smaller beta, "
                f"Variational(free_bits=0.1) or a smaller n_components.",
                UserWarning,
                stacklevel=2,
            )
        return {"active_units_": active}
