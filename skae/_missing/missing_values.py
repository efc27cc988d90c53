"""What a network does about missing values."""

from __future__ import annotations

import math

import torch
from torch import nn

from skae._missing.filling import Filling


class MissingValues(nn.Module):
    """What stands in the place of missing values, who is told of them, and what they count.

    Parameters
    ----------
    sample_shape : tuple of int
        Shape of one sample.

    encoder_shape : tuple of int
        Shape of what the encoder is given: that of a sample, or of one joined with its mask, see
        ``Architecture.with_mask``.

    rank : int
        Rank of the distribution that missing values are filled by.
    """

    share_known: torch.Tensor

    def __init__(self, sample_shape: tuple[int, ...], encoder_shape: tuple[int, ...], rank: int):
        super().__init__()
        self.filling = Filling(math.prod(sample_shape), rank)
        self.register_buffer("share_known", torch.ones(()))
        self.sample_shape, self.encoder_shape = sample_shape, encoder_shape

    def joined(self, samples: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        """Return samples joined with the masks of what is missing, where the encoder is shown them.

        Parameters
        ----------
        samples : torch.Tensor of shape (n_samples, *sample_shape)
            Filled samples.

        given : torch.Tensor of shape (n_samples, n_features)
            The same with NaN where a value is missing.
        """
        if self.encoder_shape == self.sample_shape:
            return samples
        missing = torch.isnan(given).to(samples.dtype).reshape(samples.shape)
        if self.encoder_shape[:-1] == self.sample_shape[:-1]:
            return torch.cat([samples, missing], dim=-1)
        return torch.cat([samples, missing], dim=1).reshape(-1, *self.encoder_shape)

    def target(self, X: torch.Tensor, reconstruction: torch.Tensor) -> torch.Tensor:
        """Return what should have been given; where nothing is known, what was given."""
        return torch.where(torch.isnan(X), reconstruction.detach(), X)

    def of_known(self, losses: torch.Tensor, X: torch.Tensor, reduction: str) -> torch.Tensor:
        """Return losses that are zero where the value is missing.

        Of a mean, the others count more, so that what is added to it has the same weight as for
        complete rows. A sum is that of a likelihood, and stays the one of the known values.
        """
        losses = losses.masked_fill(torch.isnan(X), 0.0)
        return losses / self.share_known if reduction == "mean" else losses
