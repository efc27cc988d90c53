"""Missing values in the input, the mask and the loss of a network."""

from __future__ import annotations

import math

import torch
from torch import nn

from skae._missing.filling import Filling


class MissingValues(nn.Module):
    """Fills missing values, adds their mask to the input, and excludes them from the loss.

    Parameters
    ----------
    sample_shape : tuple of int
        Shape of one sample.

    encoder_shape : tuple of int
        Shape of the encoder's input: that of a sample, or of a sample concatenated with its mask,
        see ``Architecture.with_mask``.

    rank : int
        Number of factors of the distribution by which missing values are filled.
    """

    known_fraction: torch.Tensor

    def __init__(self, sample_shape: tuple[int, ...], encoder_shape: tuple[int, ...], rank: int):
        super().__init__()
        self.filling = Filling(math.prod(sample_shape), rank)
        self.register_buffer("known_fraction", torch.ones(()))
        self.sample_shape, self.encoder_shape = sample_shape, encoder_shape

    def joined(self, samples: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        """Return the input of the encoder: samples, joined with their masks if it uses them.

        Parameters
        ----------
        samples : torch.Tensor of shape (n_samples, *sample_shape)
            Filled samples.

        given : torch.Tensor of shape (n_samples, n_features)
            The same samples with NaN for missing values.
        """
        if self.encoder_shape == self.sample_shape:
            return samples
        missing = torch.isnan(given).to(samples.dtype).reshape(samples.shape)
        if self.encoder_shape[:-1] == self.sample_shape[:-1]:
            return torch.cat([samples, missing], dim=-1)
        return torch.cat([samples, missing], dim=1).reshape(-1, *self.encoder_shape)

    def target(self, X: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
        """Return `X` with missing values replaced by the reconstruction: they have no error."""
        return torch.where(torch.isnan(X), reconstruction.detach(), X)

    def of_known(self, losses: torch.Tensor, missing: torch.Tensor, reduction: str) -> torch.Tensor:
        """Return losses that are zero where a mask says that the value is missing.

        For a mean, the losses of known values are divided by their fraction, so that penalties
        have the same relative weight as for complete rows. A sum is a log-likelihood, and stays
        that of the known values.
        """
        losses = losses.masked_fill(missing, 0.0)
        return losses / self.known_fraction if reduction == "mean" else losses
