"""The dense architecture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral

import torch
from sklearn.base import clone
from torch import nn

from skae.architectures.architecture import Architecture
from skae.architectures.layers import TiedLinear, linear

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "identity": nn.Identity,
}

# Wide layers pay for large samples, where there are enough of them to learn from.
_LARGE_SAMPLE, _MANY_SAMPLES = 256, 5000


class Dense(Architecture):
    """Fully connected layers: the architecture for tables.

    Parameters
    ----------
    hidden_layer_sizes : "auto" or sequence of int, default="auto"
        Sizes of the hidden layers of the encoder, from the data to the code; the decoder has
        the same in reverse. ``()`` makes encoder and decoder linear. "auto" means ``(512, 256)``
        for at least 5,000 samples of at least 256 values, and ``(128, 128)`` otherwise.

    activation : {"elu", "gelu", "identity", "relu", "silu", "tanh"}, default="silu"
        Nonlinearity after each hidden layer.

    tied_weights : bool, default=False
        Whether each weight matrix of the decoder is that of the encoder's mirror layer,
        transposed, which halves the number of weights. The code is then not brought to unit
        variance, and a kind with more encoder outputs than code values can not be used.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> from skae.architectures import Dense
    >>> X = load_iris().data
    >>> dense = Dense(hidden_layer_sizes=(32,), activation="tanh")
    >>> ae = AutoencoderTransformer(n_components=2, architecture=dense, max_epochs=5)
    >>> ae.fit(X).transform(X).shape
    (150, 2)
    """

    def __init__(self, hidden_layer_sizes="auto", activation="silu", tied_weights=False):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.tied_weights = tied_weights

    def resolved(self, sample_shape: tuple[int, ...], n_samples: int) -> Dense:
        """Return this architecture with its layer sizes as numbers."""
        if not (isinstance(self.hidden_layer_sizes, str) and self.hidden_layer_sizes == "auto"):
            return self
        large = sample_shape[0] >= _LARGE_SAMPLE and n_samples >= _MANY_SAMPLES
        return clone(self).set_params(hidden_layer_sizes=(512, 256) if large else (128, 128))

    def is_linear(self) -> bool:
        """Return whether there is no hidden layer, or no nonlinearity."""
        no_layers = not isinstance(self.hidden_layer_sizes, str) and not self.hidden_layer_sizes
        return no_layers or self.activation == "identity"

    def ties_weights(self) -> bool:
        """Return whether the decoder's weights are the encoder's, transposed."""
        if not isinstance(self.tied_weights, bool):
            raise ValueError(
                f"tied_weights of Dense must be True or False, got {self.tied_weights!r}."
            )
        return self.tied_weights

    def build(
        self,
        sample_shape: tuple[int, ...],
        n_components: int,
        *,
        n_encoder_outputs: int,
        generator: torch.Generator,
    ) -> tuple[nn.Module, nn.Module]:
        """Return an encoder and a decoder with mirrored hidden layers."""
        (n_features,) = sample_shape
        hidden = self.resolved(sample_shape, n_samples=0)._hidden_layer_sizes()
        activation = self._activation()
        encoder = _layers([n_features, *hidden, n_encoder_outputs], activation, generator)
        if self.ties_weights():
            if n_encoder_outputs != n_components:
                raise ValueError(
                    f"tied_weights=True of Dense needs an encoder with as many outputs as the "
                    f"code has values, but the kind asks for {n_encoder_outputs} outputs and a "
                    f"code of {n_components}: use tied_weights=False, or another kind."
                )
            return encoder, _mirrored(encoder, activation)
        decoder = _layers([n_components, *reversed(hidden), n_features], activation, generator)
        return encoder, decoder

    def _hidden_layer_sizes(self) -> tuple[int, ...]:
        sizes = self.hidden_layer_sizes
        listed = isinstance(sizes, Sequence) and not isinstance(sizes, str | bytes)
        if listed and all(isinstance(size, Integral) and size >= 1 for size in sizes):
            return tuple(int(size) for size in sizes)
        raise ValueError(
            f"hidden_layer_sizes of Dense must be 'auto' or a sequence of integers >= 1, such as "
            f"(128, 64), got {sizes!r}."
        )

    def _activation(self) -> type[nn.Module]:
        try:
            return ACTIVATIONS[self.activation]
        except (KeyError, TypeError):
            raise ValueError(
                f"activation of Dense must be one of {sorted(ACTIVATIONS)}, "
                f"got {self.activation!r}."
            ) from None


def _layers(
    sizes: list[int], activation: type[nn.Module], generator: torch.Generator
) -> nn.Sequential:
    modules: list[nn.Module] = []
    for n_inputs, n_outputs in pairwise(sizes):
        modules += [linear(n_inputs, n_outputs, generator), activation()]
    return nn.Sequential(*modules[:-1])


def _mirrored(encoder: nn.Sequential, activation: type[nn.Module]) -> nn.Sequential:
    """Return the layers of an encoder backwards, with the same weights transposed."""
    modules: list[nn.Module] = []
    for layer in reversed([layer for layer in encoder if isinstance(layer, nn.Linear)]):
        modules += [TiedLinear(layer), activation()]
    return nn.Sequential(*modules[:-1])
