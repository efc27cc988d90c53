"""The inputs and outputs of the methods of kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from skae.corruptions import Features
from skae.losses.loss import Loss


@dataclass(frozen=True)
class Setting:
    """The setting of a fit, for ``Kind.check``.

    Parameters
    ----------
    n_components, n_features : int
        Size of the code and of a sample.

    sample_shape : tuple of int
        Shape of one sample as the architecture receives it, or as `X` holds it if the architecture
        flattens it.

    loss : Loss
        The reconstruction loss.

    weight_decay : float
        Weight decay.

    linear_path : bool
        Whether encoder and decoder have a linear path, which starts at PCA.

    channel_axis : {0, -1, "auto"} or None
        Axis of the channels of a sample, if any; "auto" if the architecture does not use it.
    """

    n_components: int
    n_features: int
    sample_shape: tuple[int, ...]
    loss: Loss
    weight_decay: float = 0.0
    linear_path: bool = True
    channel_axis: int | str | None = None


@dataclass(frozen=True)
class LinearStart:
    """Initial linear path: ``V = diag(encode) axes``, ``W = axes^T diag(decode)``.

    Parameters
    ----------
    encode, decode : torch.Tensor of shape (n_components,)
        Factors of the principal axes.

    rest : torch.Tensor of shape (n_encoder_outputs - n_components,) or None
        Initial values of the encoder's outputs beyond the code; None means zero.

    encode_offset : torch.Tensor of shape (n_components,) or None
        Output of the encoder for the mean of the data; None means zero.

    scale : float or None
        Scale of the residuals, for kinds with a likelihood; None means that of PCA's residual.

    state : dict of str to torch.Tensor or None
        Initial values of tensors of ``Kind.new_state``, by name; None keeps their own.
    """

    encode: torch.Tensor
    decode: torch.Tensor
    rest: torch.Tensor | None = None
    encode_offset: torch.Tensor | None = None
    scale: float | None = None
    state: dict[str, torch.Tensor] | None = None


@dataclass(frozen=True)
class ForwardPass:
    """The tensors of one batch in the forward pass, for ``Kind.added_loss``.

    Parameters
    ----------
    target : torch.Tensor of shape (n_samples, n_features)
        The rows to reconstruct.

    shown : torch.Tensor of shape (n_samples, n_features)
        Input of the encoder: ``target`` after ``Kind.corrupt``.

    corrupted : torch.Tensor of shape (n_samples, n_features), dtype bool, or None
        Mask of the entries that ``Kind.corrupt`` changed; None without a corruption.

    encoder_output : torch.Tensor of shape (n_samples, n_encoder_outputs)
        Output of the encoder.

    code : torch.Tensor of shape (n_samples, n_components)
        The latent code: result of ``Kind.code``.

    output : torch.Tensor of shape (n_samples, n_features)
        Output of the decoder.

    encode : callable
        Function from rows to codes, the encoder and ``Kind.code`` as in inference, for penalties
        on derivatives.

    decode : callable
        Function from codes to outputs, the decoder.

    code_weights : callable
        Function that returns the weights of the decoder that multiply the code, as a list of
        torch.Tensor of shape (n, n_components). Column `i` of each belongs to the `i`-th value of
        the code.

    features : Features
        Statistics of the features of the training rows.

    state : torch.nn.Module or None
        Result of ``Kind.new_state``; ``state.training`` is True for a training batch.

    generator : torch.Generator or None
        Source of randomness; None in inference.

    progress : float
        Fraction of the training that is done, in [0, 1]; 1 for the validation loss.
    """

    target: torch.Tensor
    shown: torch.Tensor
    corrupted: torch.Tensor | None
    encoder_output: torch.Tensor
    code: torch.Tensor
    output: torch.Tensor
    encode: Callable[[torch.Tensor], torch.Tensor]
    decode: Callable[[torch.Tensor], torch.Tensor]
    code_weights: Callable[[], list[torch.Tensor]]
    features: Features
    state: Any = None
    generator: torch.Generator | None = None
    progress: float = 1.0


@dataclass(frozen=True)
class CodeSummary:
    """Summary statistics of the codes of all training rows, for ``Kind.attributes``.

    Parameters
    ----------
    mean, variance : ndarray of shape (n_components,), dtype float64
        Mean and variance of each value of the code over the rows.

    active_fraction : ndarray of shape (n_components,), dtype float64
        Fraction of the rows in which the value is active, as decided by ``Kind.active``.

    directions : callable
        Function that returns the decoder's direction of each value of the code, an ndarray of
        shape (n_components, n_features) in units of `X`: the change in the reconstruction of the
        all-zero code when this value becomes one.
    """

    mean: np.ndarray
    variance: np.ndarray
    active_fraction: np.ndarray
    directions: Callable[[], np.ndarray]
