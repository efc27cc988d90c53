"""The multinomial cross-entropy."""

from __future__ import annotations

import torch

from skae.losses.loss import Loss

# The linear path is taken as a multiple of a probability; around zero and below, up to about this
# value, its logarithm is replaced by a function that stays finite and keeps rising.
_MARGIN = 0.03
# Logit of an entry that cannot be drawn any more.
_NEVER = -1e4


class Multinomial(Loss):
    r"""Multinomial cross-entropy, for rows of counts or shares, such as clicks on items.

    .. math:: \ell(x) = -\sum_j x_j \log p_j, \quad p = \text{softmax}(\text{output}).

    The network distributes probability over all features of a row: :math:`p_j` is the probability
    that the next count belongs to feature `j`. It is the loss of the collaborative filtering of
    Liang et al. [1]_. `X` is not scaled. The output is

    .. math:: \text{arsinh}(\text{linear} / 2 m) + \text{residual}, \quad m = 0.03,

    and up to a constant :math:`\text{arsinh}(u / 2 m)` is about :math:`\log u` for `u` above `m`.
    It keeps the order of the features, so that the start at PCA ranks them as PCA does.

    Reconstructions are probabilities, which add up to 1 in each row. Rows of counts therefore need
    to be divided by their sums, for example with ``sklearn.preprocessing.Normalizer("l1")``, before
    reconstructions and scores are compared with `X`.

    The distribution is multinomial,
    :math:`\log p(x) = \log n! - \sum_j \log x_j! + \sum_j x_j \log p_j`, with :math:`n = \sum x_j`.

    References
    ----------
    .. [1] D. Liang, R. G. Krishnan, M. D. Hoffman and T. Jebara, "Variational autoencoders for
       collaborative filtering", WWW 2018.
    """

    rescales = False
    distribution = "multinomial"

    def check(self, minimum: float, maximum: float) -> None:
        """Refuse negative data."""
        if minimum < 0:
            raise ValueError(
                f"loss='multinomial' needs counts or shares, none of them negative, but the "
                f"entries of X range from {minimum:g} to {maximum:g}: use loss='mse'."
            )

    def output(self, linear: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Add the nonlinear part to the logarithm of the linear path."""
        return torch.asinh(linear / (2 * _MARGIN)) + residual

    def reconstruction(self, output: torch.Tensor) -> torch.Tensor:
        """Turn logits into probabilities, which add up to 1 in each row."""
        return torch.softmax(output, dim=1)

    def elementwise(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the cross-entropy of each entry."""
        return -target * torch.log_softmax(output, dim=1)

    def of_hidden(
        self, output: torch.Tensor, target: torch.Tensor, hidden: torch.Tensor
    ) -> torch.Tensor:
        """Return the cross-entropy among the entries that are not shown.

        An item that is shown to be known will not be recommended, so it takes no probability from
        the others.
        """
        shown = (target > 0) & ~hidden
        losses = self.elementwise(output.masked_fill(shown, _NEVER), target)
        return losses.masked_fill(shown, 0.0)

    def log_likelihood(
        self, output: torch.Tensor, target: torch.Tensor, log_scale: torch.Tensor | None
    ) -> torch.Tensor:
        """Return terms whose sum over a row is its log probability."""
        n_in_all = target.sum(1, keepdim=True)
        orders = torch.lgamma(n_in_all + 1) / target.shape[1] - torch.lgamma(target + 1)
        return orders - self.elementwise(output, target)
