"""The base class of all kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from sklearn.base import BaseEstimator


@dataclass(frozen=True)
class ForwardPass:
    """What one batch looked like on its way through the network, for :meth:`Kind.penalty`.

    Parameters
    ----------
    target : torch.Tensor of shape (n_samples, n_features)
        The rows that are to be reconstructed.

    shown : torch.Tensor of shape (n_samples, n_features)
        The rows that the encoder was shown: ``target`` after :meth:`Kind.corrupt`.

    encoder_output : torch.Tensor of shape (n_samples, n_encoder_outputs)
        What the encoder returned.

    code : torch.Tensor of shape (n_samples, n_components)
        What :meth:`Kind.code` made of it.

    encode : callable
        The encoder, from rows to encoder outputs, for penalties on its derivatives.
    """

    target: torch.Tensor
    shown: torch.Tensor
    encoder_output: torch.Tensor
    code: torch.Tensor
    encode: Callable[[torch.Tensor], torch.Tensor]


class Kind(BaseEstimator):
    """Base class of all kinds: what makes the code a good code.

    A kind sees tensors only. Every method has a default, that of the plain autoencoder, so a
    subclass writes only what sets it apart. Parameters of a kind are arguments of its
    ``__init__``, stored as they are, as in every scikit-learn estimator.

    Attributes
    ----------
    feature_reduction : {"mean", "sum"}
        How the loss of the features of one sample becomes the loss of the sample.

    Notes
    -----
    The objective of one sample is ``reduction over features of loss(output, x) + penalty``. The
    objective of a batch is the mean over its samples, weighted by ``sample_weight``.
    """

    feature_reduction = "mean"

    def check(self, n_components: int, n_features: int) -> None:
        """Refuse a code size that this kind can not work with.

        Parameters
        ----------
        n_components : int
            Size of the code.

        n_features : int
            Number of features of a sample.

        Raises
        ------
        ValueError
            If the two do not go together.
        """

    def corrupt(self, X: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return what the encoder is shown in training instead of `X`.

        Parameters
        ----------
        X : torch.Tensor of shape (n_samples, n_features)
            Scaled rows. Must not be changed in place.

        generator : torch.Generator
            Source of all randomness, on the device of `X`.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features)
        """
        return X

    def n_encoder_outputs(self, n_components: int) -> int:
        """Return how many outputs the encoder needs for a code of `n_components`."""
        return n_components

    def code(
        self, encoder_output: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Return the code that belongs to an output of the encoder.

        Parameters
        ----------
        encoder_output : torch.Tensor of shape (n_samples, n_encoder_outputs)
            What the encoder returned.

        generator : torch.Generator or None, default=None
            Given in training only; without it the result must be deterministic.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_components)
        """
        return encoder_output

    def penalty(self, forward_pass: ForwardPass) -> torch.Tensor | None:
        """Return what is added to the loss of each sample.

        Parameters
        ----------
        forward_pass : ForwardPass
            Tensors of the batch.

        Returns
        -------
        torch.Tensor of shape (n_samples,) or None
            None where nothing is added.
        """
        return None
