"""What a network starts as: its parts, and its first weights."""

from __future__ import annotations

from skae.architectures import ARCHITECTURES, Architecture
from skae.base.named_parts import resolve_part
from skae.kinds import KINDS, Kind
from skae.losses import LOSSES, FunctionLoss, Loss
from skae.training.network import AutoencoderNetwork
from skae.training.principal_axes import PrincipalAxes

# Standard deviations below this share of the data's are those of rounding; codes along such
# axes are not blown up to unit variance.
_SMALLEST_SCALE = 1e-3
# What PCA leaves over counts as at least this share of the data.
_SMALLEST_RESIDUAL = 1e-5


def resolve_parts(estimator) -> dict:
    """Return the kind, the architecture and the loss that the parameters stand for."""
    loss = estimator.loss
    if callable(loss) and not isinstance(loss, Loss | type):
        loss = FunctionLoss(loss)
    return {
        "kind": resolve_part(estimator.kind, "kind", KINDS, Kind),
        "architecture": resolve_part(
            estimator.architecture, "architecture", ARCHITECTURES, Architecture
        ),
        "loss": resolve_part(loss, "loss", LOSSES, Loss),
    }


def start_at_pca(network: AutoencoderNetwork, found: PrincipalAxes) -> None:
    """Set the linear path to the principal axes; axes that do not exist are left at zero."""
    n_components, n_features = network.n_components, network.n_features
    n_found = min(n_components, len(found.axes))
    axes = found.axes.new_zeros(n_components, n_features)
    axes[:n_found] = found.axes[:n_found]
    deviation = (found.total / n_features) ** 0.5 or 1.0
    scales = found.axes.new_full((n_components,), deviation)
    smallest = _SMALLEST_SCALE * deviation
    scales[:n_found] = found.variances[:n_found].sqrt().clamp_min(smallest)
    left_over = max(found.total - float(found.variances[:n_found].sum()), 0.0)
    residual_scale = max((left_over / n_features) ** 0.5, _SMALLEST_RESIDUAL * deviation)
    network.set_linear_path(axes, scales, found.mean, residual_scale)
