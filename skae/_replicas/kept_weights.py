"""The weights that are kept of each of several networks."""

from __future__ import annotations

import torch

from skae._network.autoencoder_network import AutoencoderNetwork
from skae._replicas.joint_network import JointNetwork


class KeptWeights:
    """A copy of the weights of several networks, each of its own epoch.

    Parameters
    ----------
    network : JointNetwork
        The networks, whose current weights are the first that are kept.
    """

    def __init__(self, network: JointNetwork):
        self._network = network
        weights = network.weights.named_parameters()
        self._rows = {name: parameter.detach().clone() for name, parameter in weights}
        self._states = [self._state_of(i) for i in range(network.sections.n_networks)]

    def take(self, numbers: list[int]) -> None:
        """Keep the current weights of the networks of these numbers."""
        if not numbers:
            return
        for name, parameter in self._network.weights.named_parameters():
            if len(numbers) == len(parameter):
                self._rows[name].copy_(parameter.detach())
            else:
                self._rows[name][numbers] = parameter.detach()[numbers]
        for number in numbers:
            self._states[number] = self._state_of(number)

    def give(self, number: int, network: AutoencoderNetwork) -> None:
        """Give a network what is kept of the one of this number."""
        own = {name: rows[number] for name, rows in self._rows.items()}
        with torch.no_grad():
            for name, weights in self._network.weights.of_network(own):
                network.get_parameter(name).copy_(weights)
            for name, buffer in self._states[number].items():
                network.get_buffer(name).copy_(buffer)

    def _state_of(self, number: int) -> dict[str, torch.Tensor]:
        """Return a copy of the state of the kind, all else that a training changes."""
        twins = self._network.twins
        state = twins[number].network.state if twins else None
        buffers = () if state is None else state.named_buffers(prefix="state")
        return {name: buffer.clone() for name, buffer in buffers}
