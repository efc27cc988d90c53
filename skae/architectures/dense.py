"""The dense architecture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from sklearn.base import clone
from torch import nn

from skae._utils.checks import check_boolean, check_number, check_sizes, is_auto
from skae.architectures.activations import OUTPUT_ACTIVATIONS, activation_of
from skae.architectures.architecture import Architecture
from skae.architectures.layers import Dropout, TiedLinear, linear

# Wide layers are better for many samples with many features.
_LARGE_SAMPLE, _MANY_SAMPLES = 256, 5000


class Dense(Architecture):
    r"""Fully connected layers, for tables.

    The hidden layers of encoder and decoder are

    .. math:: h_l = D(\phi(N(W_l h_{l-1} + b_l))),

    where :math:`\phi` is the `activation`, :math:`D` is the optional `dropout`, and :math:`N` is
    the optional `layer_norm`. The output layer is linear.

    Parameters
    ----------
    hidden_layer_sizes : "auto" or sequence of int, default="auto"
        Sizes of the hidden layers of the encoder, from the data to the code; the decoder has
        the same in reverse. ``()`` makes encoder and decoder linear. With at least 5,000 samples
        of at least 256 features, "auto" means ``(512, 256)``, or ``(512, 512)`` if `residual`;
        otherwise it means ``(128, 128)``.

    activation : {"elu", "gelu", "identity", "leaky_relu", "relu", "sigmoid", "silu", "tanh"}, \
