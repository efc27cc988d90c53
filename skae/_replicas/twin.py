"""One of several networks, for what a kind asks of a single network."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from skae._network.autoencoder_network import AutoencoderNetwork
from skae._replicas.stacked_weights import StackedWeights


class Twin:
    """A copy of one of several networks, whose weights are those that are trained together.

    They are tensors, parts of the stacked weights, so that gradients reach these. Buffers are those
    of the copy, such as the state of a kind.

    Parameters
    ----------
    network : AutoencoderNetwork
        The network; it stays as it is.

    generator : torch.Generator
        The generator of its training.

    weights : StackedWeights
        The weights of all networks.

    number : int
        The number of the network among them.
    """

    def __init__(
        self,
        network: AutoencoderNetwork,
        generator: torch.Generator,
        weights: StackedWeights,
        number: int,
    ):
        self.network: AutoencoderNetwork = copy.deepcopy(network)
        self.network.draw_from(generator)
        self._weights, self._number = weights, number
        self._places: list[tuple[nn.Module, str, str]] = []
        for name, _ in network.named_parameters():
            module, _, attribute = name.rpartition(".")
            owner = self.network.get_submodule(module)
            delattr(owner, attribute)
            self._places.append((owner, attribute, name))
        self._state_learns = any(name.startswith("state.") for _, _, name in self._places)
        self._is_fresh = False

    def forget(self) -> None:
        """Take the weights anew when they are next needed."""
        self._is_fresh = False

    @property
    def state(self) -> Any:
        """The state of the kind."""
        return self.fresh.state if self._state_learns else self.network.state

    @property
    def fresh(self) -> AutoencoderNetwork:
        """The network with the current weights."""
        if not self._is_fresh:
            for owner, attribute, name in self._places:
                weights = self._weights.of[name][self._number]
                setattr(owner, attribute, weights.T if weights.ndim == 2 else weights)
            self._is_fresh = True
        return self.network

    def encode(self, X: torch.Tensor) -> torch.Tensor:
        """Return codes as in inference."""
        return self.fresh._encode_as_in_inference(X)

    def decode(self, code: torch.Tensor) -> torch.Tensor:
        """Return the output of the decoder."""
        return self.fresh.decoder_output(code)

    def code_weights(self) -> list[torch.Tensor]:
        """Return the decoder's weights that multiply the code."""
        return self.fresh.code_weights()
