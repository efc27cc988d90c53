"""The convolutional architecture."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from skae._utils.checks import check_choice, check_sizes, is_auto, is_size
from skae.architectures.activations import activation_of
from skae.architectures.layers import linear, uniform_like_torch
from skae.architectures.memory import unfilled
from skae.architectures.structured import MoveChannels, Structured

_CONVOLUTION = {1: nn.Conv1d, 2: nn.Conv2d}
_TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d}
_POOL = {1: nn.MaxPool1d, 2: nn.MaxPool2d}
_DOWNSAMPLINGS = ("stride", "pool")
_UPSAMPLINGS = ("transposed", "nearest")


class Convolutional(Structured):
    r"""Convolutional layers for images and time series.

    Each entry of `channels` adds a layer to the encoder that halves the size of each axis,

    .. math:: h_{l+1} = \phi(\text{down}(W_l * h_l + b_l)).

    The result is flattened and passed through dense layers to the code. The decoder mirrors the
    encoder (LeCun et al. [1]_, Masci et al. [2]_). Samples may have any height, width or number of
    steps: the encoder reduces an axis of size `s` to :math:`\lceil s/2 \rceil`, and the decoder
    restores the original size.

    Parameters
    ----------
    input_shape : "auto" or tuple of int, default="auto"
        Shape of one sample: (n_channels, height, width), (height, width, n_channels) or
        (height, width) for images, (n_steps, n_channels) or (n_channels, n_steps) for series.
        "auto" is the shape of the samples of an `X` with more than two axes; rows of a table are
        treated as series with one channel.

    channels : sequence of int, default=(16, 32)
        Channels after each convolution of the encoder; the decoder has the same in reverse.

    kernel_size : "auto" or int, default="auto"
        Side of the kernels, an odd number, so that kernels are centred. "auto" is 3 for images and
        7 for series.

    downsampling : {"stride", "pool"}, default="stride"
        How an axis is halved: by convolutions with stride 2, or by max pooling after a convolution
        with stride 1, which takes about four times as long.

    upsampling : {"transposed", "nearest"}, default="transposed"
        How the decoder doubles an axis: by transposed convolutions, or by nearest-neighbour
        upsampling before a convolution, which takes about four times as long and avoids
        checkerboard artifacts [3]_.

    hidden_layer_sizes : sequence of int, default=(256,)
        Sizes of the dense hidden layers between the convolutions and the code; ``()`` for none.

    activation : {"elu", "gelu", "identity", "leaky_relu", "relu", "sigmoid", "silu", "tanh"}, \
