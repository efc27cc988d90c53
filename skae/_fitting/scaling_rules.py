"""Rules that choose how `X` is scaled before it enters the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skae._data.matrix import Matrix
from skae._data.moments import Moments, robust_scaling
from skae._data.scaling import Scaling
from skae.losses import Loss

ScalingRule = Callable[[Moments, Any, Loss], Scaling]


def one_scale(moments: Moments, X: Matrix, loss: Loss) -> Scaling:
    """Centre the features, and divide all of them by the same number."""
    return moments.scaling(rescales=loss.rescales)


def one_scale_within_limits(moments: Moments, X: Matrix, loss: Loss) -> Scaling:
    """Scale as :func:`one_scale`, and clip values whose squares would overflow."""
    return moments.scaling(rescales=loss.rescales, limited=True)


def own_scales(moments: Moments, X: Matrix, loss: Loss) -> Scaling:
    """Standardise each feature, and clip values whose squares would overflow."""
    return moments.scaling(rescales=loss.rescales, each=True, limited=True)


def robust_scales(moments: Moments, X: Matrix, loss: Loss) -> Scaling:
    """Subtract medians and divide by interquartile ranges, unless the loss takes `X` unscaled."""
    return robust_scaling(X, moments) if loss.rescales else own_scales(moments, X, loss)
