"""The denoising kind."""

from __future__ import annotations

import torch

from skae._utils.checks import check_boolean, check_number
from skae.corruptions import CorruptionLike
from skae.kinds.interface import ForwardPass, Setting
from skae.kinds.kind import Kind
from skae.losses.loss import Loss

# With this factor, noise with 0.15 of the variance of the data halves the weight of a row.
_CHANGE = 10.0
# With a power of 1/2, weak noise is removed less well; with 1, strong noise.
_POWER = -0.75


class Denoising(Kind):
    r"""Denoising autoencoder: reconstructs clean rows from corrupted ones.

    With :math:`\tilde{x}` drawn from a corruption of `x`, and :math:`\hat{x}` the reconstruction
    from :math:`\tilde{x}`, the objective of one sample under ``loss="mse"`` is

    .. math:: \frac{1}{d} \sum_{j \text{ corrupted}} (x_j - \hat{x}_j)^2
              + \frac{1 - \text{emphasis}}{d} \sum_{j \text{ not}} (x_j - \hat{x}_j)^2

    (Vincent et al. [1]_ with :math:`\alpha = 1` and :math:`\beta = 1 - \text{emphasis}`). Rows
    are corrupted in training only; the validation rows are corrupted in the same way in every
    epoch. After fitting, ``reconstruct`` removes noise from the rows it is given.

    If the strength of the corruption is drawn for each row, `balance` divides the loss of a row by

    .. math:: \left(1 + 10 \, \lVert \tilde{x} - x \rVert^2
              / \textstyle\sum_j \sigma_j^2\right)^{3/4}

    with the standard deviations :math:`\sigma_j` of the features. Otherwise the most damaged rows,
    which have by far the largest errors, would decide alone what the network learns.

    Parameters
    ----------
    corruption : str, Corruption or callable, default="mixed"
        How the input of the encoder is corrupted: a name ("mixed", "gaussian", "masking",
        "salt_and_pepper", "swap", "occlusion" or "missing"), an object of
        :mod:`skae.corruptions`, or a function ``corruption(X, generator)`` that receives a tensor
        in the units of `X` and returns a tensor of the same shape. "mixed" is for noise that
        nobody has named: Gaussian noise, salt-and-pepper noise and masking of every strength. If
        you know your noise, name it.

    emphasis : float in [0, 1], default=0
        0 weights all entries equally, 1 counts only the corrupted entries. It has no effect where
        all entries are corrupted.

    balance : bool, default=True
        Whether strongly corrupted rows count less, as described above. It has no effect where the
        strength is the same for all rows.

    References
    ----------
    .. [1] P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio and P.-A. Manzagol, "Stacked denoising
       autoencoders: learning useful representations in a deep network with a local denoising
       criterion", Journal of Machine Learning Research 11, 2010.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.corruptions import Gaussian
    >>> from skae.kinds import Denoising
    >>> X = load_digits().data
    >>> kind = Denoising(Gaussian(level=4.0, relative=False))
    >>> ae = AutoencoderTransformer(n_components=16, kind=kind, max_epochs=20, random_state=0)
    >>> ae = ae.fit(X[:1500])
    >>> import numpy as np
    >>> noisy = X[1500:] + np.random.default_rng(0).normal(scale=4.0, size=X[1500:].shape)
    >>> after, before = ae.reconstruct(noisy) - X[1500:], noisy - X[1500:]
    >>> bool((after**2).mean() < 0.6 * (before**2).mean())
    True
    """

    by_row = frozenset({"entry_losses"})

    def __init__(
        self,
        corruption: CorruptionLike = "mixed",
        emphasis: float = 0.0,
        balance: bool = True,
    ):
        self.corruption = corruption
        self.emphasis = emphasis
        self.balance = balance

    def check(self, setting: Setting) -> None:
        """Refuse an emphasis out of range, and a corruption of None."""
        check_number(self.emphasis, "emphasis of Denoising", low=0, high=1)
        check_boolean(self.balance, "balance of Denoising")
        if self.corruption is None:
            raise ValueError(
                "corruption of Denoising is None, so there is nothing to remove: give a name such "
                "as 'gaussian' or an object of skae.corruptions, or use kind='undercomplete'."
            )

    def entry_losses(
        self,
        loss: Loss,
        output: torch.Tensor,
        forward_pass: ForwardPass,
        log_scale: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the loss of each entry, weighted as the class describes."""
        target, corrupted = forward_pass.target, forward_pass.corrupted
        if self.emphasis == 0 or corrupted is None:
            losses = loss.elementwise(output, target)
        else:
            hidden = loss.of_hidden(output, target, corrupted)
            others = (1 - self.emphasis) * loss.elementwise(output, target)
            # Not a product with zero, which would not hide an infinite loss.
            others = others if self.emphasis < 1 else torch.zeros_like(others)
            losses = torch.where(loss.of_entries(corrupted), hidden, others)
        if self.balance and self.corruption.varies():
            losses = losses * _row_weights(forward_pass)
        return losses


def _row_weights(forward_pass: ForwardPass) -> torch.Tensor:
    """Return the weight of each row, of shape (n_samples, 1): 1 for a row that did not change."""
    # Missing values are NaN, and count as unchanged.
    change = torch.nan_to_num(forward_pass.shown - forward_pass.target)
    change = change.square().sum(1, keepdim=True)
    total = forward_pass.features.deviation.square().sum(-1, keepdim=True).to(change.dtype)
    smallest = torch.finfo(change.dtype).tiny
    return (1 + _CHANGE * change / total.clamp_min(smallest)) ** _POWER
