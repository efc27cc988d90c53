"""The preparation of a fit: from validated rows to a network with its first weights."""

from __future__ import annotations

import warnings
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
import torch

from skae._data.lost_digits import warn_of_lost_digits
from skae._data.matrix import Matrix
from skae._data.moments import Moments
from skae._data.rows import Rows
from skae._data.scaling import Scaling
from skae._data.views import rows_at
from skae._fitting.continued import continued_spec
from skae._fitting.defaults import auto_or, resolve_n_components
from skae._fitting.fit_policy import FitPolicy
from skae._fitting.prepared import Prepared, Seeds
from skae._fitting.table_loss import table_loss, table_scaling
from skae._missing.filling import NormalDistribution
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.build import network_with
from skae._network.fitted_network import FittedNetwork
from skae._network.head import HeadPlan
from skae._network.network_spec import NetworkSpec
from skae._network.output_bounds import OutputBounds, output_bounds
from skae._runtime.precision import resolve_precision, tensor_dtype
from skae._start.first_network import check_kind, first_network
from skae._start.linear_part import LinearPart
from skae._start.principal_axes import PrincipalAxes

# Entries may be outside of the bounds of a decoder's output by rounding, relative to their size.
_ROUNDING = 1e-6


def prepare(
    X: Matrix,
    policy: FitPolicy,
    random_state: Any,
    *,
    sample_weight: np.ndarray | None = None,
    repelled: Matrix | None = None,
    takes_missing: bool = False,
    gaussian: NormalDistribution | None = None,
    head: HeadPlan | None = None,
) -> Prepared:
    """Resolve every "auto", and build a network with its first weights.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Validated rows.

    policy : FitPolicy
        The policy of the estimator.

    random_state : int or RandomState instance
        Source of all randomness.

    sample_weight : ndarray of shape (n_samples,) or None, default=None
        Weights with mean 1. Rows with weight zero are dropped.

    repelled : ndarray or CSR matrix of shape (n_rows, n_features) or None, default=None
        Validated rows, known anomalies, that the network learns to reconstruct badly.

    takes_missing : bool, default=False
        Whether the network accepts missing values even if `X` has none.

    gaussian : NormalDistribution or None, default=None
        The normal distribution that fills missing values, if it was fitted before.

    head : HeadPlan or None, default=None
        The classifier on top of the latent code, if there is one.

    Raises
    ------
    ValueError
        If the parts cannot be combined, or if a part cannot work with `X`.
    """
    seeds = Seeds.drawn(random_state)
    X, sample_weight = _without_weight_zero(X, sample_weight)
    policy.architecture.check_init(policy.init)
    moments = _checked_moments(X, sample_weight, policy)
    scaling = policy.scaling(moments, X, policy.loss)
    if policy.table is not None:
        scaling = table_scaling(policy.table, moments, scaling)
    rows = Rows(X, scaling, policy.device, tensor_dtype(policy.precision))
    weight = _weight_tensor(sample_weight, rows)
    policy = _with_table_loss(policy, rows, weight, scaling)
    linear_part = LinearPart(rows, seeds.weights)
    incomplete = takes_missing or moments.known_fraction < 1 or policy.kind.makes_missing()
    if incomplete and gaussian is None:
        gaussian = linear_part.gaussian(weight)
    rank = None if gaussian is None else gaussian.factor.shape[1]
    axes, n_components = _axes_and_size(policy, linear_part, weight, gaussian)
    spec = _checked_spec(policy, scaling, n_components, rank, head, len(rows))
    network = first_network(spec, linear_part, moments, weight, axes, gaussian)
    spec = _with_output_units(spec, network, moments)
    return Prepared(
        policy=policy,
        X=X,
        rows=rows,
        sample_weight=weight,
        spec=_with_precision(spec, policy, len(rows), network.work.in_all),
        network=network,
        mean=moments.mean,
        seeds=seeds,
        start_counts=spec.linear_path,
        linear_part=linear_part,
        moments=moments,
        gaussian=gaussian,
        repelled=_scaled_rows(repelled, rows, scaling),
    )


def prepare_again(
    X: Matrix,
    policy: FitPolicy,
    random_state: Any,
    fitted: FittedNetwork,
    mean: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    repelled: Matrix | None = None,
) -> Prepared:
    """Return a prepared fit that continues from a fitted network, with its scaling and parts.

    Parameters
    ----------
    X, policy, random_state, sample_weight, repelled
        As in :func:`prepare`.

    fitted : FittedNetwork
        The network of the earlier fit.

    mean : ndarray of shape (n_features,)
        Mean of the training rows of the earlier fit.
    """
    seeds = Seeds.drawn(random_state)
    X, sample_weight = _without_weight_zero(X, sample_weight)
    rows = Rows(X, fitted.scaling, policy.device, tensor_dtype(policy.precision))
    spec = continued_spec(policy, fitted)
    network = network_with(spec, fitted.weights, policy.device)
    return Prepared(
        policy=policy,
        X=X,
        rows=rows,
        sample_weight=_weight_tensor(sample_weight, rows),
        spec=_with_precision(spec, policy, len(rows), network.work.in_all),
        network=network,
        mean=mean,
        seeds=seeds,
        start_counts=True,
        linear_part=LinearPart(rows, seeds.weights),
        repelled=_scaled_rows(repelled, rows, fitted.scaling),
    )


