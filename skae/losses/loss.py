"""The base class of all losses."""

from __future__ import annotations

from abc import abstractmethod

import torch
from sklearn.base import BaseEstimator


class Loss(BaseEstimator):
    """Base class of all losses: what counts as a good reconstruction.

    Conventions: targets and outputs are tensors of shape (n_samples, n_features). The decoder
    gives an *output*; the *reconstruction* is what the user sees of it. The two differ only
    where the output is a logit.

    Attributes
    ----------
    rescales : bool
        Whether the network sees features centred and divided by one global scale (True), or as
        they are (False).

    has_scale : bool
        Whether :meth:`log_likelihood` has a scale of the residuals to be learned.

    distribution : str or None
        Name of the distribution whose logarithm :meth:`log_likelihood` is; None where the loss
        stands for no distribution.
    """

    rescales = True
    has_scale = False
    distribution: str | None = None

    def check(self, minimum: float, maximum: float) -> None:
        """Refuse data that this loss is not defined on.

        Parameters
        ----------
        minimum, maximum : float
            The smallest and the largest entry of `X`.

        Raises
        ------
        ValueError
            If they lie outside of what the loss is defined on.
        """

    def output(self, linear: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Join the linear path of the decoder, in units of the target, and its residual."""
        return linear + residual

    def reconstruction(self, output: torch.Tensor) -> torch.Tensor:
        """Turn the output of the decoder into a reconstruction of the target."""
        return output

    @abstractmethod
    def elementwise(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the loss of each entry.

        Parameters
        ----------
        output, target : torch.Tensor of shape (n_samples, n_features)
            What the decoder gave, and what it should have given.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features)
        """

    def log_likelihood(
        self, output: torch.Tensor, target: torch.Tensor, log_scale: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the logarithm of the probability (density) of each entry, in nats.

        Parameters
        ----------
        output, target : torch.Tensor of shape (n_samples, n_features)
            What the decoder gave, and the entries.

        log_scale : torch.Tensor of shape () or None
            Logarithm of the scale of the residuals, where the distribution has one.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features)
        """
        raise NotImplementedError(f"{type(self).__name__} stands for no distribution.")
