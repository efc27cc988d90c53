"""Records: classes of fitted values, which a file holds by their fields.

Fields and their types are the arguments of the constructor and their annotations. This module holds
the conditions on the fields of a record.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import cache
from typing import Any, get_type_hints

import numpy as np

from skae._calibration.calibration import Calibration, HeldOut
from skae._classification.teachers import Teachers
from skae._data.scaling import Scaling
from skae._detection.ensemble import Ensemble, Member
from skae._detection.missing_scale import MissingScale
from skae._detection.ranges import Ranges
from skae._detection.stream import Stream
from skae._generation.code_density import CodeDensity
from skae._imputation.bootstrap import Bootstrap
from skae._imputation.imputation import Imputation
from skae._network.fitted_network import FittedNetwork
from skae._network.head import HeadPlan
from skae._network.network_spec import NetworkSpec
from skae._persistence.checks import (
    ABOVE_ZERO,
    Array,
    check_values,
    fillable,
    matches,
    require,
)
from skae.scores.row_index import RowIndex
from skae.scores.scatter import Scatter

_CLASSES = (
    *(Bootstrap, Calibration, CodeDensity, Ensemble, FittedNetwork, HeadPlan, HeldOut),
    *(Imputation, Member, MissingScale, NetworkSpec, Ranges, RowIndex, Scaling, Scatter),
    *(Stream, Teachers),
)
RECORDS: dict[str, type] = {cls.__name__: cls for cls in _CLASSES}


@cache
def fields_of(cls: Any) -> dict[str, object]:
    """Return the type hints of the fields of a record."""
    hints = get_type_hints(cls if is_dataclass(cls) else cls.__init__)
    return {name: hints[name] for name in inspect.signature(cls).parameters}


def built(cls: type, fields: dict) -> Any:
    """Return a record of these fields.

    Raises
    ------
    ValueError
        If a field is missing or unknown, or has an invalid value.
    """
    check_values(fields, fields_of(cls), cls.__name__)
    if cls in _RELATIONS:
        _RELATIONS[cls](**fields)
    return cls(**fields)


def _check_scaling(centre: Any, scale: Any, limit: Any) -> None:
    require(Array().matches(centre), "centre of Scaling", "finite floats", centre)
    each = Array(positive=True).matches(scale) and scale.shape == centre.shape
    one = matches(scale, ABOVE_ZERO) and scale < np.inf
    require(one or each, "scale of Scaling", "above zero, and one or one per feature", scale)
    require(limit > 0, "limit of Scaling", "above zero", limit)


def _check_scatter(mean: Any, axes: Any, eigenvalues: Any, rest: Any) -> None:
    of_float64 = {values.dtype for values in (mean, axes, eigenvalues)} == {np.dtype(np.float64)}
    shaped = axes.shape == (mean.size, eigenvalues.size)
    finite = Array().matches(mean) and Array(ndim=2).matches(axes)
    require(of_float64 and shaped and finite, "axes of Scatter", "those of its mean", axes)
    good = Array(positive=True).matches(eigenvalues) and 0 < rest < np.inf
    require(good, "eigenvalues of Scatter", "finite and above zero", (eigenvalues, rest))


def _check_density(codes: Any) -> None:
    require(Array(ndim=2).matches(codes), "codes of CodeDensity", "rows of finite floats", codes)


def _check_held_out(members: Any, scores: Any, weights: Any = None) -> None:
    ascending = Array().matches(scores) and scores.size and (np.diff(scores) >= 0).all()
    require(ascending and members, "scores of HeldOut", "finite floats in ascending order", scores)
    one_each = weights is None or (
        Array(positive=True).matches(weights) and weights.shape == scores.shape
    )
    require(one_each, "weights of HeldOut", "one above zero for each score", weights)


def _check_stream(
    training: Any,
    calibration: Any,
    anomalies: Any,
    n_seen: Any,
    earlier_scores: Any,
    after_fit: Any,
    n_waiting: Any,
) -> None:
    rows = (training, calibration, anomalies)
    floats = all(Array(ndim=2, finite=False).matches(part) for part in rows)
    finite = floats and all(not np.isinf(part).any() for part in rows)
    require(finite, "rows of Stream", "floats that are finite or NaN", rows)
    ascending = Array().matches(earlier_scores) and (np.diff(earlier_scores) >= 0).all()
    require(ascending, "earlier_scores of Stream", "finite and ascending", earlier_scores)


def _check_missing_scale(location: Any, above: Any, below: Any, root: Any, lowest: Any) -> None:
    shaped = Array().matches(location) and location.shape == above.shape == below.shape
    good = all(Array(positive=True).matches(factor) for factor in (above, below))
    require(shaped and good, "above of MissingScale", "above zero, as many as location", above)
    of_float64 = {values.dtype for values in (location, above, below)} == {np.dtype(np.float64)}
    require(of_float64, "location of MissingScale", "float64", location)
    require(np.isfinite(lowest), "lowest of MissingScale", "finite", lowest)


def _check_member(network: Any, score: Any, baselines: Any, ranges: Any, unit: Any) -> None:
    if baselines is not None:
        good = Array(ndim=2).matches(baselines) and len(baselines)
        good = good and baselines.shape[1:] == network.spec.scaling.centre.shape
        require(good, "baselines of Member", "finite rows of its network", baselines)
    require(0 < unit < np.inf, "unit of Member", "finite and above zero", unit)


def _check_row_index(rows: Any) -> None:
    known = Array(ndim=2, finite=False).matches(rows) and not np.isinf(rows).any()
    require(known and rows.size, "rows of RowIndex", "rows of finite floats, or NaN", rows)


def _check_ranges(low: Any, high: Any, size: Any) -> None:
    floats = all(Array(finite=False).matches(values) for values in (low, high))
    of_float64 = floats and {low.dtype, high.dtype} == {np.dtype(np.float64)}
    ordered = of_float64 and low.shape == high.shape and (low <= high).all()
    require(ordered, "low of Ranges", "float64 and at most high", low)
    require(0 < size < np.inf, "size of Ranges", "finite and above zero", size)


def _check_bootstrap(
    mean: Any, deviation: Any, factor: Any, noise: Any, ratio: Any, shrinkage: Any
) -> None:
    floats = all(Array(ndim=2).matches(values) for values in (mean, deviation, factor[..., 0]))
    shaped = {mean.shape, deviation.shape, factor.shape[:2]} == {
        (len(noise), mean.shape[1] if floats else 0)
    }
    same = {mean.dtype, deviation.dtype, factor.dtype} == {np.dtype(np.float32)}
    fits = floats and shaped and same and factor.ndim == 3 and factor.size and len(noise)
    require(fits, "factor of Bootstrap", "that of its mean", factor)
    require(fillable(factor, noise), "factor of Bootstrap", "within range", factor)
    good = Array(positive=True).matches(ratio) and len(ratio) == len(noise)
    require(good, "ratio of Bootstrap", "one above zero for each distribution", ratio)
    require(
        Array(ndim=2, positive=True).matches(deviation),
        "deviation of Bootstrap",
        "above zero",
        deviation,
    )
    require(0 < shrinkage <= 1, "shrinkage of Bootstrap", "in (0, 1]", shrinkage)


def _check_teachers(**fields: Any) -> None:
    for name in ("coefficients", "references"):
        require(Array(ndim=2).matches(fields[name]), f"{name} of Teachers", "rows", fields[name])
    n_features, n_classes = fields["coefficients"].shape
    n_references, n_axes = fields["references"].shape
    sizes, network_weight = fields["sizes"], fields["network_weight"]
    shapes = {
        "intercept": (n_classes,),
        "axes": (n_features, n_axes),
        "origin": (n_axes,),
        "spread": (len(sizes), n_references, n_classes),
        "weights": (1 + len(sizes),),
        "class_weight": (n_classes,),
    }
    arrays = {name: value for name, value in fields.items() if isinstance(value, np.ndarray)}
    for name, value in arrays.items():
        shape = shapes.get(name, value.shape)
        good = value.dtype == np.float32 and value.shape == shape and np.isfinite(value).all()
        require(good, f"{name} of Teachers", f"finite, float32, of the shape {shape}", value)
    ascending = list(sizes) == sorted(set(sizes)) and set(sizes) <= set(range(1, n_axes + 1))
    require(ascending, "sizes of Teachers", f"ascending, up to {n_axes}", sizes)
    require(n_references, "references of Teachers", "one row or more", fields["references"])
    for name in ("spread", "weights", "class_weight"):
        require((fields[name] >= 0).all(), f"{name} of Teachers", "at least 0", fields[name])
    require(0 <= network_weight <= 1, "network_weight of Teachers", "in [0, 1]", network_weight)


_RELATIONS: dict[type, Callable[..., None]] = {
    Bootstrap: _check_bootstrap,
    Member: _check_member,
    Scaling: _check_scaling,
    Scatter: _check_scatter,
    CodeDensity: _check_density,
    HeldOut: _check_held_out,
    Teachers: _check_teachers,
    Stream: _check_stream,
    MissingScale: _check_missing_scale,
    Ranges: _check_ranges,
    RowIndex: _check_row_index,
}
