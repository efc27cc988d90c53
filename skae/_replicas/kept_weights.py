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
        self._network, self._n_networks = network, network.sections.n_networks
        self._joint = {name: tensor.clone() for name, tensor in self._current.items()}
        self._states = [self._state_of(i) for i in range(self._n_networks)]

    @property
    def _current(self) -> dict[str, torch.Tensor]:
        return {n: parameter.detach() for n, parameter in self._network.weights.named_parameters()}

    def take(self, numbers: list[int]) -> None:
        """Keep the current weights of the networks of these numbers."""
        for number in numbers:
            self._states[number] = self._state_of(number)
        if len(numbers) == self._n_networks:
            for name, tensor in self._current.items():
                self._joint[name].copy_(tensor)
            return
        of_network = self._network.weights.of_network
        for number in numbers:
            pairs = zip(
                of_network(number, self._joint), of_network(number, self._current), strict=True
            )
            for (_, kept), (_, current) in pairs:
                kept.copy_(current)

    def give(self, number: int, network: AutoencoderNetwork) -> None:
        """Give a network what is kept of the one of this number."""
        with torch.no_grad():
            for name, weights in self._network.weights.of_network(number, self._joint):
                network.get_parameter(name).copy_(weights)
            for name, buffer in self._states[number].items():
                network.get_buffer(name).copy_(buffer)

    def _state_of(self, number: int) -> dict[str, torch.Tensor]:
        """Return a copy of the state of the kind, all else that a training changes."""
        twins = self._network.twins
        state = twins[number].network.state if twins else None
        buffers = () if state is None else state.named_buffers(prefix="state")
        return {name: buffer.clone() for name, buffer in buffers}