default="silu"
        Activation function after each hidden layer.

    tied_weights : bool, default=False
        Whether each weight matrix of the decoder is the transposed matrix of the encoder's mirror
        layer, which halves the number of weights. The decoder has its own biases and its own
        weights of `layer_norm`. With tied weights, the code does not start with unit variance, and
        kinds whose encoder has more outputs than the code has values are not supported.

    dropout : float in [0, 1), default=0.0
        Probability with which each value of a hidden layer is set to zero in training, after
        the activation; the others are divided by ``1 - dropout`` [1]_. Input, code and output have
        no dropout, and there is none outside of training.

    layer_norm : bool, default=False
        Whether each hidden layer is normalised before its activation, over its values and
        separately for each sample,

        .. math:: N(a) = \gamma \odot \frac{a - \text{mean}(a)}{\sqrt{\text{var}(a) + 10^{-5}}}
                  + \beta,

        with learned :math:`\gamma` and :math:`\beta`, initially 1 and 0 (Ba et al. [2]_).

    residual : bool, default=False
        Whether each hidden layer that follows one of the same size has a skip connection,

        .. math:: h_l = h_{l-1} + D(\phi(N(W_l h_{l-1} + b_l))),

        so that it only has to learn a difference (He et al. [3]_; here each block is one layer, and
        no activation follows the sum). There are no skip connections between layers of different
        sizes, from the input or the code, or to the output; so two consecutive
        `hidden_layer_sizes` must be equal.

    code_activation : str, default="identity"
        Activation function of the latent code, one of those of `activation`. Others than
        "identity" need ``init="random"``, since a start at PCA adds a linear map to the code.

    output_activation : {"identity", "relu", "sigmoid", "tanh"}, default="identity"
        Activation function of the reconstruction. Others than "identity" need ``init="random"``,
        and `X` in the range of the function: [0, 1] for "sigmoid", [-1, 1] for "tanh".

    References
    ----------
    .. [1] N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, "Dropout: a
       simple way to prevent neural networks from overfitting", Journal of Machine Learning
       Research 15, 2014.
    .. [2] J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer normalization", arXiv:1607.06450,
       2016.
    .. [3] K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image recognition",
       CVPR 2016.

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

    def __init__(
        self,
        hidden_layer_sizes: tuple[int, ...] | str = "auto",
        activation: str = "silu",
        tied_weights: bool = False,
        dropout: float = 0.0,
        layer_norm: bool = False,
        residual: bool = False,
        code_activation: str = "identity",
        output_activation: str = "identity",
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.tied_weights = tied_weights
        self.dropout = dropout
        self.layer_norm = layer_norm
        self.residual = residual
        self.code_activation = code_activation
        self.output_activation = output_activation

    def resolved(self, sample_shape: tuple[int, ...], n_samples: int) -> Dense:
        """Return this architecture with `hidden_layer_sizes` resolved."""
        if not is_auto(self.hidden_layer_sizes):
            return self
        large = sample_shape[0] >= _LARGE_SAMPLE and n_samples >= _MANY_SAMPLES
        wide = (512, 512) if check_boolean(self.residual, "residual of Dense") else (512, 256)
        return clone(self).set_params(hidden_layer_sizes=wide if large else (128, 128))

    def check_init(self, init: str) -> None:
        """Refuse activations of code and reconstruction beside the linear maps of PCA."""
        activation_of(self, "code_activation")
        activation_of(self, "output_activation", OUTPUT_ACTIVATIONS)
        for name, of in (("code_activation", "code"), ("output_activation", "reconstruction")):
            if init == "pca" and getattr(self, name) != "identity":
                raise ValueError(
                    f"{name}={getattr(self, name)!r} of Dense needs init='random': init='pca' adds "
                    f"a linear map to the {of}, to which the activation would not apply."
                )

    def is_linear(self) -> bool:
        """Return whether there is no hidden layer, or neither activation nor normalisation."""
        if (self.code_activation, self.output_activation) != ("identity", "identity"):
            return False
        no_layers = not isinstance(self.hidden_layer_sizes, str) and not self.hidden_layer_sizes
        normalised = check_boolean(self.layer_norm, "layer_norm of Dense")
        return no_layers or (self.activation == "identity" and not normalised)

    def ties_weights(self) -> bool:
        """Return whether the decoder's weights are the encoder's, transposed."""
        return check_boolean(self.tied_weights, "tied_weights of Dense")

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
        hidden = self.resolved(sample_shape, n_samples=0)._checked_sizes()
        forwards = _linears([n_features, *hidden, n_encoder_outputs], generator)
        backwards: Sequence[nn.Linear | TiedLinear]
        if self.ties_weights():
            self._check_mirrored(n_components, n_encoder_outputs)
            backwards = [TiedLinear(layer) for layer in reversed(forwards)]
        else:
            backwards = _linears([n_components, *reversed(hidden), n_features], generator)
        if self.code_activation != "identity" and n_encoder_outputs != n_components:
            raise ValueError(
                f"code_activation={self.code_activation!r} of Dense needs a kind whose encoder has "
                f"one output for each value of the code, got {n_encoder_outputs} outputs for a "
                f"code of {n_components}: use code_activation='identity', or another kind."
            )
        encoder = self._network(forwards, "code_activation")
        return encoder, self._network(backwards, "output_activation")

    def _network(self, layers: Sequence[nn.Linear | TiedLinear], activation: str) -> nn.Sequential:
        """Return a network of linear layers, with all that follows each hidden one and the last.

        `activation` is the name of the parameter that holds the activation of the last layer.
        """
        last = activation_of(self, activation)
        modules: list[nn.Module] = []
        for i, layer in enumerate(layers[:-1]):
            hidden_layer = self._hidden_layer(layer)
            n_outputs, n_inputs = layer.weight.shape
            # The input of the first layer is not a hidden layer, though it may have that size.
            skips = self.residual and i > 0 and n_inputs == n_outputs
            modules += [Skip(*hidden_layer)] if skips else hidden_layer
        end = [] if last is nn.Identity else [last()]
        return nn.Sequential(*modules, layers[-1], *end)

    def _hidden_layer(self, layer: nn.Linear | TiedLinear) -> list[nn.Module]:
        norm = [nn.LayerNorm(len(layer.weight))] if self.layer_norm else []
        dropout = [Dropout(float(self.dropout))] if self.dropout else []
        return [layer, *norm, activation_of(self)(), *dropout]

    def _checked_sizes(self) -> tuple[int, ...]:
        """Return the sizes of the hidden layers after checking that the options suit them."""
        sizes = check_sizes(
            self.hidden_layer_sizes,
            "hidden_layer_sizes of Dense",
            instead="'auto' or ",
            example=(128, 64),
        )
        activation_of(self)
        check_number(self.dropout, "dropout of Dense", low=0, high=1, open_high=True)
        if check_boolean(self.layer_norm, "layer_norm of Dense") and 1 in sizes:
            raise ValueError(
                f"layer_norm=True of Dense needs hidden layers of 2 or more units, since a "
                f"single unit is always normalised to 0, got hidden_layer_sizes={sizes}."
            )
        if check_boolean(self.residual, "residual of Dense") and all(
            a != b for a, b in pairwise(sizes)
        ):
            raise ValueError(
                f"residual=True of Dense needs two consecutive layers of the same size in "
                f"hidden_layer_sizes, such as (128, 128), and has no effect otherwise, got {sizes}."
            )
        return sizes

    def _check_mirrored(self, n_components: int, n_encoder_outputs: int) -> None:
        if n_encoder_outputs != n_components:
            raise ValueError(
                f"tied_weights=True of Dense needs an encoder with as many outputs as the "
                f"code has values, but the kind needs {n_encoder_outputs} outputs and a "
                f"code of {n_components}: use tied_weights=False, or another kind."
            )


class Skip(nn.Sequential):
    """A residual block: layers with a skip connection.

    Parameters
    ----------
    *layers : torch.nn.Module
        Layers with as many outputs as inputs.
    """

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return `X` plus the output of the layers."""
        return X + super().forward(X)


def _linears(sizes: list[int], generator: torch.Generator) -> list[nn.Linear]:
    return [linear(n_inputs, n_outputs, generator) for n_inputs, n_outputs in pairwise(sizes)]