def _without_weight_zero(
    X: Matrix, sample_weight: np.ndarray | None
) -> tuple[Matrix, np.ndarray | None]:
    if sample_weight is None or sample_weight.all():
        return X, sample_weight
    kept = np.flatnonzero(sample_weight)
    return rows_at(X, kept), sample_weight[kept]


def _with_table_loss(
    policy: FitPolicy, rows: Rows, weight: torch.Tensor, scaling: Scaling
) -> FitPolicy:
    """Return the policy with the loss of its table, if it has one."""
    if policy.table is None:
        return policy
    loss = table_loss(policy.table, policy.loss, policy.column_losses, rows, weight, scaling)
    return replace(policy, loss=loss)


def _checked_moments(X: Matrix, sample_weight: np.ndarray | None, policy: FitPolicy) -> Moments:
    moments = Moments.of(X, sample_weight)
    if policy.table is None:
        policy.loss.check(moments.minimum, moments.maximum)
    if tensor_dtype(policy.precision) == torch.float32:
        warn_of_lost_digits(X, moments)
    return moments


def _weight_tensor(sample_weight: np.ndarray | None, rows: Rows) -> torch.Tensor:
    if sample_weight is None:
        return torch.ones(len(rows), dtype=rows.dtype, device=rows.device)
    return torch.from_numpy(sample_weight).to(rows.dtype).to(rows.device)


def _axes_and_size(
    policy: FitPolicy,
    linear_part: LinearPart,
    weight: torch.Tensor,
    gaussian: NormalDistribution | None,
) -> tuple[PrincipalAxes | None, int]:
    """Return the principal axes, if they are needed, and the size of the code."""
    wanted: Any = policy.n_components
    axes = None
    if wanted == "filling rank":
        assert gaussian is not None  # the estimators that ask for it take missing values
        wanted = gaussian.factor.shape[1]
    if policy.init == "pca" or not isinstance(wanted, Integral):
        axes = linear_part.principal_axes(wanted, weight, gaussian)
    n_features = linear_part.rows.shape[1]
    return axes, resolve_n_components(wanted, axes, n_features, policy.kind)


def _checked_spec(
    policy: FitPolicy,
    scaling: Scaling,
    n_components: int,
    filling_rank: int | None,
    head: HeadPlan | None,
    n_rows: int,
) -> NetworkSpec:
    """Return the specification of the network; refuse parts that cannot be combined."""
    kind, architecture, n_features = policy.kind, policy.architecture, len(scaling.centre)
    shape = architecture.sample_shape(policy.sample_shape)
    takes_linear_path = kind.takes_linear_path(n_components, n_features)
    spec = NetworkSpec(
        kind=kind,
        architecture=architecture.resolved(shape, n_rows),
        loss=policy.loss,
        n_features=n_features,
        n_components=n_components,
        linear_path=policy.init == "pca" and takes_linear_path,
        scaling=scaling,
        precision=policy.precision,
        filling_rank=filling_rank,
        head=head,
        sample_shape=policy.sample_shape if len(policy.sample_shape) > 1 else None,
    )
    check_kind(kind, spec.setting(policy.weight_decay))
    return spec


def _with_output_units(
    spec: NetworkSpec, network: AutoencoderNetwork, moments: Moments
) -> NetworkSpec:
    """Tell specification and network whether the decoder's output is in the units of `X`.

    It is if the decoder ends in a function such as a sigmoid, whose values could not reach rows
    in the centred units of the network.
    """
    found = output_bounds(network, of_user=spec.architecture.draws_globally)
    if found is None:
        return spec
    if not _contains(found, moments):
        remedy = (
            f"The decoder ends in {found.name}, whose outputs lie between {found.low:g} and "
            f"{found.high:g}, but the entries of X range from {moments.minimum:g} to "
            f"{moments.maximum:g}: rescale X, for example with sklearn.preprocessing.MinMaxScaler, "
            f"or let the decoder end in a linear layer."
        )
        if found.certain:
            raise ValueError(remedy)
        warnings.warn(remedy, UserWarning, stacklevel=2)
        return spec
    try:
        spec.loss.check(found.low, found.high)
    except ValueError:
        raise ValueError(
            f"The decoder ends in {found.name}, whose outputs lie between {found.low:g} and "
            f"{found.high:g}, but loss={spec.loss!r} does not take all of them: let it end in "
            f"nn.Sigmoid() or in a linear layer."
        ) from None
    network.bounded_output = True
    return replace(spec, bounded_output=True)


def _contains(found: OutputBounds, moments: Moments) -> bool:
    """Return whether all entries lie between the bounds, but for rounding."""
    rounding = _ROUNDING * max(1.0, abs(moments.minimum), abs(moments.maximum))
    return found.low - rounding <= moments.minimum and moments.maximum <= found.high + rounding


def _with_precision(spec: NetworkSpec, policy: FitPolicy, n_rows: int, work: int) -> NetworkSpec:
    """Return the specification with the precision for the multiplications of a batch."""
    automatic = policy.rules.batch_size(n_rows, spec.n_features)
    work *= auto_or(policy.batch_size, automatic)
    return replace(spec, precision=resolve_precision(policy.precision, policy.device, work))


def _scaled_rows(X: Matrix | None, rows: Rows, scaling: Scaling) -> torch.Tensor | None:
    """Return further rows as a scaled tensor on the device of the others."""
    if X is None or not X.shape[0]:
        return None
    more = Rows(X, scaling, rows.device, rows.dtype)
    return more.take(torch.arange(len(more), device=rows.device))
