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
    """Base class of all kinds: the objective that makes the latent code useful.

    A kind works on tensors only. Every method has a default, that of the plain autoencoder, so a
    subclass overrides only what differs. Parameters of a kind are arguments of its ``__init__``,
    stored unchanged, as in every scikit-learn estimator. A kind with a corruption stores it in the
    attribute ``corruption``.

    Attributes
    ----------
    feature_reduction : {"mean", "sum"}
        How the losses of the features of a sample are combined into the loss of the sample.

    linear_decoder : bool
        Whether the decoder consists of its linear path alone, ``W z + c``.

    linear_code : bool
        Whether :meth:`code` is linear in the encoder's output.

    fits_decoder : bool
        Whether the linear path of the decoder starts at the least-squares regression of the data
        on the codes instead of :meth:`linear_start`. For nonlinear codes.

    sparse_output : bool
        Whether ``transform`` returns a scipy CSR matrix.

    has_posterior : bool
        Whether the code of a row is a distribution, as in :class:`Variational`.

    added_term : str
        Name of :meth:`added_loss` in the columns of ``history_``: `train_<name>`, `valid_<name>`.

    by_row : frozenset of str
        Names of overridden methods, of :meth:`code`, :meth:`entry_losses` and :meth:`added_loss`,
        that compute each row on its own, and use neither the generator nor the state. Networks
        that are trained together call them once for the rows of all; where networks differ,
        ``features.deviation`` then has a row for each of the rows.

    Notes
    -----
    The objective of one sample is ``reduction over features of loss(output, x) + added loss``. The
    objective of a batch is the mean over its samples, weighted by ``sample_weight``. The
    validation loss is the same objective on the validation rows, with the same corruption and
    random draws in every epoch.
    """

    feature_reduction = "mean"
    linear_decoder = False
    linear_code = True
    fits_decoder = False
    sparse_output = False
    has_posterior = False
    # Fraction of the training in which a term of the loss grows; patience is counted from its end.
    warmup: float = 0.0
    added_term = "penalty"
    by_row: frozenset[str] = frozenset()
    # A name, an object or a function as it is given, an object or None once resolved.
    corruption: Any = None
    _part_registries = {"corruption": CORRUPTIONS}

    def resolved(self) -> Kind:
        """Return this kind with its corruption as an object instead of a name."""
        if self.corruption is None:
            return self
        return clone(self).set_params(corruption=resolve_corruption(self.corruption))

    def auto_n_components(self, n_needed: int, n_features: int) -> int:
        """Return the size of the code for ``n_components="auto"``.

        Parameters
        ----------
        n_needed : int
            Number of components that PCA needs to explain 0.9 of the variance.

        n_features : int
            Number of features.
        """
        return min(n_needed, (n_features + 1) // 2, 64)

    def n_axes(self, n_components: int, n_features: int) -> int:
        """Return the number of values of the code that start at a principal axis.

        Each of the others starts at the direction from the mean to a randomly drawn row.
        """
        return n_components

    def takes_linear_path(self, n_components: int, n_features: int) -> bool:
        """Return whether a code of this size can start at PCA."""
        return n_components <= n_features

    def check(self, setting: Setting) -> None:
        """Refuse parameters out of range, and settings that this kind does not support.

        Parameters
        ----------
        setting : Setting
            Code size, number of features, loss and weight decay.

        Raises
        ------
        ValueError
            If parameters and setting are incompatible, with a message that names both.
        """

    def linear_start(self, deviations: torch.Tensor, residual_variance: float) -> LinearStart:
        """Return the initial linear path, by default PCA with codes of unit variance.

        Parameters
        ----------
        deviations : torch.Tensor of shape (n_components,)
            Standard deviations of the data along the principal axes.

        residual_variance : float
            Mean variance of the data along the remaining directions.
        """
        return LinearStart(1 / deviations, deviations)

    def wants_jitter(self) -> bool:
        """Return whether ``jitter="auto"`` adds noise to the input of the encoder."""
        return self.corruption is None

    def makes_missing(self) -> bool:
        """Return whether :meth:`corrupt` sets entries to NaN, that is, missing."""
        return self.corruption is not None and self.corruption.makes_missing

    def corrupt(
        self, X: torch.Tensor, features: Features, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the input of the encoder in training, a corrupted version of `X`.

        Parameters
        ----------
        X : torch.Tensor of shape (n_samples, n_features)
            Scaled rows. Must not be changed in place.

        features : Features
            Statistics of the features of the training rows.

        generator : torch.Generator
            Source of all randomness, on the device of `X`.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features)
        """
        return X if self.corruption is None else self.corruption.corrupt(X, features, generator)

    def n_encoder_outputs(self, n_components: int) -> int:
        """Return the number of outputs of the encoder for a code of `n_components`."""
        return n_components

    def new_state(self, n_components: int) -> nn.Module | None:
        """Return a module for statistics of the training and additional learned parameters.

        Its parameters are trained together with those of the network, and its parameters and
        buffers are stored with the weights.
        """
        return None

    def code(
        self,
        encoder_output: torch.Tensor,
        generator: torch.Generator | None = None,
        state: Any = None,
    ) -> torch.Tensor:
        """Return the code for an output of the encoder.

        Parameters
        ----------
        encoder_output : torch.Tensor of shape (n_samples, n_encoder_outputs)
            Output of the encoder.

        generator : torch.Generator or None, default=None
            Given in training only. Without it, the result must be deterministic, and the code of
            a row must not depend on other rows.

        state : torch.nn.Module or None, default=None
            Result of :meth:`new_state`.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_components)
        """
        return encoder_output

    def refined(
        self, code: torch.Tensor, X: torch.Tensor, decoder: nn.Linear | TiedLinear
    ) -> torch.Tensor:
        """Return improved codes, for kinds with a linear decoder; used in inference only.

        Parameters
        ----------
        code : torch.Tensor of shape (n_samples, n_components)
            Result of :meth:`code`.

        X : torch.Tensor of shape (n_samples, n_features)
            The scaled rows.

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
            The reconstruction loss.

        output : torch.Tensor of shape (n_samples, n_features)
            Output of the decoder.

        forward_pass : ForwardPass
            Tensors of the batch, including the target.

        log_scale : torch.Tensor of shape ()
            Logarithm of the learned scale of the residuals, for kinds with a likelihood.

        Returns
        -------
        torch.Tensor of shape (n_samples, n_features)
        """
        return loss.elementwise(output, forward_pass.target)

    def added_loss(self, forward_pass: ForwardPass) -> torch.Tensor | None:
        """Return the penalty that is added to the loss of each sample.

        Parameters
        ----------
        forward_pass : ForwardPass
            Tensors of the batch.

        Returns
        -------
        torch.Tensor of shape (n_samples,) or None
            None if nothing is added.
        """
        return None

    def term(self) -> str | None:
        """Return the name of :meth:`added_loss`, or None if the kind has none."""
        return None if type(self).added_loss is Kind.added_loss else self.added_term

    def active(self, code: torch.Tensor) -> torch.Tensor:
        """Return a mask of the active values of codes, of the same shape."""
        return code != 0

    def attributes(self, summary: CodeSummary) -> dict[str, Any]:
        """Return the attributes that this kind adds to a fitted estimator.

        Parameters
        ----------
        summary : CodeSummary
            The codes of the training rows.

        Returns
        -------
        dict of str to object
            The names end in an underscore.
        """
        return {}
