"""The rules for the scaling in front of a network, from the moments of `X`, `X` and the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skae._data.matrix import Matrix
from skae._data.moments import Moments, robust_scaling
from skae._data.scaling import Scaling
from skae.losses import Loss

ScalingRule = Callable[[Moments, Any, Loss], Scaling]


def one_scale(moments: Moments, X: Matrix, loss: Loss) -> Scaling:
    """Centre features, and divide all of them by one number."""
    return moments.scaling(rescales=loss.rescales)


def one_scale_within_limits(moments: Moments, X: Matrix, loss: Loss) -> Scaling:
    """Scale as :func:`one_scale`, and cut off values that squares of would overflow."""
    return moments.scaling(rescales=loss.rescales, limited=True)


def own_scales(moments: Moments, X: Matrix, loss: Loss) -> Scaling:
    """Centre features, divide each by its standard deviation, and cut off as above."""
    return moments.scaling(rescales=loss.rescales, each=True, limited=True)


def robust_scales(moments: Moments, X: Matrix, loss: Loss) -> Scaling:
    """Subtract medians and divide by interquartile ranges, unless the loss takes `X` as it is."""
    return robust_scaling(X, moments) if loss.rescales else own_scales(moments, X, loss)
