"""What a kind is given, and what it gives back."""

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
    """What a kind is to work with, for ``Kind.check``.

    Parameters
    ----------
    n_components, n_features : int
        Size of the code and of a sample.

    sample_shape : tuple of int
        Shape in which the architecture is shown a sample.

    loss : Loss
        What counts as a good reconstruction.

    weight_decay : float
        Decay of the weights.

    linear_path : bool
        Whether encoder and decoder have a linear path, which starts as PCA.

    channel_axis : {0, -1} or None
        Which axis of a sample counts channels, if any.
    """

    n_components: int
    n_features: int
    sample_shape: tuple[int, ...]
    loss: Loss
    weight_decay: float = 0.0
    linear_path: bool = True
    channel_axis: int | None = None


@dataclass(frozen=True)
class LinearStart:
    """What the linear path starts as: ``V = diag(encode) axes``, ``W = axes^T diag(decode)``.

    Parameters
    ----------
    encode, decode : torch.Tensor of shape (n_components,)
        Factors of the axes.

    rest : torch.Tensor of shape (n_encoder_outputs - n_components,) or None
        What the encoder's outputs beyond the code start as; None means zero.

    encode_offset : torch.Tensor of shape (n_components,) or None
        What the encoder's outputs are for the mean of the data; None means zero.

    scale : float or None
        Scale of the residuals, for kinds with a likelihood; None means what PCA leaves over.

    state : dict of str to torch.Tensor or None
        What tensors of ``Kind.new_state`` start as, by their names; None leaves them as they are.
    """

    encode: torch.Tensor
    decode: torch.Tensor
    rest: torch.Tensor | None = None
    encode_offset: torch.Tensor | None = None
    scale: float | None = None
    state: dict[str, torch.Tensor] | None = None


@dataclass(frozen=True)
class ForwardPass:
    """What one batch looked like on its way through the network, for ``Kind.added_loss``.

    Parameters
    ----------
    target : torch.Tensor of shape (n_samples, n_features)
        The rows that are to be reconstructed.

    shown : torch.Tensor of shape (n_samples, n_features)
        The rows that the encoder was shown: ``target`` after ``Kind.corrupt``.

    corrupted : torch.Tensor of shape (n_samples, n_features), dtype bool, or None
        Which entries ``Kind.corrupt`` changed; None where nothing is corrupted.

    encoder_output : torch.Tensor of shape (n_samples, n_encoder_outputs)
        What the encoder returned.

    code : torch.Tensor of shape (n_samples, n_components)
        What ``Kind.code`` made of it.

    output : torch.Tensor of shape (n_samples, n_features)
        What the decoder made of the code.

    encode : callable
        The encoder and ``Kind.code`` as in inference, from rows to codes, for penalties on
        derivatives.

    decode : callable
        The decoder, from codes to outputs.

    code_weights : callable
        Returns the weights of the decoder that multiply the code, as a list of torch.Tensor of
        shape (n, n_components). Column `i` of each belongs to the `i`-th value of the code.

    features : Features
        What is known of the training rows.

    state : torch.nn.Module or None
        What ``Kind.new_state`` returned; ``state.training`` says whether this is a batch to
        train on.

    generator : torch.Generator or None
        Source of randomness; None in inference.

    progress : float
        Share of the training that is done, in [0, 1]; 1 where losses are compared.
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
    """The codes of all training rows in a few numbers, for ``Kind.attributes``.

    Parameters
    ----------
    mean, variance : ndarray of shape (n_components,), dtype float64
        Of each value of the code, over the rows.

    share_active : ndarray of shape (n_components,), dtype float64
        Share of the rows where ``Kind.active`` says that the value is active.

    directions : callable
        Returns the decoder's direction of each value of the code, an ndarray of shape
        (n_components, n_features) in units of `X`: what changes in the reconstruction of the
        code zero when this value becomes one.
    """

    mean: np.ndarray
    variance: np.ndarray
    share_active: np.ndarray
    directions: Callable[[], np.ndarray]
