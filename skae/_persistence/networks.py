"""Checks of networks before they are built: sizes, parameters, and the shapes of their weights."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.build import new_network
from skae._network.fitted_network import FittedNetwork
from skae._network.network_spec import NetworkSpec
from skae._persistence.checks import fillable, matches, require
from skae._persistence.parts import name_of, parameters_of
from skae._start.first_network import check_kind
from skae._training.optimizer import OptimizerMaker, make_optimizer

# Largest size among the parameters of a part in a network with few weights.
_MOST = 2**16


class _OnMeta(TorchFunctionMode):
    """Creates tensors without memory, even if code requests a device by name."""

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
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
            _check_parts(fitted.spec)
            network = _network_without_weights(fitted.spec)
    except Exception as error:  # parts may raise any error for a wrong parameter
        raise ValueError(f"The network cannot be built: {error}") from error
    expected = {name: _described(tensor) for name, tensor in network.state_dict().items()}
    found = {name: _described(torch.from_numpy(w)) for name, w in fitted.weights.items()}
    if expected != found:
        differing = {n for n in {*expected, *found} if expected.get(n) != found.get(n)}
        name = min(differing)
        raise ValueError(
            f"The weights are not those of {fitted.spec.architecture!r}: {name!r} is "
            f"{found.get(name, 'missing')}, expected {expected.get(name, 'none')}."
        )
    _check_filling(fitted)
    return network


def check_numbers(part: Any) -> None:
    """Refuse parameters of a registered part that would take too much time or memory."""
    if name_of(part) is None:
        return
    for name, value in parameters_of(part).items():
        if isinstance(value, int) and value > _MOST:
            raise ValueError(f"{name}={value} of {type(part).__name__} is too large.")


def check_optimizer_state(
    state: Any, network: AutoencoderNetwork, optimizer: OptimizerMaker
) -> None:
    """Refuse a state, as ``state_as_arrays`` returns it, of another network or optimizer."""
    if state is None:
        return
    groups = make_optimizer(network, optimizer, 0.1, 0.0).param_groups
    shapes = [tuple(parameter.shape) for group in groups for parameter in group["params"]]
    require(matches(state, dict[int, dict]), "_optimizer_state", "of numbered weights", state)
    for index, entry in state.items():
        require(index in range(len(shapes)), "_optimizer_state", "that of the weights", index)
        for name, value in entry.items():
            known = value is None or isinstance(value, bool | int | float)
            fits = isinstance(value, np.ndarray) and value.shape in ((), shapes[index])
            require(known or fits, f"{name!r} of the optimizer", "that of the weights", value)


def _check_sizes(fitted: FittedNetwork) -> None:
    """Refuse sizes that only a network with more weights could have."""
    n_arrays = len(fitted.weights)
    most = max(_MOST, sum(weights.size for weights in fitted.weights.values()))
    spec = fitted.spec
    parts = (spec.architecture, spec.kind, spec.kind.corruption, spec.loss)
    owners = [vars(spec), *(parameters_of(part) for part in parts if name_of(part) is not None)]
    if spec.head is not None:
        owners.append(vars(spec.head))
    for name, value in (pair for owner in owners for pair in owner.items()):
        values = value if isinstance(value, list | tuple) else [value]
        if len(values) > n_arrays or any(isinstance(v, int) and v > most for v in values):
            raise ValueError(f"{name}={str(value)[:99]} is too large for the weights.")
    if spec.scaling.centre.shape != (spec.n_features,):
        raise ValueError(f"The scaling must be one of {spec.n_features} features.")


def _check_filling(fitted: FittedNetwork) -> None:
    """Refuse a distribution that cannot fill missing values."""
    if fitted.spec.filling_rank is None:
        return
    factor, noise = (fitted.weights[f"missing.filling.{name}"] for name in ("factor", "noise"))
    if not fillable(factor, noise):
        raise ValueError("The distribution that fills missing values is out of range.")


def _check_parts(spec: NetworkSpec) -> None:
    if spec.sample_shape is not None and math.prod(spec.sample_shape) != spec.n_features:
        raise ValueError(f"sample_shape must have {spec.n_features} values.")
    check_kind(spec.kind, spec.setting(np.inf))
    spec.loss.check(0.0, 1.0)


def _network_without_weights(spec: NetworkSpec) -> AutoencoderNetwork:
    if name_of(spec.architecture) is None or spec.architecture.draws_globally:
        return new_network(spec, torch.device("cpu"))
    with torch.device("meta"), _OnMeta():
        return new_network(spec, torch.device("meta"))


def _described(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"
