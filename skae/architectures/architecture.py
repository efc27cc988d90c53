"""The base class of all architectures."""

from __future__ import annotations

from abc import abstractmethod

import torch
from sklearn.base import BaseEstimator
from torch import nn


class Architecture(BaseEstimator):
    """Base class of all architectures: what encoder and decoder are made of.

    An architecture sees shapes and tensors only. Parameters of an architecture are arguments of
    its ``__init__``, stored as they are, as in every scikit-learn estimator.
    """

    def sample_shape(self, n_features: int) -> tuple[int, ...]:
        """Return the shape in which the encoder is shown one sample of `n_features` values."""
        return (n_features,)

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
            Source of all randomness. The generators of torch itself must not be used.

        Returns
        -------
        encoder : torch.nn.Module
            From ``(n_samples, *sample_shape)`` to ``(n_samples, n_encoder_outputs)``.

        decoder : torch.nn.Module
            From ``(n_samples, n_components)`` to ``(n_samples, *sample_shape)``.

        Notes
        -----
        The last layer with weights that a module registers must be the one that makes its
        output: where the network starts at PCA, that layer starts at zero.
        """
