"""The weights of several networks of the same shape, in one tensor for each sort of weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from skae._network.autoencoder_network import AutoencoderNetwork
from skae._training.optimizer import decaying_and_others


class StackedWeights(nn.Module):
    """The weights of several networks: a row for each network, joined over its parameters.

    An optimizer that treats each weight on its own takes a step for all networks at once, and two
    tensors are all that it, means of weights and copies of weights have to do with.

    Parameters
    ----------
    networks : sequence of AutoencoderNetwork
        Networks with parameters of the same names and shapes.

    Attributes
    ----------
    of : dict of str to torch.Tensor of shape (n_networks, ...)
        The weights by the names of the parameters, as :meth:`unpack` left them.
    """

    def __init__(self, networks: Sequence[AutoencoderNetwork]):
        super().__init__()
        self.of: dict[str, torch.Tensor] = {}
        self._shapes = {name: p.shape for name, p in networks[0].named_parameters()}
        self._names: dict[str, list[str]] = {}
        groups = zip(("decaying", "others"), decaying_and_others(networks[0]), strict=True)
        for group, names in groups:
            if names:
                self._names[group] = names
                rows = [_row(network, names) for network in networks]
                self.register_parameter(group, nn.Parameter(torch.stack(rows)))

    @property
    def groups(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """The parameters to which weight decay applies, and the others."""
        decaying, others = (
            [self.get_parameter(group)] if group in self._names else []
            for group in ("decaying", "others")
        )
        return decaying, others

    def unpack(self) -> None:
        """Update :attr:`of`, through which gradients reach the weights."""
        for group, names in self._names.items():
            rows = self.get_parameter(group)
            parts = rows.split([math.prod(self._shapes[name]) for name in names], dim=1)
            for name, part in zip(names, parts, strict=True):
                self.of[name] = part.view(len(rows), *self._shapes[name])

    def give(self, rows: dict[str, torch.Tensor], number: int, network: nn.Module) -> None:
        """Give a network the weights of one number.

        Parameters
        ----------
        rows : dict of str to torch.Tensor
            The tensors of this module's parameters, or copies of them, by name.

        number : int
            The number of the network.

        network : AutoencoderNetwork
            The network.
        """
        with torch.no_grad():
            for group, names in self._names.items():
                sizes = [math.prod(self._shapes[name]) for name in names]
                for name, part in zip(names, rows[group][number].split(sizes), strict=True):
                    network.get_parameter(name).copy_(part.view(self._shapes[name]))


def _row(network: nn.Module, names: list[str]) -> torch.Tensor:
    return torch.cat([network.get_parameter(name).detach().flatten() for name in names])
