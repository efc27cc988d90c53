"""The optimizer, and the weights to which weight decay applies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from skae._network.autoencoder_network import AutoencoderNetwork
from skae._utils.synonyms import did_you_mean

NAMED_OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


def resolve_optimizer(optimizer: str | type) -> type[torch.optim.Optimizer]:
    """Return the class for a name, or the class itself."""
    if isinstance(optimizer, type) and issubclass(optimizer, torch.optim.Optimizer):
        return optimizer
    if isinstance(optimizer, str) and optimizer in NAMED_OPTIMIZERS:
        return NAMED_OPTIMIZERS[optimizer]
    raise ValueError(
        f"optimizer must be one of {sorted(NAMED_OPTIMIZERS)} or a class of torch.optim, "
        f"got {optimizer!r}{did_you_mean(optimizer, NAMED_OPTIMIZERS)}"
    )


def make_optimizer(
    network: AutoencoderNetwork,
    optimizer: Callable[..., torch.optim.Optimizer],
    learning_rate: float,
    weight_decay: float,
) -> torch.optim.Optimizer:
    """Return an optimizer of all weights of a network, with fused kernels if possible.

    Weight decay applies neither to biases nor to the linear path, which it would pull away from the
    principal axes.
    """
    linear_path = {
        id(parameter)
        for module in (network.linear_encoder, network.linear_decoder)
        if module is not None
        for parameter in module.parameters()
    }
    decaying: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for parameter in network.parameters():
        decays = parameter.ndim > 1 and id(parameter) not in linear_path
        (decaying if decays else others).append(parameter)
    groups = [
        {"params": parameters, "weight_decay": decay}
        for parameters, decay in ((decaying, weight_decay), (others, 0.0))
        if parameters
    ]
    try:
        made = optimizer(groups, lr=learning_rate, fused=True)
    except (TypeError, RuntimeError):  # no fused form of this optimizer, or on this device
        made = optimizer(groups, lr=learning_rate)
    for group in made.param_groups:
        group["initial_lr"] = group["lr"]  # for torch's schedulers, in callbacks
    return made


def state_as_arrays(optimizer: torch.optim.Optimizer) -> dict:
    """Return the state of an optimizer with arrays instead of tensors, for pickling."""
    state = optimizer.state_dict()["state"]
    return {
        index: {name: _as_array(value) for name, value in entry.items()}
        for index, entry in state.items()
    }


def load_arrays(optimizer: torch.optim.Optimizer, arrays: dict) -> None:
    """Set the state of an optimizer to one that :func:`state_as_arrays` returned."""
    state = {
        index: {name: _as_tensor(value) for name, value in entry.items()}
        for index, entry in arrays.items()
    }
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _as_array(value: Any) -> Any:
    return value.cpu().numpy().copy() if isinstance(value, torch.Tensor) else value


def _as_tensor(value: Any) -> Any:
    return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value
