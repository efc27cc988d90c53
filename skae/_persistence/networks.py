"""A look at a network of a file before it is built: whether its weights are those it has."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.build import new_network
from skae._network.fitted_network import FittedNetwork
from skae._persistence.classes import PARTS, parameters_of
from skae._start.first_network import check_kind
from skae._training.optimizer import make_optimizer
from skae.architectures import Architecture
from skae.kinds.interface import Setting

# Of the distribution that fills missing values, in standard deviations: beyond, there are systems
# of equations that can not be solved. Fits stay far from both.
_LARGEST_FACTOR, _SMALLEST_NOISE = 1e3, 1e-3
# Parameters of parts count nothing of which there would be more, in a network of few weights.
_MOST = 2**16


class _OnMeta(TorchFunctionMode):
    """Have tensors shapes and no memory, also where a device is asked for by name."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if "device" in kwargs:
            kwargs["device"] = torch.device("meta")
        return func(*args, **kwargs)


def checked_network(fitted: FittedNetwork) -> AutoencoderNetwork:
    """Return the network without its weights, if that is what they belong to.

    Nothing is allocated that is larger than the weights, but for modules of the user's own.

    Parameters
    ----------
    fitted : FittedNetwork
        As it is in the file.

    Raises
    ------
    ValueError
        If parameters are out of range, or belong to other weights.
    """
    _check_sizes(fitted)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _check_parts(fitted)
            network = _network_without_weights(fitted)
    except Exception as error:  # parts ask what they need of their parameters, and may stumble
        raise ValueError(f"The network can not be built: {error}") from error
    expected = {name: _described(tensor) for name, tensor in network.state_dict().items()}
    found = {name: _described(torch.from_numpy(w)) for name, w in fitted.weights.items()}
    if expected != found:
        differing = {n for n in {*expected, *found} if expected.get(n) != found.get(n)}
        name = min(differing)
        raise ValueError(
            f"The weights are not those of {fitted.spec.architecture!r}: {name!r} is "
            f"{found.get(name, 'not there')}, expected {expected.get(name, 'none')}."
        )
    _check_filling(fitted)
    return network


def check_numbers(part) -> None:
    """Refuse parameters of one of skae's own parts that would take forever, or all memory.

    Parameters
    ----------
    part : object
        A part that has no weights of its own.

    Raises
    ------
    ValueError
        If a number is too large.
    """
    for name, value in parameters_of(part).items():
        if type(part) in PARTS.values() and isinstance(value, int) and value > _MOST:
            raise ValueError(f"{name}={value} of {type(part).__name__} is too large.")


def check_optimizer_state(state, network: AutoencoderNetwork, optimizer: type) -> None:
    """Refuse a state that the optimizer of a network does not have.

    Parameters
    ----------
    state : dict or None
        As ``state_as_arrays`` returns it.

    network : AutoencoderNetwork
        The network.

    optimizer : type
        Its optimizer.

    Raises
    ------
    ValueError
        If it belongs to other weights.
    """
    if state is None:
        return
    groups = make_optimizer(network, optimizer, 0.1, 0.0).param_groups
    shapes = [tuple(parameter.shape) for group in groups for parameter in group["params"]]
    if type(state) is not dict or not all(type(i) is int for i in state):
        raise ValueError("The state of the optimizer is no dictionary of numbers.")
    for index, entry in state.items():
        if not 0 <= index < len(shapes) or type(entry) is not dict:
            raise ValueError(f"The state of the optimizer has an entry {index} that can not be.")
        for name, value in entry.items():
            known = value is None or isinstance(value, bool | int | float)
            if not known and (
                not isinstance(value, np.ndarray) or value.shape not in ((), shapes[index])
            ):
                raise ValueError(f"{str(name)[:99]!r} of the optimizer is not that of its weights.")


def _check_sizes(fitted: FittedNetwork) -> None:
    """Refuse numbers that only a larger network than that of these weights could have."""
    n_arrays = len(fitted.weights)
    most = max(_MOST, sum(weights.size for weights in fitted.weights.values()))
    sizes = {"n_features": fitted.n_features, "n_components": fitted.n_components}
    sizes["filling_rank"] = fitted.spec.filling_rank
    for owner in _known_parts(fitted):
        sizes.update((f"{name} of {owner!r}", v) for name, v in parameters_of(owner).items())
    if fitted.spec.head is not None:
        sizes["n_classes"] = fitted.spec.head.n_classes
        sizes["hidden_layer_sizes of the head"] = fitted.spec.head.hidden_layer_sizes
    for name, value in sizes.items():
        values = value if isinstance(value, list | tuple) else [value]
        many = n_arrays if name.startswith("n_layers") else most
        if len(values) > n_arrays or any(isinstance(v, int) and v > many for v in values):
            raise ValueError(f"{name}={str(value)[:99]} is more than its weights can have.")
    if fitted.spec.scaling.centre.shape != (fitted.n_features,):
        raise ValueError(f"The scaling is not that of {fitted.n_features} features.")


def _check_filling(fitted: FittedNetwork) -> None:
    """Refuse what can not fill missing values."""
    if fitted.spec.filling_rank is None:
        return
    factor, noise = (fitted.weights[f"missing.filling.{name}"] for name in ("factor", "noise"))
    # Comparisons are false where there is a NaN.
    if not ((np.abs(factor) <= _LARGEST_FACTOR).all() and _SMALLEST_NOISE <= noise < np.inf):
        raise ValueError("The distribution that fills missing values is out of range.")


def _known_parts(fitted: FittedNetwork) -> list:
    parts = (
        fitted.spec.architecture,
        fitted.spec.kind,
        fitted.spec.kind.corruption,
        fitted.spec.loss,
    )
    return [part for part in parts if type(part) in PARTS.values()]


def _check_parts(fitted: FittedNetwork) -> None:
    shape = fitted.spec.architecture.sample_shape((fitted.n_features,))
    setting = Setting(
        n_components=fitted.n_components,
        n_features=fitted.n_features,
        sample_shape=shape,
        loss=fitted.spec.loss,
        weight_decay=np.inf,
        linear_path=fitted.spec.linear_path,
        channel_axis=fitted.spec.architecture.channel_axis_of(shape),
    )
    check_kind(fitted.spec.kind, setting)
    fitted.spec.loss.check(0.0, 1.0)


def _network_without_weights(fitted: FittedNetwork) -> AutoencoderNetwork:
    if not _has_known_modules(fitted.spec.architecture):
        return new_network(fitted.spec, torch.device("cpu"))
    with torch.device("meta"), _OnMeta():
        return new_network(fitted.spec, torch.device("meta"))


def _has_known_modules(architecture: Architecture) -> bool:
    return type(architecture) in PARTS.values() and not architecture.draws_globally


def _described(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"
