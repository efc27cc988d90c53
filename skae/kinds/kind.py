"""The base class of all kinds."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.base import clone
from torch import nn

from skae._utils.named_parts import NamedPartsMixin
from skae.architectures.layers import TiedLinear
from skae.corruptions import CORRUPTIONS, Features, resolve_corruption
from skae.kinds.interface import CodeSummary, ForwardPass, LinearStart, Setting
from skae.losses.loss import Loss


class Kind(NamedPartsMixin):
    """Base class of all kinds: what makes the code a good code.

    A kind sees tensors only. Every method has a default, that of the plain autoencoder, so a
    subclass writes only what sets it apart. Parameters of a kind are arguments of its
    ``__init__``, stored as they are, as in every scikit-learn estimator. A kind that takes
    ``corruption`` stores it under that name.

    Attributes
    ----------
    feature_reduction : {"mean", "sum"}
        How the loss of the features of one sample becomes the loss of the sample.

    linear_decoder : bool
        Whether the decoder is its linear path alone, ``W z + c``.

    linear_code : bool
        Whether :meth:`code` is linear in the encoder's output.

    fits_decoder : bool
        Whether the linear path of the decoder starts at the least squares fit of the data by the
        codes, instead of :meth:`linear_start`. For codes that are not linear.

    sparse_output : bool
        Whether ``transform`` returns a scipy CSR matrix.

    has_posterior : bool
        Whether the code of a row is a distribution, as a :class:`Variational` one is.

    Notes
    -----
    The objective of one sample is ``reduction over features of loss(output, x) + added loss``. The
    objective of a batch is the mean over its samples, weighted by ``sample_weight``. The rows
    held out are judged by the same objective, with corruption and draws that are the same in
    every epoch.
    """

    feature_reduction = "mean"
    linear_decoder = False
    linear_code = True
    fits_decoder = False
    sparse_output = False
    has_posterior = False
    # A name, an object or a function as it is given, an object or None once resolved.
    corruption: Any = None
    _part_registries = {"corruption": CORRUPTIONS}

    def resolved(self) -> Kind:
        """Return this kind with the corruption as an object: what the estimator works with."""
        if self.corruption is None:
            return self
        return clone(self).set_params(corruption=resolve_corruption(self.corruption))

    def auto_n_components(self, n_needed: int, n_features: int) -> int:
        """Return the size of the code that "auto" stands for.

        Parameters
        ----------
        n_needed : int
            How many components PCA needs for 0.9 of the variance.

        n_features : int
            Number of features.
        """
        return min(n_needed, (n_features + 1) // 2, 64)

    def n_axes(self, n_components: int, n_features: int) -> int:
        """Return how many values of the code start at a principal axis.

        The others start at the direction of a row drawn at random, seen from the mean.
        """
        return n_components

    def takes_linear_path(self, n_components: int, n_features: int) -> bool:
        """Return whether a code of this size can start at PCA."""
        return n_components <= n_features

    def check(self, setting: Setting) -> None:
        """Refuse parameters out of range, and what this kind can not work with.

        Parameters
        ----------
        setting : Setting
            Code size, features, loss and weight decay.

        Raises
        ------
        ValueError
            If something does not go together, in a sentence that names it.
        """

    def linear_start(self, deviations: torch.Tensor, residual_variance: float) -> LinearStart:
        """Return what the linear path starts as: codes of unit variance.

        Parameters
        ----------
        deviations : torch.Tensor of shape (n_components,)
            Standard deviations of the data along the axes.

        residual_variance : float
            Mean variance along the directions that the axes leave over.
        """
        return LinearStart(1 / deviations, deviations)

    def wants_jitter(self) -> bool:
        """Return whether ``jitter="auto"`` is to disturb what the encoder is shown."""
        return self.corruption is None

    def makes_missing(self) -> bool:
        """Return whether :meth:`corrupt` makes entries NaN, which the network takes as missing."""
        return self.corruption is not None and self.corruption.makes_missing

    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return what the encoder is shown in training instead of `X`.

        Parameters
        ----------
        X : torch.Tensor of shape (n_samples, n_features)
            Scaled rows. Must not be changed in place.

        features : Features
            What is known of the training rows.

        generator : torch.Generator
            Source of all randomness, on the device of `X`.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features)
        """
        return X if self.corruption is None else self.corruption.corrupt(X, features, generator)

    def n_encoder_outputs(self, n_components: int) -> int:
        """Return how many outputs the encoder needs for a code of `n_components`."""
        return n_components

    def new_state(self, n_components: int) -> nn.Module | None:
        """Return a module for what is to be remembered of the training, or learned with it.

        Its parameters are trained with those of the network, and both they and its buffers are
        kept with the weights.
        """
        return None

    def code(
        self,
        encoder_output: torch.Tensor,
        generator: torch.Generator | None = None,
        state: Any = None,
    ) -> torch.Tensor:
        """Return the code that belongs to an output of the encoder.

        Parameters
        ----------
        encoder_output : torch.Tensor of shape (n_samples, n_encoder_outputs)
            What the encoder returned.

        generator : torch.Generator or None, default=None
            Given in training only; without it the result must be deterministic, and that of a
            row must not depend on other rows.

        state : torch.nn.Module or None, default=None
            What :meth:`new_state` returned.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_components)
        """
        return encoder_output

    def refined(
        self, code: torch.Tensor, X: torch.Tensor, decoder: nn.Linear | TiedLinear
    ) -> torch.Tensor:
        """Return better codes of rows, where the decoder is linear; used in inference only.

        Parameters
        ----------
        code : torch.Tensor of shape (n_samples, n_components)
            What :meth:`code` returned.

        X : torch.Tensor of shape (n_samples, n_features)
            The rows.

        decoder : torch.nn.Linear
            The whole decoder.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_components)
        """
        return code

    def entry_losses(
        self,
        loss: Loss,
        output: torch.Tensor,
        forward_pass: ForwardPass,
        log_scale: torch.Tensor | None,
    ) -> torch.Tensor:
        """Return the loss of each entry.

        Parameters
        ----------
        loss : Loss
            What counts as a good reconstruction.

        output : torch.Tensor of shape (n_samples, n_features)
            What the decoder gave.

        forward_pass : ForwardPass
            Tensors of the batch, the target among them.

        log_scale : torch.Tensor of shape ()
            Logarithm of the learned scale of the residuals, for kinds with a likelihood.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features)
        """
        return loss.elementwise(output, forward_pass.target)

    def added_loss(self, forward_pass: ForwardPass) -> torch.Tensor | None:
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

    def active(self, code: torch.Tensor) -> torch.Tensor:
        """Return which values of codes are active, a boolean tensor of the same shape."""
        return code != 0

    def attributes(self, summary: CodeSummary) -> dict[str, Any]:
        """Return what this kind adds to the attributes of a fitted estimator.

        Parameters
        ----------
        summary : CodeSummary
            The codes of the training rows.

        Returns
        -------
        dict of str to object
            Names end in an underscore.
        """
        return {}
