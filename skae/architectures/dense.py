"""The dense architecture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from sklearn.base import clone
from torch import nn

from skae._utils.checks import check_boolean, check_number, check_sizes, is_auto
from skae.architectures.activations import activation_of
from skae.architectures.architecture import Architecture
from skae.architectures.layers import Dropout, TiedLinear, linear

# Wide layers pay for large samples, where there are enough of them to learn from.
_LARGE_SAMPLE, _MANY_SAMPLES = 256, 5000


class Dense(Architecture):
    r"""Fully connected layers: the architecture for tables.

    The hidden layers of encoder and decoder are

    .. math:: h_l = D(\phi(N(W_l h_{l-1} + b_l))),

    where :math:`\phi` is the `activation`, :math:`D` drops values if there is `dropout`, and
    :math:`N` normalises if there is a `layer_norm`. The output layer is linear.

    Parameters
    ----------
    hidden_layer_sizes : "auto" or sequence of int, default="auto"
        Sizes of the hidden layers of the encoder, from the data to the code; the decoder has
        the same in reverse. ``()`` makes encoder and decoder linear. "auto" means ``(512, 256)``
        for at least 5,000 samples of at least 256 values, ``(512, 512)`` if they are to be
        `residual`, and ``(128, 128)`` otherwise.

    activation : {"elu", "gelu", "identity", "relu", "silu", "tanh"}, default="silu"
        Nonlinearity after each hidden layer.

    tied_weights : bool, default=False
        Whether each weight matrix of the decoder is that of the encoder's mirror layer,
        transposed, which halves the number of weights. Biases and the weights of `layer_norm`
        stay the decoder's own. The code is then not brought to unit variance, and a kind with
        more encoder outputs than code values can not be used.

    dropout : float in [0, 1), default=0.0
        Probability with which each value of a hidden layer is set to zero in training, after
        the activation; the others are divided by ``1 - dropout`` [1]_. Neither the rows nor the
        code nor the output are touched, and nothing is dropped outside of training.

    layer_norm : bool, default=False
        Whether each hidden layer is normalised before its activation, over its values and for
        each sample by itself,

        .. math:: N(a) = \gamma \odot \frac{a - \text{mean}(a)}{\sqrt{\text{var}(a) + 10^{-5}}}
                  + \beta,

        with :math:`\gamma` and :math:`\beta` learned, from 1 and 0 (Ba et al. [2]_).

    residual : bool, default=False
        Whether each hidden layer that follows one of the same size adds what it is given,

        .. math:: h_l = h_{l-1} + D(\phi(N(W_l h_{l-1} + b_l))),

        so that it only has to learn a change (He et al. [3]_; here each block is one layer, and
        nothing follows the sum). There is no skip where sizes differ, none from the rows or the
        code, and none to the output; so two neighbours in `hidden_layer_sizes` must be equal.

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
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.tied_weights = tied_weights
        self.dropout = dropout
        self.layer_norm = layer_norm
        self.residual = residual

    def resolved(self, sample_shape: tuple[int, ...], n_samples: int) -> Dense:
        """Return this architecture with its layer sizes as numbers."""
        if not is_auto(self.hidden_layer_sizes):
            return self
        large = sample_shape[0] >= _LARGE_SAMPLE and n_samples >= _MANY_SAMPLES
        wide = (512, 512) if check_boolean(self.residual, "residual of Dense") else (512, 256)
        return clone(self).set_params(hidden_layer_sizes=wide if large else (128, 128))

    def is_linear(self) -> bool:
        """Return whether there is no hidden layer, or neither nonlinearity nor normalisation."""
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
        return self._network(forwards), self._network(backwards)

    def _network(self, layers: Sequence[nn.Linear | TiedLinear]) -> nn.Sequential:
        """Return linear layers with all that belongs to the hidden ones, all but the last."""
        modules: list[nn.Module] = []
        for i, layer in enumerate(layers[:-1]):
            hidden_layer = self._hidden_layer(layer)
            n_outputs, n_inputs = layer.weight.shape
            # The input of the first layer is no hidden layer, though it may have that size.
            skips = self.residual and i > 0 and n_inputs == n_outputs
            modules += [Skip(*hidden_layer)] if skips else hidden_layer
        return nn.Sequential(*modules, layers[-1])

    def _hidden_layer(self, layer: nn.Linear | TiedLinear) -> list[nn.Module]:
        norm = [nn.LayerNorm(len(layer.weight))] if self.layer_norm else []
        dropout = [Dropout(float(self.dropout))] if self.dropout else []
        return [layer, *norm, activation_of(self)(), *dropout]

    def _checked_sizes(self) -> tuple[int, ...]:
        """Return the sizes of the hidden layers, if the options go with them."""
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
                f"layer_norm=True of Dense needs hidden layers of 2 or more values, since a "
                f"single one is always normalised to 0, got hidden_layer_sizes={sizes}."
            )
        if check_boolean(self.residual, "residual of Dense") and all(
            a != b for a, b in pairwise(sizes)
        ):
            raise ValueError(
                f"residual=True of Dense needs two neighbours of the same size in "
                f"hidden_layer_sizes, such as (128, 128), and does nothing otherwise, got {sizes}."
            )
        return sizes

    def _check_mirrored(self, n_components: int, n_encoder_outputs: int) -> None:
        if n_encoder_outputs != n_components:
            raise ValueError(
                f"tied_weights=True of Dense needs an encoder with as many outputs as the "
                f"code has values, but the kind asks for {n_encoder_outputs} outputs and a "
                f"code of {n_components}: use tied_weights=False, or another kind."
            )


class Skip(nn.Sequential):
    """Layers one after the other, whose sum with what they are given is the output.

    Parameters
    ----------
    *layers : torch.nn.Module
        From and to the same number of values.
    """

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return `X` plus what the layers make of it."""
        return X + super().forward(X)


def _linears(sizes: list[int], generator: torch.Generator) -> list[nn.Linear]:
    return [linear(n_inputs, n_outputs, generator) for n_inputs, n_outputs in pairwise(sizes)]
