"""The weights of several networks of the same shape, in one tensor for each sort of weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import nn

from skae._network.autoencoder_network import AutoencoderNetwork
from skae._training.optimizer import decaying_and_others


class StackedWeights(nn.Module):
    """The weights of several networks, those of all networks for one parameter after the other.

    Two tensors are all that an optimizer, means of weights and copies of weights have to do with:
    those to which weight decay applies, and the others. Matrices are transposed, as products with
    rows need them.

    Parameters
    ----------
    networks : sequence of AutoencoderNetwork
        Networks with parameters of the same names and shapes.

    Attributes
    ----------
    of : dict of str to torch.Tensor of shape (n_networks, ...)
        The weights by the names of the parameters. They share the memory of the two tensors, and
        their gradients that of the gradients of these.
    """

    def __init__(self, networks: Sequence[AutoencoderNetwork]):
        super().__init__()
        self.of: dict[str, torch.Tensor] = {}
        self._places: dict[str, dict[str, slice]] = {}
        groups = zip(("decaying", "others"), decaying_and_others(networks[0]), strict=True)
        for group, names in groups:
            if names:
                self._add_group(group, names, networks)

    def _add_group(self, group: str, names: list[str], networks: Sequence[nn.Module]) -> None:
        stacks = {
            name: torch.stack([_transposed(n.get_parameter(name).detach()) for n in networks])
            for name in names
        }
        joint = nn.Parameter(torch.cat([stack.flatten() for stack in stacks.values()]))
        joint.grad = torch.zeros_like(joint)
        self.register_parameter(group, joint)
        places, end = self._places.setdefault(group, {}), 0
        for name, stack in stacks.items():
            start, end = end, end + stack.numel()
            place = places[name] = slice(start, end)
            weights = joint.detach()[place].view(stack.shape).requires_grad_()
            weights.grad = joint.grad[place].view(stack.shape)
            self.of[name] = weights

    @property
    def groups(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """The parameters to which weight decay applies, and the others."""
        decaying, others = (
            [self.get_parameter(group)] if group in self._places else []
            for group in ("decaying", "others")
        )
        return decaying, others

    def seen_as(self, name: str, view: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """Return a view of the weights of a parameter, with its gradients in the same memory."""
        weights, gradient = self.of[name].detach(), self.of[name].grad
        assert gradient is not None  # since the beginning
        seen = view(weights).requires_grad_()
        seen.grad = view(gradient)
        return seen

    def forget_gradients(self) -> None:
        """Set all gradients to zero."""
        for parameter in self.parameters():
            assert parameter.grad is not None  # since the beginning
            parameter.grad.zero_()

    def of_network(
        self, number: int, joint: Mapping[str, torch.Tensor]
    ) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield the names of the parameters of one network, and its weights among others.

        Parameters
        ----------
        number : int
            The number of the network.

        joint : dict of str to torch.Tensor
            The parameters of this module, or tensors like them, by name.
        """
        for group, places in self._places.items():
            for name, place in places.items():
                weights = joint[group][place].view(self.of[name].shape)
                yield name, _transposed(weights[number])


def _transposed(weights: torch.Tensor) -> torch.Tensor:
    return weights.T if weights.ndim == 2 else weights
