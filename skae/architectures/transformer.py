"""The transformer architecture."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from skae._utils.checks import check_choice, check_number, check_size, is_auto, is_size
from skae.architectures.architecture import Architecture
from skae.architectures.layers import MOST_LAYERS, linear
from skae.architectures.structured import MoveChannels, Structured
from skae.architectures.tokens import (
    Block,
    FeatureTokens,
    Patches,
    PatchTokens,
    TokenEncoder,
)

# Number of tokens along each axis of a sample with patch_size="auto".
_TOKENS_OF_SERIES, _TOKENS_OF_SIDE = 32, 8
# Memory of attention grows with the square of the number of tokens: more would take gigabytes.
_MOST_TOKENS = 512
_POOLINGS = ("token", "mean")


class Transformer(Structured):
    r"""Transformer over patches of images, segments of time series or features of tables.

    The encoder turns a sample into tokens, vectors of `d_model` values: a shared linear map embeds
    the patches of an image [1]_ or the segments of a series, and a separate one each feature of a
    table, :math:`x_j w_j + b_j` [2]_. Learned position embeddings are added. The blocks that follow
    consist of attention and a feedforward layer of ``2 * d_model`` units, each with layer
    normalisation before it and a skip connection around it,

    .. math:: \text{attention}(Q, K, V) = \text{softmax}(Q K^T / \sqrt{d}) V

    (Vaswani et al. [3]_). The code is a linear map of an additional class token, or of the mean of
    all tokens. The decoder is small, as in [4]_: a linear map from the code to all tokens, one
    block, and a linear map from each token to its values.

    Parameters
    ----------
    input_shape : "auto" or tuple of int, default="auto"
        Shape of one sample: (n_channels, height, width), (height, width, n_channels) or
        (height, width) for images, (n_steps, n_channels) or (n_channels, n_steps) for series.
        "auto" is the shape of the samples of an `X` with more than two axes; each feature of a
        table is a token.

    patch_size : "auto", int or pair of int, default="auto"
        Sides of a patch, or steps of a segment. "auto" is an eighth of each side of an image and
        a 32nd of a series, at least 2. A side that is not divisible by it is padded with zeros for
        the encoder, and the output of the decoder is cropped.

    d_model : int, default=64
        Size of a token.

    n_heads : int, default=4
        Number of attention heads; must divide `d_model`.

    n_layers : int, default=2
        Number of blocks of the encoder.

    pooling : {"token", "mean"}, default="token"
        Input of the code's linear map: the class token, or the mean of all tokens.

    dropout : float in [0, 1), default=0.0
        Probability with which each value of the outputs of attention and feedforward layers is set
        to zero in training.

    channel_axis : "auto", {0, -1} or None, default="auto"
        Axis of the channels in a sample: the first (0), the last (-1), as in
        (height, width, n_channels), or none, as in (height, width) and (n_steps,). "auto" finds it
        from the shape: with three axes, an axis of 1, 3 or 4 beside two larger ones; with two
        axes, none if both sides are equal and at least 8, a grey image, and otherwise the last
        one, (n_steps, n_channels), which needs more than twice as many steps as channels. Any
        other shape raises an error that lists the readings. In an `input_shape`, an axis of any
        number of channels may also come first, as in (n_channels, n_steps).

    References
    ----------
    .. [1] A. Dosovitskiy et al., "An image is worth 16x16 words: transformers for image
       recognition at scale", ICLR 2021.
    .. [2] Y. Gorishniy, I. Rubachev, V. Khrulkov and A. Babenko, "Revisiting deep learning models
       for tabular data", NeurIPS 2021.
    .. [3] A. Vaswani et al.,
       "Attention is all you need", NeurIPS 2017.
    .. [4] K. He, X. Chen, S. Xie, Y. Li, P. Dollár and R. Girshick, "Masked autoencoders are
       scalable vision learners", CVPR 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.architectures import Transformer
    >>> X = load_digits().data[:500]
    >>> transformer = Transformer(input_shape=(1, 8, 8), patch_size=2, d_model=32, n_layers=1)
    >>> ae = AutoencoderTransformer(n_components=4, architecture=transformer, max_epochs=2)
    >>> ae.fit_transform(X).shape
    (500, 4)
    """

    learning_rate_factor = 0.3

    def __init__(
        self,
        input_shape: tuple[int, ...] | str = "auto",
        patch_size: int | tuple[int, int] | str = "auto",
        d_model: int = 64,
        n_heads: int = 4,
        n_layers: int = 2,
        pooling: str = "token",
        dropout: float = 0.0,
        channel_axis: int | str | None = "auto",
    ):
        self.input_shape = input_shape
        self.patch_size = patch_size
        self.d_model = d_model
        self.n_heads = n_heads
        self.n_layers = n_layers
        self.pooling = pooling
        self.dropout = dropout
        self.channel_axis = channel_axis

    def sample_shape(self, given: tuple[int, ...]) -> tuple[int, ...]:
        """Return `input_shape`, with "auto" resolved; the shape of table rows stays unchanged."""
        self._check_channel_axis()
        stays = is_auto(self.input_shape) and self._is_table(given)
        return given if stays else super().sample_shape(given)

    def channel_axis_of(self, sample_shape: tuple[int, ...]) -> int | str | None:
        """Return `channel_axis`, with "auto" resolved; tables have no channels."""
        return None if self._is_table(sample_shape) else super().channel_axis_of(sample_shape)

    def with_mask(
        self, sample_shape: tuple[int, ...]
    ) -> tuple[Architecture, tuple[int, ...]] | None:
        """Return the architecture of an encoder with twice the channels, or twice the features."""
        if self._is_table(sample_shape):
            return Architecture.with_mask(self, sample_shape)
        return super().with_mask(sample_shape)

    def resolved(self, sample_shape: tuple[int, ...], n_samples: int) -> Transformer:
        """Return this architecture with `input_shape` and `patch_size` resolved."""
        resolved = super().resolved(sample_shape, n_samples)
        if self._is_table(sample_shape):
            # The shape of table rows is not a valid input_shape, so "auto" stays; and without
            # an axis of channels, rows would be series.
            return resolved.set_params(input_shape=self.input_shape, channel_axis=self.channel_axis)
        if is_auto(self.patch_size):
            _, space = resolved._space(sample_shape)
            n_tokens = _TOKENS_OF_SERIES if len(space) == 1 else _TOKENS_OF_SIDE
            sides = tuple(min(side, max(2, math.ceil(side / n_tokens))) for side in space)
            resolved.set_params(patch_size=sides if len(sides) > 1 else sides[0])
        return resolved

    def _build(
        self,
        sample_shape: tuple[int, ...],
        n_components: int,
        n_encoder_outputs: int,
        generator: torch.Generator,
    ) -> tuple[nn.Module, nn.Module]:
        """Return an encoder of several blocks and a decoder of one."""
        if self._is_table(sample_shape):
            (n_tokens,), token_size = sample_shape, 1
            self._refuse_patches_of(sample_shape)
            _check_tokens(n_tokens, "features")
            split: list[nn.Module] = [FeatureTokens(n_tokens, self.d_model, generator)]
            join: list[nn.Module] = [nn.Flatten()]
        else:
            patches = self._patches(sample_shape)
            n_tokens, token_size = patches.n_tokens, patches.token_size
            _check_tokens(n_tokens, f"patches of patch_size={self.patch_size}")
            split = [
                MoveChannels.bringing(1, self.channel_axis),
                PatchTokens(patches, self.d_model, generator),
            ]
            join = [patches, MoveChannels.back(1, self.channel_axis)]
        encoder = nn.Sequential(
            self._token_encoder(nn.Sequential(*split), n_tokens, generator),
            linear(self.d_model, n_encoder_outputs, generator),
        )
        decoder = nn.Sequential(
            linear(n_components, n_tokens * self.d_model, generator),
            nn.Unflatten(1, (n_tokens, self.d_model)),
            Block(self.d_model, self.n_heads, self.dropout, generator),
            nn.LayerNorm(self.d_model),
            linear(self.d_model, token_size, generator),
            *join,
        )
        return encoder, decoder

    def _token_encoder(
        self, embedding: nn.Module, n_tokens: int, generator: torch.Generator
    ) -> TokenEncoder:
        return TokenEncoder(
            embedding,
            n_tokens,
            self.d_model,
            n_heads=self.n_heads,
            n_layers=self.n_layers,
            pooling=self.pooling,
            dropout=self.dropout,
            generator=generator,
        )

    def _refuse_patches_of(self, sample_shape: tuple[int, ...]) -> None:
        if not is_auto(self.patch_size):
            raise ValueError(
                f"patch_size={self.patch_size!r} of Transformer is for images and series, but X "
                f"is a table of {sample_shape[0]} features: give input_shape, such as "
                f"(1, {sample_shape[0]}) for series, or use patch_size='auto'."
            )

    def _is_table(self, sample_shape: tuple[int, ...]) -> bool:
        return self.channel_axis is not None and len(sample_shape) == 1

    def _patches(self, sample_shape: tuple[int, ...]) -> Patches:
        n_channels, space = self._space(sample_shape)
        size: Any = self.patch_size
        sides = tuple(size) if isinstance(size, tuple | list) else (size,) * len(space)
        if len(sides) != len(space) or not all(is_size(side) for side in sides):
            raise ValueError(
                f"patch_size of Transformer must be 'auto', an integer >= 1 or, for images, a pair "
                f"of them, got {size!r} for samples of shape {sample_shape}."
            )
        if any(patch > side for patch, side in zip(sides, space, strict=True)):
            raise ValueError(
                f"patch_size={size!r} of Transformer is larger than a side of samples of "
                f"shape {sample_shape}: give a smaller patch_size."
            )
        return Patches(n_channels, space, sides)

    def check(self) -> None:
        """Refuse parameters out of range."""
        check_choice(self.pooling, "pooling of Transformer", _POOLINGS)
        check_number(self.dropout, "dropout of Transformer", low=0, high=1, open_high=True)
        check_size(self.d_model, "d_model of Transformer")
        check_size(self.n_heads, "n_heads of Transformer")
        check_size(self.n_layers, "n_layers of Transformer", high=MOST_LAYERS)
        if self.d_model % self.n_heads:
            raise ValueError(
                f"n_heads of Transformer must divide d_model, got n_heads={self.n_heads} and "
                f"d_model={self.d_model}."
            )


def _check_tokens(n_tokens: int, what: str) -> None:
    if n_tokens > _MOST_TOKENS:
        raise ValueError(
            f"Transformer supports at most {_MOST_TOKENS} tokens, but X would have {n_tokens}, the "
            f"{what}: give input_shape if the features are those of images or series, give a "
            f"larger patch_size, or use another architecture."
        )
