"""The optimizer, and the weights to which weight decay applies."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from skae._network.autoencoder_network import AutoencoderNetwork
from skae._utils.synonyms import did_you_mean
from skae.kinds import Kind

# A class, or a function that makes an optimizer from groups of parameters and ``lr``.
OptimizerMaker = Callable[..., torch.optim.Optimizer]

NAMED_OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}
# Parameters of an optimizer given by name that differ from torch's defaults.
_OF_NAME: dict[str, dict[str, Any]] = {"sgd": {"momentum": 0.9}}
# The automatic learning rate of SGD without momentum, as a multiple of that of AdamW, if the loss
# is a sum over the features. A mean over them has smaller gradients.
_RATE_OF_SGD = 20.0
# Arguments of optimizers that skae passes itself, and the parameter of the estimator to give.
_OWN = {
    "params": None,
    "lr": "learning_rate",
    "weight_decay": "weight_decay",
    "decoupled_weight_decay": None,
    "fused": None,
    "foreach": None,
    "capturable": None,
    "differentiable": None,
    "maximize": None,
}


def resolve_optimizer(optimizer: str | type, params: dict | None = None) -> OptimizerMaker:
    """Return the class for a name, or the class itself, with the user's parameters if any.

    Raises
    ------
    ValueError
        If the optimizer, a parameter of it or its value is not valid.

    TypeError
        If `params` is no dictionary.
    """
    is_class = isinstance(optimizer, type) and issubclass(optimizer, torch.optim.Optimizer)
    if not is_class and not (isinstance(optimizer, str) and optimizer in NAMED_OPTIMIZERS):
        raise ValueError(
            f"optimizer must be one of {sorted(NAMED_OPTIMIZERS)} or a class of torch.optim, "
            f"got {optimizer!r}{did_you_mean(optimizer, NAMED_OPTIMIZERS)}"
        )
    chosen = optimizer if isinstance(optimizer, type) else NAMED_OPTIMIZERS[optimizer]
    of_name = _OF_NAME.get(optimizer, {}) if isinstance(optimizer, str) else {}
    given = {} if params is None else _checked(params, chosen)
    return partial(chosen, **{**of_name, **given}) if of_name or given else chosen


def rate_factor(optimizer: OptimizerMaker, kind: Kind, n_features: int) -> float:
    """Return the automatic learning rate of an optimizer, as a multiple of that of AdamW.

    Most optimizers divide gradients by their size, but the steps of SGD are proportional to them:
    they are small if the loss is the mean over many features. Momentum `m` makes them
    ``1 / (1 - m)`` times as long.
    """
    if not issubclass(_class_of(optimizer), torch.optim.SGD):
        return 1.0
    momentum = getattr(optimizer, "keywords", {}).get("momentum", 0.0)
    n_terms = n_features if kind.feature_reduction == "mean" else 1
    return _RATE_OF_SGD * n_terms * (1 - momentum)


def _class_of(optimizer: OptimizerMaker) -> type:
    chosen: Any = optimizer
    return getattr(chosen, "func", chosen)


def _checked(params: Any, chosen: type) -> dict[str, Any]:
    """Return parameters of an optimizer, or refuse them by name."""
    if not isinstance(params, dict) or not all(isinstance(name, str) for name in params):
        raise TypeError(
            f"optimizer_params must be None or a dictionary of parameters of "
            f"{chosen.__name__}, such as {{'betas': (0.9, 0.99)}}, got {params!r}."
        )
    known = [name for name in inspect.signature(chosen).parameters if name not in _OWN]
    for name in params:
        if name in _OWN:
            remedy = f"give {_OWN[name]} of the estimator" if _OWN[name] else "leave it out"
            raise ValueError(f"optimizer_params holds {name!r}, which skae sets itself: {remedy}.")
        if name not in known:
            raise ValueError(
                f"optimizer_params holds {name!r}, which is no parameter of {chosen.__name__}: it "
                f"has {', '.join(known)}."
            )
    try:
        chosen([torch.zeros(1, requires_grad=True)], lr=0.1, **params)
    except Exception as error:  # optimizers refuse in ways of their own
        raise ValueError(
            f"optimizer_params={params!r} is refused by {chosen.__name__}: {error}"
        ) from error
    return params


def make_optimizer(
    network: AutoencoderNetwork,
    optimizer: OptimizerMaker,
    learning_rate: float,
    weight_decay: float,
    parameters: tuple[list[nn.Parameter], list[nn.Parameter]] | None = None,
) -> torch.optim.Optimizer:
    """Return an optimizer of all weights of a network, with fused kernels if possible.

    Weight decay applies neither to biases nor to the linear path, which it would pull away from the
    principal axes. For all optimizers it is decoupled from the gradients, as in AdamW [1]_: in each
    step, weights shrink by `weight_decay` times the learning rate that AdamW would have.

    Parameters
    ----------
    network : AutoencoderNetwork
        The network.

    optimizer : type or callable
        A class of ``torch.optim``, or one with some of its parameters.

    learning_rate, weight_decay : float
        Learning rate, and weight decay in the units of AdamW.

    parameters : pair of list of torch.nn.Parameter or None, default=None
        Parameters that hold the weights of several such networks: those to which weight decay
        applies, and the others. None means those of the network.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """
    decaying, others = parameters or (
        [network.get_parameter(name) for name in names] for names in decaying_and_others(network)
    )
    native = issubclass(_class_of(optimizer), torch.optim.AdamW)
    decay = {"weight_decay": weight_decay} if native else {}
    none = {"weight_decay": 0.0} if native else {}
    groups = [
        {"params": members, **of_group}
        for members, of_group in ((decaying, decay), (others, none))
        if members
    ]
    try:
        made = optimizer(groups, lr=learning_rate, fused=True)
    except (TypeError, RuntimeError):  # no fused form of this optimizer, or on this device
        made = optimizer(groups, lr=learning_rate)
    if weight_decay and decaying and not native:
        shrink = weight_decay / rate_factor(optimizer, network.kind, network.n_features)
        made.register_step_pre_hook(partial(_shrink, decaying=decaying, weight_decay=shrink))
    for group in made.param_groups:
        group["initial_lr"] = group["lr"]  # for torch's schedulers, in callbacks
    return made


def decaying_and_others(network: AutoencoderNetwork) -> tuple[list[str], list[str]]:
    """Return the names of the parameters to which weight decay applies, and of the others."""
    linear_path = {
        id(parameter)
        for module in (network.linear_encoder, network.linear_decoder)
        if module is not None
        for parameter in module.parameters()
    }
    decaying: list[str] = []
    others: list[str] = []
    for name, parameter in network.named_parameters():
        decays = parameter.ndim > 1 and id(parameter) not in linear_path
        (decaying if decays else others).append(name)
    return decaying, others


def treats_weights_alone(optimizer: OptimizerMaker) -> bool:
    """Return whether an optimizer is known to treat each weight on its own."""
    return _class_of(optimizer) in NAMED_OPTIMIZERS.values()


def _shrink(
    optimizer: torch.optim.Optimizer,
    args: tuple,
    kwargs: dict,
    *,
    decaying: list[nn.Parameter],
    weight_decay: float,
) -> None:
    """Shrink weights by the current learning rate times `weight_decay`, before a step."""
    rate = optimizer.param_groups[0]["lr"]
    with torch.no_grad():
        for parameter in decaying:
            parameter.mul_(1 - float(rate) * weight_decay)


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
