"""The recurrent architecture: LSTM and GRU."""

from __future__ import annotations

import torch
from torch import nn

from skae._utils.checks import check_boolean, check_choice, check_number, check_size, is_auto
from skae.architectures.layers import MOST_LAYERS, CodeReader, Dropout, linear, uniform_like_torch
from skae.architectures.memory import unfilled
from skae.architectures.structured import MoveChannels, Structured
from skae.architectures.tokens import Patches, SplitPatches

# With patch_size="auto", series of up to so many steps are read step by step, and longer ones in
# so many patches.
_STEPS_OF_SHORT_SERIES, _PATCHES = 32, 10

CELLS: dict[str, type[nn.RNNBase]] = {"gru": nn.GRU, "lstm": nn.LSTM}


class Recurrent(Structured):
    r"""Recurrent layers (LSTM or GRU) for time series.

    The encoder reads a series from its first step to its last (if `bidirectional`, also in
    reverse), long series several steps at a time, and maps its final hidden state to the code,

    .. math:: h_t = \text{cell}(x_t, h_{t-1}), \qquad f(x) = A h_T + a.

    The decoder receives the code as input at every step and generates a series of the same length,

    .. math:: s_t = \text{cell}(z, s_{t-1}), \quad s_0 = \tanh(B z + b), \qquad
              g(z)_t = C s_t + c,

    as in Srivastava et al. [1]_, without feeding outputs back as inputs. The cells are those of
    [2]_ and [3]_; the forget gates of an LSTM have an initial bias of 1 [4]_.

    Parameters
    ----------
    cell : {"lstm", "gru"}, default="lstm"
        The recurrent cell.

    input_shape : "auto" or tuple of int, default="auto"
        Shape of one sample: (n_steps, n_channels). "auto" is the shape of the samples of an `X`
        with three axes; rows of a table are treated as series with one channel.

    hidden_size : int, default=64
        Size of the hidden state of each layer, in each direction.

    n_layers : int, default=1
        Number of recurrent layers of the encoder and of the decoder.

    bidirectional : bool, default=False
        Whether the encoder also reads each series backwards. The decoder only runs forward.

    dropout : float in [0, 1), default=0.0
        Probability with which each value is set to zero between layers in training. It needs
        ``n_layers`` of at least 2.

    channel_axis : "auto", {-1, 0} or None, default="auto"
        Axis of the channels in a sample: the last (-1), which "auto" stands for, the first (0), as
        in (n_channels, n_steps), or none, as in (n_steps,).

    patch_size : "auto" or int, default="auto"
        Number of steps of the series that one step of the cell reads, or generates, together.
        "auto" is 1 for series of up to 32 steps, and a tenth of the steps of longer ones, whose
        beginning the cell would forget. The last patch is padded with zeros, and cropped.

    References
    ----------
    .. [1] N. Srivastava, E. Mansimov and R. Salakhutdinov, "Unsupervised learning of video
       representations using LSTMs", ICML 2015.
    .. [2] S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8),
       1997.
    .. [3] K. Cho et al., "Learning phrase representations using RNN encoder-decoder for
       statistical machine translation", EMNLP 2014.
    .. [4] R. Jozefowicz, W. Zaremba and I. Sutskever, "An empirical exploration of recurrent
       network architectures", ICML 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skae import AutoencoderTransformer
    >>> from skae.architectures import Recurrent
    >>> phase = np.random.default_rng(0).uniform(0, 6, size=(200, 1))
    >>> X = np.sin(np.linspace(0, 6, 20) + phase)[:, :, None]  # 200 series of 20 steps
    >>> recurrent = Recurrent("gru", hidden_size=8)
    >>> ae = AutoencoderTransformer(n_components=2, architecture=recurrent, max_epochs=2).fit(X)
    >>> ae.transform(X).shape, ae.reconstruct(X).shape
    ((200, 2), (200, 20, 1))
    """

    n_space_axes = (1,)
    learning_rate_factor = 2.0

    def __init__(
        self,
        cell: str = "lstm",
        input_shape: tuple[int, ...] | str = "auto",
        hidden_size: int = 64,
        n_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        channel_axis: int | str | None = "auto",
        patch_size: int | str = "auto",
    ):
        self.cell = cell
        self.input_shape = input_shape
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.channel_axis = channel_axis
        self.patch_size = patch_size

    def resolved(self, sample_shape: tuple[int, ...], n_samples: int) -> Recurrent:
        """Return this architecture with `input_shape` and `patch_size` resolved."""
        resolved = super().resolved(sample_shape, n_samples)
        if is_auto(self.patch_size):
            _, (n_steps,) = resolved._space(sample_shape)
            is_short = n_steps <= _STEPS_OF_SHORT_SERIES
            resolved.set_params(patch_size=1 if is_short else -(-n_steps // _PATCHES))
        return resolved

    def _build(
        self,
        sample_shape: tuple[int, ...],
        n_components: int,
        n_encoder_outputs: int,
        generator: torch.Generator,
    ) -> tuple[nn.Module, nn.Module]:
        """Return an encoder that reads series and a decoder that generates them."""
        n_channels, space = self._space(sample_shape)
        patches = Patches(n_channels, space, (self._patch_size(*space),))
        n_directions = 2 if self.bidirectional else 1
        reader = Reader(self._layers(patches.token_size, n_directions, generator))
        encoder = nn.Sequential(
            nn.Sequential(MoveChannels.bringing(1, self.channel_axis), SplitPatches(patches)),
            reader,
            linear(n_directions * self.hidden_size, n_encoder_outputs, generator),
        )
        decoder = nn.Sequential(
            Unroller(
                linear(n_components, self.n_layers * self.hidden_size, generator),
                self._layers(n_components, 1, generator),
                patches.n_tokens,
            ),
            linear(self.hidden_size, patches.token_size, generator),
            nn.Sequential(patches, MoveChannels.back(1, self.channel_axis)),
        )
        return encoder, decoder

    def _patch_size(self, n_steps: int) -> int:
        size = int(self.patch_size)
        if size > n_steps:
            raise ValueError(
                f"patch_size={size} of Recurrent is larger than the {n_steps} steps of a series: "
                f"give a smaller patch_size."
            )
        return size

    def check(self) -> None:
        """Refuse parameters out of range."""
        check_choice(self.cell, "cell of Recurrent", CELLS)
        check_size(self.hidden_size, "hidden_size of Recurrent")
        check_size(self.n_layers, "n_layers of Recurrent", high=MOST_LAYERS)
        check_size(self.patch_size, "patch_size of Recurrent", instead="'auto' or ")
        check_boolean(self.bidirectional, "bidirectional of Recurrent")
        check_number(self.dropout, "dropout of Recurrent", low=0, high=1, open_high=True)
        if self.dropout and self.n_layers == 1:
            raise ValueError(
                f"dropout of Recurrent is applied between layers, so dropout={self.dropout} has "
                f"no effect with n_layers=1: give n_layers=2 or more, or dropout=0."
            )

    def _layers(
        self, n_inputs: int, n_directions: int, generator: torch.Generator
    ) -> nn.ModuleList:
        """Return one module per layer, since torch's stack drops out by its global generator."""
        layers: list[nn.Module] = []
        for i in range(self.n_layers):
            if i and self.dropout:
                layers.append(Dropout(self.dropout))
            layers.append(
                _cell(
                    CELLS[self.cell],
                    n_directions * self.hidden_size if i else n_inputs,
                    self.hidden_size,
                    n_directions == 2,
                    generator,
                )
            )
        return nn.ModuleList(layers)


class Reader(nn.Module):
    """Map from series, (n_samples, n_steps, n_channels), to the final hidden states.

    Parameters
    ----------
    layers : torch.nn.ModuleList
        Recurrent layers, with dropout between them.
    """

    def __init__(self, layers: nn.ModuleList):
        super().__init__()
        self.layers = layers

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return final states of the last layer, (n_samples, n_directions * hidden_size)."""
        for layer in self.layers:
            if isinstance(layer, nn.RNNBase):
                X, state = layer(X)
            else:
                X = layer(X)
        hidden = state[0] if isinstance(state, tuple) else state
        return hidden.transpose(0, 1).flatten(1)


class Unroller(CodeReader):
    """Map from codes to the hidden states of the last layer at every step.

    Parameters
    ----------
    first_states : torch.nn.Linear
        Map from the code to the initial hidden states of all layers.

    layers : torch.nn.ModuleList
        Recurrent layers, with dropout between them.

    n_steps : int
        Number of steps.
    """

    def __init__(self, first_states: nn.Linear, layers: nn.ModuleList, n_steps: int):
        super().__init__()
        self.first_states, self.layers, self.n_steps = first_states, layers, n_steps

    def code_weights(self) -> list[torch.Tensor]:
        """Return the weights of the initial states and the input weights of the first layer."""
        return [self.first_states.weight, self.layers[0].get_parameter("weight_ih_l0")]

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        """Return hidden states of shape (n_samples, n_steps, hidden_size)."""
        n_layers = sum(isinstance(layer, nn.RNNBase) for layer in self.layers)
        states = iter(torch.tanh(self.first_states(code)).chunk(n_layers, dim=1))
        X = code[:, None].expand(-1, self.n_steps, -1)
        for layer in self.layers:
            if isinstance(layer, nn.RNNBase):
                hidden = next(states)[None].contiguous()
                lstm = isinstance(layer, nn.LSTM)
                X, _ = layer(X, (hidden, torch.zeros_like(hidden)) if lstm else hidden)
            else:
                X = layer(X)
        return X


def _cell(
    cell: type[nn.RNNBase],
    n_inputs: int,
    hidden_size: int,
    bidirectional: bool,
    generator: torch.Generator,
) -> nn.RNNBase:
    settings = {"batch_first": True, "bidirectional": bidirectional}
    layer = unfilled(cell, n_inputs, hidden_size, **settings)
    uniform_like_torch(layer, hidden_size, generator)
    if cell is nn.LSTM:
        with torch.no_grad():
            for name, bias in layer.named_parameters():
                if name.startswith("bias_ih"):
                    bias[hidden_size : 2 * hidden_size] += 1
    return layer
