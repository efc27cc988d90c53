"""The base class of all architectures."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import nn

from skae._utils.parameter_names import ParameterNamesMixin


class Architecture(ParameterNamesMixin):
    """Base class of all architectures: the layers of encoder and decoder.

    An architecture works on shapes and tensors only. Parameters of an architecture are arguments
    of its ``__init__``, stored unchanged, as in every scikit-learn estimator.
    """

    # Whether its modules draw from torch's global generators.
    draws_globally: bool = False
    # Factor of the automatic learning rate.
    learning_rate_factor: float = 1.0

    def sample_shape(self, given: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one sample as the encoder receives it.

        Parameters
        ----------
        given : tuple of int
            Shape of one sample in `X`: ``(n_features,)`` for tables.

        Returns
        -------
        tuple of int
            A shape with as many values.

        Raises
        ------
        ValueError
            If the architecture does not support such samples.
        """
        return (math.prod(given),)

    def channel_axis_of(self, sample_shape: tuple[int, ...]) -> int | str | None:
        """Return the axis of the channels of a sample: 0, -1, or None if there is none.

        "auto" means that the architecture does not use the axis; corruptions then see the shape.
        """
        return None

    def resolved(self, sample_shape: tuple[int, ...], n_samples: int) -> Architecture:
        """Return this architecture with its "auto" parameters resolved for the data.

        Parameters
        ----------
        sample_shape : tuple of int
            Shape of one sample.

        n_samples : int
            Number of training rows.

        Returns
        -------
        Architecture
            The architecture on which :meth:`build` is called, the estimator's ``architecture_``.
        """
        return self

    def check_init(self, init: str) -> None:
        """Refuse parameters that do not go with the `init` of the estimator.

        Parameters
        ----------
        init : {"pca", "random"}
            With "pca", linear maps are added to the outputs of encoder and decoder.
        """

    def is_linear(self) -> bool:
        """Return whether encoder and decoder are linear maps with the current parameters."""
        return False

    def ties_weights(self) -> bool:
        """Return whether the decoder's weights are the encoder's, transposed."""
        return False

    def needs_gates(self) -> bool:
        """Return whether a start at PCA needs gates, since no last layer can start at zero."""
        return self.ties_weights()

    def with_mask(
        self, sample_shape: tuple[int, ...]
    ) -> tuple[Architecture, tuple[int, ...]] | None:
        """Return the architecture of an encoder whose input includes a mask of missing values.

        Parameters
        ----------
        sample_shape : tuple of int
            Shape of one sample.

        Returns
        -------
        architecture : Architecture
            The architecture on which :meth:`build` is called for the encoder.

        joined_shape : tuple of int
            Shape of a sample concatenated with its mask, twice as many values: along the channels
            if these come last, and along the first axis otherwise.

        Notes
        -----
        None if the encoder cannot have a mask as input, since it has tied weights.
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
            Source of randomness of the initial weights; torch's global generators must not be
            used. Layers that draw random numbers in training derive from
            :class:`~skae.architectures.layers.RandomLayer`.

        Returns
        -------
        encoder : torch.nn.Module
            From ``(n_samples, *sample_shape)`` to ``(n_samples, n_encoder_outputs)``.

        decoder : torch.nn.Module
            From ``(n_samples, n_components)`` to ``(n_samples, *sample_shape)``.

        Notes
        -----
        The last layer with weights that a module registers must compute its output: if the network
        starts at PCA, the weights of that layer start at zero. If there is no such layer,
        :meth:`needs_gates` must return True.
        """
