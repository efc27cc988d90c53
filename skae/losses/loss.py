"""The base class of all losses."""

from __future__ import annotations

from abc import abstractmethod

import torch

from skae._utils.parameter_names import ParameterNamesMixin
from skae._utils.table_features import TableFeatures


class Loss(ParameterNamesMixin):
    """Base class of all reconstruction losses.

    Conventions: targets and outputs are tensors of shape (n_samples, n_features). The decoder
    returns an *output*, which :meth:`reconstruction` turns into the *reconstruction* that users
    see. The two differ only if the output is a logit.

    Attributes
    ----------
    rescales : bool
        Whether features are centred and divided by one global scale for the network (True), or
        left unchanged (False).

    has_scale : bool
        Whether :meth:`log_likelihood` has a learned scale of the residuals.

    distribution : str or None
        Name of the distribution whose log density is :meth:`log_likelihood`; None for a loss
        without a distribution.

    scale_shape : tuple of int
        Shape of the learned scale: one number for all features, unless a loss has several.

    table_columns : TableFeatures or None
        Which features belong to one column of a table; None if each is a column of its own.
    """

    rescales = True
    has_scale = False
    distribution: str | None = None
    scale_shape: tuple[int, ...] = ()
    table_columns: TableFeatures | None = None

    def check(self, minimum: float, maximum: float) -> None:
        """Refuse data that this loss is not defined on.

        Parameters
        ----------
        minimum, maximum : float
            The smallest and the largest entry of `X`.

        Raises
        ------
        ValueError
            If they lie outside the domain of the loss.
        """

    def output(self, linear: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Combine the linear path, in units of the target, and the decoder's nonlinear part."""
        return linear + residual

    def output_alone(self, residual: torch.Tensor) -> torch.Tensor:
        """Return the output of a decoder without a linear path."""
        return residual

    def output_of(self, reconstruction: torch.Tensor) -> torch.Tensor:
        """Turn a reconstruction into the output of a decoder, the inverse of `reconstruction`."""
        return reconstruction

    def reconstruction(self, output: torch.Tensor) -> torch.Tensor:
        """Turn the output of the decoder into a reconstruction of the target."""
        return output

    def of_entries(self, mask: torch.Tensor) -> torch.Tensor:
        """Return a mask of features as a mask of the entries that have a loss.

        Each feature has a loss of its own, except in a table with categorical columns.
        """
        return mask

    def residual(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the residual of each feature: the target minus its reconstruction."""
        return target - self.reconstruction(output)

    @abstractmethod
    def elementwise(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of each entry.

        Parameters
        ----------
        output, target : torch.Tensor of shape (n_samples, n_features)
            Output of the decoder, and the true entries.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features)
        """

    def of_hidden(
        self, output: torch.Tensor, target: torch.Tensor, hidden: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of each entry, of which only the hidden ones are to be predicted.

        Parameters
        ----------
        output, target : torch.Tensor of shape (n_samples, n_features)
            Output of the decoder, and the true entries.

        hidden : torch.Tensor of shape (n_samples, n_features), dtype bool
            Mask of the entries that the encoder was not shown.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features)
            Values of other entries are not used.
        """
        return self.elementwise(output, target)

    def log_likelihood(
        self, output: torch.Tensor, target: torch.Tensor, log_scale: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the log probability (density) of each entry, in nats.

        Parameters
        ----------
        output, target : torch.Tensor of shape (n_samples, n_features)
            Output of the decoder, and the true entries.

        log_scale : torch.Tensor of shape () or None
            Logarithm of the scale of the residuals, if the distribution has one.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features)
        """
        raise NotImplementedError(f"{type(self).__name__} has no distribution.")
