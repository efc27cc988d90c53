"""What a fit may change that goes on from a fitted network, and what it may not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from numbers import Integral
from typing import Any

from sklearn.base import BaseEstimator

from skae._fitting.fit_policy import FitPolicy
from skae._network.fitted_network import FittedNetwork
from skae._network.network_spec import NetworkSpec
from skae._utils.checks import is_auto


def continued_spec(policy: FitPolicy, fitted: FittedNetwork) -> NetworkSpec:
    """Return the specification of a network that is trained further, with what changed.

    Learning rate, epochs, optimizer and all else that concerns the training alone is in the policy.
    The parameters of kind and loss are taken, such as the weight of a penalty. What shapes the
    network or its target cannot change.

    Parameters
    ----------
    policy : FitPolicy
        The parameters now.

    fitted : FittedNetwork
        The network of the earlier fit.

    Raises
    ------
    ValueError
        If a parameter changed that a continued fit cannot change.
    """
    spec = fitted.spec
    for name, before, now in _changes(policy, spec):
        raise ValueError(
            f"{name} was {before} in the fit that goes on, and is {now} now: with warm_start=True "
            f"and in partial_fit, the network keeps its parts. Set {name} back, set "
            f"warm_start=False, or fit a new estimator."
        )
    loss = policy.loss if policy.table is None else spec.loss
    return replace(spec, kind=policy.kind, loss=loss, precision=policy.precision)


def _changes(policy: FitPolicy, spec: NetworkSpec) -> Iterator[tuple[str, Any, Any]]:
    """Yield the name, the earlier and the present value of what cannot change."""
    if isinstance(policy.n_components, Integral) and policy.n_components != spec.n_components:
        yield "n_components", spec.n_components, int(policy.n_components)
    for name in ("kind", "architecture", *(("loss",) if policy.table is None else ())):
        before, now = getattr(spec, name), getattr(policy, name)
        if type(before) is not type(now):
            yield name, type(before).__name__, type(now).__name__
    yield from _other_values("architecture", spec.architecture, policy.architecture)
    starts = policy.kind.takes_linear_path(spec.n_components, spec.n_features)
    if starts and spec.linear_path != (policy.init == "pca"):
        yield "init", "pca" if spec.linear_path else "random", policy.init
    if policy.kind.makes_missing() and spec.filling_rank is None:
        yield "kind", "one without missing values", "one that makes values missing"
    if spec.kind.linear_decoder != policy.kind.linear_decoder:
        yield "kind__linear_decoder", spec.kind.linear_decoder, policy.kind.linear_decoder


def _other_values(
    name: str, before: BaseEstimator, now: BaseEstimator
) -> Iterator[tuple[str, Any, Any]]:
    given = now.get_params(deep=False)
    for parameter, value in before.get_params(deep=False).items():
        if not is_auto(given[parameter]) and given[parameter] != value:
            yield f"{name}__{parameter}", value, given[parameter]
