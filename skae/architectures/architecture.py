"""The base class of all architectures."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from sklearn.base import BaseEstimator
from torch import nn


class Architecture(BaseEstimator):
    """Base class of all architectures: what encoder and decoder are made of.

    An architecture sees shapes and tensors only. Parameters of an architecture are arguments of
    its ``__init__``, stored as they are, as in every scikit-learn estimator.
    """

    # Whether its modules draw from torch's global generators.
    draws_globally: bool = False
    # What the automatic learning rate is multiplied by.
    learning_rate_factor: float = 1.0

    def sample_shape(self, given: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape in which the encoder is shown one sample.

        Parameters
        ----------
        given : tuple of int
            Shape of one sample as it stands in `X`: ``(n_features,)`` for rows.

        Returns
        -------
        tuple of int
            A shape of as many values.

        Raises
        ------
        ValueError
            If the architecture can not take such samples.
        """
        return (math.prod(given),)

    def channel_axis_of(self, sample_shape: tuple[int, ...]) -> int | None:
        """Return which axis of a sample counts channels: 0, -1, or None where none does."""
        return None

    def resolved(self, sample_shape: tuple[int, ...], n_samples: int) -> Architecture:
        """Return this architecture with its "auto" parameters replaced for some data.

        Parameters
        ----------
        sample_shape : tuple of int
            Shape of one sample.

        n_samples : int
            Number of rows to train on.

        Returns
        -------
        Architecture
            What :meth:`build` is called on, and what the estimator shows as ``architecture_``.
        """
        return self

    def is_linear(self) -> bool:
        """Return whether encoder and decoder are linear maps, with these parameters."""
        return False

    def ties_weights(self) -> bool:
        """Return whether the decoder's weights are the encoder's, transposed."""
        return False

    def needs_gates(self) -> bool:
        """Return whether a start at PCA takes gates, since no last layer can start at zero."""
        return self.ties_weights()

    def with_mask(
        self, sample_shape: tuple[int, ...]
    ) -> tuple[Architecture, tuple[int, ...]] | None:
        """Return what builds an encoder that is shown samples and which of their values are known.

        Parameters
        ----------
        sample_shape : tuple of int
            Shape of one sample.

        Returns
        -------
        architecture : Architecture
            What :meth:`build` is called on for the encoder.

        joined_shape : tuple of int
            Shape of a sample joined with its mask, twice as many values: along the channels where
            these come last, and one after the other otherwise.

        Notes
        -----
        None where the encoder can not be shown a mask, since the decoder has the same weights.
        """
        if self.ties_weights():
            return None
        return self, (2 * sample_shape[0], *sample_shape[1:])

    @abstractmethod
    def build(
        self,
        sample_shape: tuple[int, ...],
        n_components: int,
        *,
        n_encoder_outputs: int,
        generator: torch.Generator,
    ) -> tuple[nn.Module, nn.Module]:
        """Return an encoder and a decoder.

        Parameters
        ----------
        sample_shape : tuple of int
            Shape of one sample.

        n_components : int
            Size of the code, the input of the decoder.

        n_encoder_outputs : int
            Number of outputs of the encoder; some kinds need more than `n_components`.

        generator : torch.Generator
            Source of the first weights. Layers that draw in training derive from
            :class:`~skae.architectures.layers.RandomLayer`. The generators of torch itself must
            not be used.

        Returns
        -------
        encoder : torch.nn.Module
            From ``(n_samples, *sample_shape)`` to ``(n_samples, n_encoder_outputs)``.

        decoder : torch.nn.Module
            From ``(n_samples, n_components)`` to ``(n_samples, *sample_shape)``.

        Notes
        -----
        The last layer with weights that a module registers must be the one that makes its
        output: where the network starts at PCA, that layer starts at zero. Where that can not
        be, :meth:`needs_gates` says so.
        """
