"""A copy of one of several networks, whose weights are those that are trained together."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from skae._network.autoencoder_network import AutoencoderNetwork
from skae._replicas.stacked_weights import StackedWeights


class Twin:
    """One of several networks, for what a kind asks of a single network.

    Its weights are tensors, parts of the stacked weights, so that gradients reach these. Its
    buffers are its own, such as those of the state of a kind.

    Parameters
    ----------
    network : AutoencoderNetwork
        The network, of which a copy is made.

    weights : StackedWeights
        The weights of all networks.

    number : int
        The number of the network among them.
    """

    def __init__(self, network: AutoencoderNetwork, weights: StackedWeights, number: int):
        self.network: AutoencoderNetwork = copy.deepcopy(network)
        self._weights, self._number = weights, number
        self._places: list[tuple[nn.Module, str, str]] = []
        for name, _ in network.named_parameters():
            module, _, attribute = name.rpartition(".")
            owner = self.network.get_submodule(module)
            delattr(owner, attribute)
            self._places.append((owner, attribute, name))
        self._state_learns = any(name.startswith("state.") for name, _ in network.named_parameters())
        self._is_fresh = False

    def forget(self) -> None:
        """Take other weights when they are next needed: the stacked ones have changed."""
        self._is_fresh = False

    @property
    def state(self) -> Any:
        """The state of the kind."""
        if self._state_learns:
            self._refresh()
        return self.network.state

    @property
    def log_scale(self) -> torch.Tensor | None:
        """The logarithm of the scale of the residuals, if it is learned."""
        self._refresh()
        return self.network.log_scale

    def encode(self, X: torch.Tensor) -> torch.Tensor:
        """Return codes as in inference."""
        self._refresh()
        return self.network._encode_as_in_inference(X)

    def decode(self, code: torch.Tensor) -> torch.Tensor:
        """Return the output of the decoder."""
        self._refresh()
        return self.network.decoder_output(code)

    def code_weights(self) -> list[torch.Tensor]:
        """Return the decoder's weights that multiply the code."""
        self._refresh()
        return self.network.code_weights()

    def _refresh(self) -> None:
        if not self._is_fresh:
            for owner, attribute, name in self._places:
                setattr(owner, attribute, self._weights.of[name][self._number])
            self._is_fresh = True
