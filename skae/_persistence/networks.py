"""Checks of networks before they are built: sizes, parameters, and the shapes of their weights."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from skae._fitting.start import check_kind
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.fitted_network import FittedNetwork
from skae._persistence.parts import name_of, parameters_of
from skae._training.optimizer import make_optimizer
from skae.architectures import Architecture
from skae.kinds.interface import Setting

# Limits of the distribution that fills missing values, in standard deviations: beyond them, systems
# of equations may have no solution. Fits stay far from both.
_LARGEST_FACTOR, _SMALLEST_NOISE = 1e3, 1e-3
# No parameter of a part that is a size, in a network of few weights, is larger.
_MOST = 2**16


class _OnMeta(TorchFunctionMode):
    """Give tensors shapes and no memory, also where code asks for a device by name."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if "device" in kwargs:
            kwargs["device"] = torch.device("meta")
        return func(*args, **kwargs)


def checked_network(fitted: FittedNetwork) -> AutoencoderNetwork:
    """Return a network without its weights, after checking that they belong to it.

    Nothing is allocated that is larger than the weights, except by modules that users wrote.

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
    except Exception as error:  # parts may fail on a parameter in ways of their own
        raise ValueError(f"The network cannot be built: {error}") from error
    expected = {name: _described(tensor) for name, tensor in network.state_dict().items()}
    found = {name: _described(torch.from_numpy(w)) for name, w in fitted.weights.items()}
    if expected != found:
        differing = {n for n in {*expected, *found} if expected.get(n) != found.get(n)}
        name = min(differing)
        raise ValueError(
            f"The weights are not those of {fitted.architecture!r}: {name!r} is "
            f"{found.get(name, 'missing')}, expected {expected.get(name, 'none')}."
        )
    _check_filling(fitted)
    return network


def check_numbers(part) -> None:
    """Refuse parameters of a registered part that would take too much time or memory.

    Parameters
    ----------
    part : object
        A part that has no weights.

    Raises
    ------
    ValueError
        If a number is too large.
    """
    if name_of(part) is None:
        return
    for name, value in parameters_of(part).items():
        if isinstance(value, int) and value > _MOST:
            raise ValueError(f"{name}={value} of {type(part).__name__} is too large.")


def check_optimizer_state(state, network: AutoencoderNetwork, optimizer: type) -> None:
    """Refuse a state that does not belong to the optimizer of a network.

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
            raise ValueError(f"The state of the optimizer has an unknown entry {index}.")
        for name, value in entry.items():
            known = value is None or isinstance(value, bool | int | float)
            if not known and (
                not isinstance(value, np.ndarray) or value.shape not in ((), shapes[index])
            ):
                raise ValueError(f"{str(name)[:99]!r} of the optimizer does not fit its weights.")


def _check_sizes(fitted: FittedNetwork) -> None:
    """Refuse sizes that only a network with more weights could have."""
    n_arrays = len(fitted.weights)
    most = max(_MOST, sum(weights.size for weights in fitted.weights.values()))
    sizes = {"n_features": fitted.n_features, "n_components": fitted.n_components}
    sizes["filling_rank"] = fitted.filling_rank
    for owner in _known_parts(fitted):
        sizes.update((f"{name} of {owner!r}", v) for name, v in parameters_of(owner).items())
    if fitted.head is not None:
        sizes["n_classes"] = fitted.head.n_classes
        sizes["hidden_layer_sizes of the head"] = fitted.head.hidden_layer_sizes
    for name, value in sizes.items():
        values = value if isinstance(value, list | tuple) else [value]
        many = n_arrays if name.startswith("n_layers") else most
        if len(values) > n_arrays or any(isinstance(v, int) and v > many for v in values):
            raise ValueError(f"{name}={str(value)[:99]} is too large for the weights.")
    if fitted.scaling.centre.shape != (fitted.n_features,):
        raise ValueError(f"The scaling must be one of {fitted.n_features} features.")


def _check_filling(fitted: FittedNetwork) -> None:
    """Refuse a distribution that cannot fill missing values."""
    if fitted.filling_rank is None:
        return
    factor, noise = (fitted.weights[f"missing.filling.{name}"] for name in ("factor", "noise"))
    # Comparisons are false where there is a NaN.
    if not ((np.abs(factor) <= _LARGEST_FACTOR).all() and _SMALLEST_NOISE <= noise < np.inf):
        raise ValueError("The distribution that fills missing values is out of range.")


def _known_parts(fitted: FittedNetwork) -> list:
    parts = (fitted.architecture, fitted.kind, fitted.kind.corruption, fitted.loss)
    return [part for part in parts if name_of(part) is not None]


def _check_parts(fitted: FittedNetwork) -> None:
    shape = fitted.architecture.sample_shape((fitted.n_features,))
    setting = Setting(
        n_components=fitted.n_components,
        n_features=fitted.n_features,
        sample_shape=shape,
        loss=fitted.loss,
        weight_decay=np.inf,
        linear_path=fitted.linear_path,
        channel_axis=fitted.architecture.channel_axis_of(shape),
    )
    check_kind(fitted.kind, setting)
    fitted.loss.check(0.0, 1.0)


def _network_without_weights(fitted: FittedNetwork) -> AutoencoderNetwork:
    if not _has_known_modules(fitted.architecture):
        return fitted.new_network(torch.device("cpu"), without_weights=True)
    with torch.device("meta"), _OnMeta():
        return fitted.new_network(torch.device("meta"), without_weights=True)


def _has_known_modules(architecture: Architecture) -> bool:
    return name_of(architecture) is not None and not architecture.draws_globally


def _described(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"