default="silu"
        Activation function after each layer.

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
    .. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to
       document recognition", Proceedings of the IEEE 86(11), 1998.
    .. [2] J. Masci, U. Meier, D. Cireşan and J. Schmidhuber, "Stacked convolutional auto-encoders
       for hierarchical feature extraction", ICANN 2011.
    .. [3] A. Odena, V. Dumoulin and C. Olah, "Deconvolution and checkerboard artifacts", Distill,
       2016.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer
    >>> from skae.architectures import Convolutional
    >>> X = load_digits().data[:500]
    >>> convolutional = Convolutional(input_shape=(1, 8, 8), channels=(8, 16))
    >>> ae = AutoencoderTransformer(n_components=4, architecture=convolutional, max_epochs=3)
    >>> ae.fit_transform(X).shape
    (500, 4)
    """

    def __init__(
        self,
        input_shape: tuple[int, ...] | str = "auto",
        channels: tuple[int, ...] = (16, 32),
        kernel_size: int | str = "auto",
        downsampling: str = "stride",
        upsampling: str = "transposed",
        hidden_layer_sizes: tuple[int, ...] = (256,),
        activation: str = "silu",
        channel_axis: int | str | None = "auto",
    ):
        self.input_shape = input_shape
        self.channels = channels
        self.kernel_size = kernel_size
        self.downsampling = downsampling
        self.upsampling = upsampling
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.channel_axis = channel_axis

    def resolved(self, sample_shape: tuple[int, ...], n_samples: int) -> Convolutional:
        """Return this architecture with `input_shape` and `kernel_size` resolved."""
        resolved = super().resolved(sample_shape, n_samples)
        if is_auto(self.kernel_size):
            n_axes = len(resolved._space(sample_shape)[1])
            resolved.set_params(kernel_size=7 if n_axes == 1 else 3)
        return resolved

    def _build(
        self,
        sample_shape: tuple[int, ...],
        n_components: int,
        n_encoder_outputs: int,
        generator: torch.Generator,
    ) -> tuple[nn.Module, nn.Module]:
        """Return an encoder that halves the axes, and a decoder that doubles them."""
        blocks = _Blocks(self, sample_shape, generator)
        return blocks.encoder(n_encoder_outputs), blocks.decoder(n_components)

    def is_linear(self) -> bool:
        """Return whether there is neither an activation function nor pooling."""
        return self.activation == "identity" and self.downsampling == "stride"

    def check(self) -> None:
        """Refuse parameters out of range."""
        check_sizes(self.channels, "channels of Convolutional", empty=False)
        check_sizes(self.hidden_layer_sizes, "hidden_layer_sizes of Convolutional")
        check_choice(self.downsampling, "downsampling of Convolutional", _DOWNSAMPLINGS)
        check_choice(self.upsampling, "upsampling of Convolutional", _UPSAMPLINGS)
        if not is_size(self.kernel_size) or self.kernel_size % 2 == 0:
            raise ValueError(
                f"kernel_size of Convolutional must be 'auto' or an odd integer >= 1, got "
                f"{self.kernel_size!r}."
            )


class _Blocks:
    """The layers of one encoder and decoder, for samples of one shape."""

    def __init__(
        self,
        architecture: Convolutional,
        sample_shape: tuple[int, ...],
        generator: torch.Generator,
    ):
        self.architecture, self.generator = architecture, generator
        self.activation = activation_of(architecture)
        self.kernel_size = int(architecture.kernel_size)
        n_channels, space = architecture._space(sample_shape)
        self.n_axes = len(space)
        self.channels = [n_channels, *architecture.channels]
        self.spaces = [space]
        for _ in architecture.channels:
            self.spaces.append(tuple((side + 1) // 2 for side in self.spaces[-1]))
        self.n_flat = self.channels[-1] * math.prod(self.spaces[-1])

    def encoder(self, n_outputs: int) -> nn.Sequential:
        modules: list[nn.Module] = [MoveChannels.bringing(1, self.architecture.channel_axis)]
        for n_inputs, n_outputs_of_layer in pairwise(self.channels):
            modules += [*self._down(n_inputs, n_outputs_of_layer), self.activation()]
        hidden = self.architecture.hidden_layer_sizes
        modules += [nn.Flatten(), *self._dense([self.n_flat, *hidden, n_outputs])]
        return nn.Sequential(*modules)

    def decoder(self, n_components: int) -> nn.Sequential:
        hidden = self.architecture.hidden_layer_sizes[::-1]
        modules = [
            *self._dense([n_components, *hidden, self.n_flat]),
            nn.Unflatten(1, (self.channels[-1], *self.spaces[-1])),
        ]
        for level in reversed(range(len(self.spaces) - 1)):
            modules += [self.activation(), *self._up(level)]
        modules.append(MoveChannels.back(1, self.architecture.channel_axis))
        return nn.Sequential(*modules)

    def _down(self, n_inputs: int, n_outputs: int) -> list[nn.Module]:
        if self.architecture.downsampling == "stride":
            return [self._convolution(_CONVOLUTION, n_inputs, n_outputs, stride=2)]
        pool = _POOL[self.n_axes](2, ceil_mode=True)
        return [self._convolution(_CONVOLUTION, n_inputs, n_outputs), pool]

    def _up(self, level: int) -> list[nn.Module]:
        """Return the layers of the decoder that undo one level of the encoder."""
        space, (n_outputs, n_inputs) = self.spaces[level], self.channels[level : level + 2]
        if self.architecture.upsampling == "nearest":
            convolution = self._convolution(_CONVOLUTION, n_inputs, n_outputs)
            return [nn.Upsample(size=space), convolution]
        # Without output padding, sides of even size would lack their last position.
        missing = tuple((side + 1) % 2 for side in space)
        return [
            self._convolution(_TRANSPOSED, n_inputs, n_outputs, stride=2, output_padding=missing)
        ]

    def _convolution(
        self, layers: dict[int, Any], n_inputs: int, n_outputs: int, **settings: Any
    ) -> nn.Module:
        kernel_size = self.kernel_size
        layer: nn.Module = unfilled(
            layers[self.n_axes],
            n_inputs,
            n_outputs,
            kernel_size,
            padding=kernel_size // 2,
            **settings,
        )
        layer = uniform_like_torch(layer, n_inputs * kernel_size**self.n_axes, self.generator)
        # Convolutions are up to twice as fast with channels last in memory.
        if self.n_axes == 2:
            layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's
        return layer

    def _dense(self, sizes: list[int]) -> list[nn.Module]:
        modules: list[nn.Module] = []
        for n_inputs, n_outputs in pairwise(sizes):
            modules += [linear(n_inputs, n_outputs, self.generator), self.activation()]
        return modules[:-1]
