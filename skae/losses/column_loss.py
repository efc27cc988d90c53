"""The base class of losses of columns that take several features each."""

from __future__ import annotations

from abc import abstractmethod

import torch

from skae._utils.parameter_names import ParameterNamesMixin


class ColumnLoss(ParameterNamesMixin):
    """Base class of losses of columns that are no plain number, such as categories.

    Convention: all columns with this loss come at once, in blocks of shape (n_samples, n_columns,
    n_places). A column has as many places as features that the loss models; `valid`, of shape
    (n_columns, n_places), says which places are features, and which are padding. Blocks are in the
    units in which :mod:`skae.columns` encodes values, such as 0 and 1 for indicators.

    Attributes
    ----------
    n_unmodelled : int
        Number of features at the end of each column that the loss does not see. For columns with
        levels it is 1, the indicator of levels that ``fit`` did not see.
    """

    n_unmodelled = 0

    @abstractmethod
    def output(
        self, linear: torch.Tensor, residual: torch.Tensor, valid: torch.Tensor
    ) -> torch.Tensor:
        """Combine the linear path, in encoded units, and the decoder's nonlinear part."""

    @abstractmethod
    def reconstruction(self, output: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Turn the output of the decoder into encoded units, such as probabilities."""

    @abstractmethod
    def losses(
        self, output: torch.Tensor, target: torch.Tensor, valid: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of each column, at least 0, of shape (n_samples, n_columns)."""

    def log_likelihood(
        self, output: torch.Tensor, target: torch.Tensor, valid: torch.Tensor
    ) -> torch.Tensor:
        """Return the log probability of each column, in nats, (n_samples, n_columns)."""
        return -self.losses(output, target, valid)

    @abstractmethod
    def baseline(
        self, target: torch.Tensor, weight: torch.Tensor, valid: torch.Tensor
    ) -> torch.Tensor:
        """Return the mean loss of the best prediction that is the same for all rows.

        Parameters
        ----------
        target : torch.Tensor of shape (n_samples, n_columns, n_places)
            Values without NaN.

        weight : torch.Tensor of shape (n_samples, n_columns)
            Weight of each value; missing ones have weight 0, and each column adds up to 1.

        valid : torch.Tensor of shape (n_columns, n_places), dtype bool
            The places that are features.

        Returns
        -------
        torch.Tensor of shape (n_columns,)
        """


def smooth_positive(values: torch.Tensor, margin: float) -> torch.Tensor:
    """Return values that are nearly unchanged above a margin, and positive below it."""
    return (values + torch.sqrt(values.square() + 4 * margin**2)) / 2


def means(target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the weighted means over the rows, of shape (n_columns, n_places)."""
    return torch.einsum("nc,nck->ck", weight, target)


def entropy(probability: torch.Tensor) -> torch.Tensor:
    """Return ``-sum p log p`` over the last axis, where 0 log 0 is 0."""
    return -torch.xlogy(probability, probability).sum(-1)
