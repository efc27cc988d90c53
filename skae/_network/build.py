"""Construction of a network from its specification."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.network_spec import NetworkSpec
from skae._runtime.precision import tensor_dtype
from skae.architectures.memory import NetworkTooLargeError


def new_network(
    spec: NetworkSpec, device: torch.device, generator: torch.Generator | None = None
) -> AutoencoderNetwork:
    """Return a network with first weights.

    Parameters
    ----------
    spec : NetworkSpec
        The specification of the network.

    device : torch.device
        The device of the network; its weights are drawn on the CPU.

    generator : torch.Generator or None, default=None
        Source of the first weights. None means a new one, if the weights are replaced anyway.

    Raises
    ------
    ValueError
        If the network does not fit into memory, or if encoder and decoder have wrong shapes.
    """
    try:
        network = AutoencoderNetwork(spec, generator or torch.Generator())
    except NetworkTooLargeError as error:
        head = "" if spec.head is None else f", head_layer_sizes={spec.head.hidden_layer_sizes}"
        raise ValueError(
            f"n_components={spec.n_components}, architecture={spec.architecture!r}{head} make a "
            f"network that does not fit into memory: {error}. Choose smaller sizes."
        ) from error
    network = network.to(tensor_dtype(spec.precision))
    network.features.set_units(spec.scaling.centre, spec.scaling.scale)
    return network.to(device)


def network_with(
    spec: NetworkSpec, weights: Mapping[str, np.ndarray], device: torch.device
) -> AutoencoderNetwork:
    """Return a network with copies of these weights."""
    network = new_network(spec, torch.device("cpu"))
    network.load_state_dict({name: torch.from_numpy(w) for name, w in weights.items()})
    return network.to(device)
