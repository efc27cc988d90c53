"""Attributes of each fitted estimator: their types, and the relations between them."""

from __future__ import annotations

import math
from functools import partial
from numbers import Real
from types import GenericAlias
from typing import Any, Literal

import numpy as np
from sklearn.impute import MissingIndicator

from skae._calibration.calibration import Calibration
from skae._classification.teachers import Teachers
from skae._detection.ensemble import Ensemble
from skae._detection.stream import Stream
from skae._fitting.fit_policy import resolve_parts
from skae._generation.code_density import CodeDensity
from skae._imputation.imputation import Imputation
from skae._network.fitted_network import FittedNetwork
from skae._persistence.checks import ABOVE_ZERO, SIZE, Array, check_values, matches
from skae._persistence.networks import check_numbers, check_optimizer_state, checked_network
from skae._training.optimizer import resolve_optimizer
from skae._utils.sklearn_private import validate_parameters
from skae.architectures import Architecture
from skae.columns import TableColumns
from skae.kinds import Kind
from skae.scores import Score
from skae.scores.row_index import RowIndex
from skae.scores.scatter import Scatter

_FLOATS = Array()
_COLUMNS = {"epoch", "train_loss", "valid_loss", "learning_rate", "seconds"}
_MOST_COLUMNS = 1000
# Types by name, in the state that is pickled and saved: tables are dictionaries of arrays there.
_COMMON = {
    "n_features_in_": SIZE,
    "sample_shape_": GenericAlias(tuple, (SIZE, ...)),
    "n_components_": SIZE,
    "kind_": Kind,
    "architecture_": Architecture,
    "batch_size_": SIZE,
    "learning_rate_": ABOVE_ZERO,
    "n_epochs_": int,
    "device_": str,
    "precision_": Literal["float32", "float64", "bfloat16"],
    "history_": GenericAlias(dict, (str, Array("fiu", finite=False))),
}
_MOMENTS = {"mean_": _FLOATS, "scale_": float | np.ndarray}
_ONE_NETWORK = {
    **_COMMON,
    **_MOMENTS,
    "_fitted": FittedNetwork,
    "_n_features_out": SIZE,
    "best_epoch_": int,
    "loss_": Real,
    "_optimizer_state": dict | None,
    "_code_density": CodeDensity,
    "_of_kind": list[str],
}
ATTRIBUTES: dict[str, dict] = {
    "AutoencoderTransformer": _ONE_NETWORK,
    "AutoencoderClassifier": {**_ONE_NETWORK, "classes_": Array("fiubOU")},
    "AutoencoderOutlierDetector": {
        **_COMMON,
        "_ensemble": Ensemble,
        "_calibration": Calibration,
        "_training_scores": _FLOATS,
        "calibration_scores_": _FLOATS,
        "offset_": float,
        "scoring_": Score,
    },
    "AutoencoderImputer": {
        **_COMMON,
        **_MOMENTS,
        "_bounds": GenericAlias(tuple, (Array(finite=False), ...)),
        "_draws_seed": int,
        "_imputation": Imputation,
        "_kept": Array("b"),
        "indicator_": MissingIndicator | None,
    },
    "AutoencoderRecommender": {
        **_COMMON,
        **_MOMENTS,
        "_imputation": Imputation,
        "_known": dict,
        "biases_": _FLOATS,
        "rating_range_": tuple[float, ...],
    },
}
# Attributes that only some fits set.
OPTIONAL = {
    "feature_names_in_": Array("OU"),
    "explained_variance_ratio_": _FLOATS,
    "_sklearn_output_config": dict,
    "_row_offsets": _FLOATS,
    "n_samples_seen_": ABOVE_ZERO,
    "user_names_in_": Array("OUi"),
    "item_names_in_": Array("OUi"),
    "_teachers": Teachers | None,  # files of 0.1.0 have none
    "_stream": Stream,
    "_optimizer_states": list[dict | None],
    "_threshold_asked": dict[str, float],
    "columns_": TableColumns | None,
}


def names_of(estimator: Any) -> set[str]:
    """Return the names of the attributes that a file holds of an estimator."""
    of_kind = getattr(estimator, "_of_kind", ())
    return {*ATTRIBUTES[estimator._stored_as], *OPTIONAL, *of_kind}


def check_state(name: str, state: dict) -> None:
    """Refuse attributes that no fit of the estimator sets.

    Parameters
    ----------
    name : str
        Name of the estimator in files.

    state : dict of str to object
        Its attributes as they are pickled.

    Raises
    ------
    ValueError
        If an attribute is missing, unknown, or of another type.
    """
    optional = {n: hint for n, hint in OPTIONAL.items() if n in state}
    of_kind = set(state.get("_of_kind") or ()) - set(optional)
    known = {n: value for n, value in state.items() if n not in of_kind}
    check_values(known, {**ATTRIBUTES[name], **optional}, name)
    _check_history(state["history_"])
    if "_known" in state:
        _check_ratings(**state["_known"])
    if not all(type(one) is str for one in state.get("feature_names_in_", ())):
        raise ValueError("feature_names_in_ must be strings.")
    output = state.get("_sklearn_output_config", {})
    if output not in ({}, *({"transform": name} for name in ("default", "pandas", "polars"))):
        raise ValueError("_sklearn_output_config must be one that set_output leaves.")


def _check_history(history: dict) -> None:
    lengths = {len(column) for column in history.values()}
    if not set(history) >= _COLUMNS or len(history) > _MOST_COLUMNS:
        raise ValueError(f"history_ must have the columns {sorted(_COLUMNS)}.")
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError("history_ must have a row for each epoch.")


def _check_ratings(data: Any, indices: Any, indptr: Any, shape: Any) -> None:
    # Checked here, since scipy's compiled code reads out of bounds for invalid indices.
    places = all(Array("i").matches(values) for values in (indices, indptr))
    integers = {indices.dtype, indptr.dtype} <= {np.dtype(np.int32), np.dtype(np.int64)}
    two = matches(shape, tuple[int, ...]) and len(shape) == 2
    sound = places and integers and two and _FLOATS.matches(data)
    if sound and len(indptr) == shape[0] + 1 and indptr[0] == 0:
        sound = indptr[-1] == len(data) == len(indices) and (np.diff(indptr) >= 0).all()
        inside = not len(indices) or 0 <= indices.min() <= indices.max() < shape[1]
        if sound and inside:
            return
    raise ValueError("_known must be a sparse matrix of finite floats whose rows add up.")


def check_estimator(estimator: Any) -> None:
    """Refuse a fitted estimator whose parameters and attributes are inconsistent.

    Parameters
    ----------
    estimator : BaseAutoencoder
        With its parameters and its attributes, which :func:`check_state` has accepted.

    Raises
    ------
    ValueError
        In a sentence that names the attribute.
    """
    validate_parameters(estimator)
    resolve_parts(estimator)
    optimizer = resolve_optimizer(estimator.optimizer, estimator.optimizer_params)
    networks = estimator._fitted_networks()
    empty = [checked_network(network) for network in networks]
    _check_networks(estimator, networks)
    _SPECIAL[estimator._stored_as](estimator, networks)
    if hasattr(estimator, "_optimizer_state"):
        check_optimizer_state(estimator._optimizer_state, empty[0], optimizer)
    for state, network in zip(getattr(estimator, "_optimizer_states", ()), empty, strict=False):
        check_optimizer_state(state, network, optimizer)


def _require(message: str, **conditions: object) -> None:
    """Refuse attributes by name unless their conditions hold."""
    for name, holds in conditions.items():
        if not holds:
            raise ValueError(f"{name} {message}")


_of_networks = partial(_require, "is not that of the networks.")


def _n_features(estimator: Any) -> int:
    """Return the number of features of the rows that the networks get."""
    table = estimator.columns_
    if table is None:
        return math.prod(estimator.sample_shape_)
    _require(
        "is not that of the columns.", sample_shape_=estimator.sample_shape_ == (table.n_columns,)
    )
    return table.n_features


def _check_networks(estimator: Any, networks: list[FittedNetwork]) -> None:
    """Refuse attributes and networks of different sizes."""
    n_features = _n_features(estimator)
    scale = np.asarray(getattr(estimator, "scale_", 1.0), dtype=float)
    _of_networks(
        sample_shape_=all(network.n_features == n_features for network in networks),
        n_components_=all(n.n_components == estimator.n_components_ for n in networks),
        mean_=len(getattr(estimator, "mean_", networks[0].scaling.centre)) == n_features,
        biases_=len(getattr(estimator, "biases_", networks[0].scaling.centre)) == n_features,
        scale_=scale.shape in ((), (n_features,))
        and Array(ndim=scale.ndim, positive=True).matches(scale),
        filling_rank=len({network.spec.filling_rank is None for network in networks}) == 1,
    )


def _of_one_network(estimator: Any, networks: list[FittedNetwork]) -> None:
    network, codes = networks[0], estimator._code_density.codes
    _of_networks(
        n_features_in_=estimator.n_features_in_ == math.prod(estimator.sample_shape_),
        _n_features_out=estimator._n_features_out == network.n_components,
        _code_density=len(codes) and codes.shape[1:] == (network.n_components,),
    )
    for name in estimator._of_kind:
        if not name.endswith("_") or name.startswith("_") or hasattr(type(estimator), name):
            raise ValueError(f"{name[:99]!r} is not a valid name for an attribute of a kind.")


def _of_transformer(estimator: Any, networks: list[FittedNetwork]) -> None:
    _require("belongs to classifiers only.", _teachers=not hasattr(estimator, "_teachers"))
    _of_one_network(estimator, networks)
    _check_no_head(networks)


def _of_classifier(estimator: Any, networks: list[FittedNetwork]) -> None:
    _of_one_network(estimator, networks)
    head = networks[0].spec.head
    n_classes, teachers = len(estimator.classes_), estimator._teachers
    _of_networks(
        classes_=head is not None and head.n_classes == n_classes,
        _teachers=teachers is None
        or teachers.coefficients.shape == (networks[0].n_features, n_classes),
    )


def _of_detector(estimator: Any, networks: list[FittedNetwork]) -> None:
    n_features = _n_features(estimator)
    named = [member for group in estimator._calibration.groups for member in group.members]
    _of_networks(
        n_features_in_=estimator.n_features_in_ == math.prod(estimator.sample_shape_),
        _calibration=max(named) < len(networks),
    )
    _check_no_head(networks)
    stream = getattr(estimator, "_stream", Stream.empty(n_features))
    kept = (stream.training, stream.calibration, stream.anomalies)
    _of_networks(
        _stream=all(rows.shape[1:] == (n_features,) for rows in kept),
        _optimizer_states=len(getattr(estimator, "_optimizer_states", ())) <= len(networks),
    )
    scale = estimator._ensemble.missing_scale
    _of_networks(missing_scale=scale is None or len(scale.location) == n_features + 1)
    for member in estimator._ensemble.members:
        ranges = member.ranges
        _of_networks(ranges=ranges is None or len(ranges.low) == n_features)
        member.score.check(member.network.spec.kind)
        check_numbers(member.score)
        _check_score(member.score, member.network)


def _check_score(score: Score, network: FittedNetwork) -> None:
    """Refuse a score that was not fitted, or was fitted to rows or codes of other sizes."""
    sizes = {"features": network.n_features, "code": network.n_components}
    for name, columns in score.scatters.items():
        scatter = vars(score).get(name)
        good = isinstance(scatter, Scatter) and len(scatter.mean) == sizes[columns]
        _require(f"of {score!r} must have {sizes[columns]} columns.", **{name: good})
    for name in score.indices:
        index = vars(score).get(name)
        good = isinstance(index, RowIndex) and index.rows.shape[1] == network.n_features
        _require(f"of {score!r} must have {network.n_features} columns.", **{name: good})


def _of_imputer(estimator: Any, networks: list[FittedNetwork]) -> None:
    _check_imputation(networks)
    n_features, indicator = networks[0].n_features, estimator.indicator_
    low, high = estimator._bounds
    ratio, bootstrap = estimator._imputation.error_ratio, estimator._imputation.bootstrap
    n_given = _n_features(estimator) if estimator.columns_ else estimator.n_features_in_
    n_kept = estimator._kept.sum() if len(estimator._kept) == n_given else 0
    _of_networks(
        _kept=n_kept == n_features,
        indicator_=indicator is None or indicator.n_features_in_ == estimator.n_features_in_,
        _bounds=low.shape == high.shape == (n_features,) and (low <= high).all(),
        error_ratio=_FLOATS.matches(ratio) and len(ratio) == n_features,
        bootstrap=bootstrap is None or bootstrap.mean.shape[1] == n_features,
    )


def _of_recommender(estimator: Any, networks: list[FittedNetwork]) -> None:
    if estimator.feedback == "explicit":
        _check_imputation(networks)
    n_users, n_items = estimator._known.shape
    low, high = estimator.rating_range_
    names = {"user_names_in_": n_users, "item_names_in_": n_items, "_row_offsets": n_items}
    _of_networks(
        **{name: len(getattr(estimator, name, range(n))) == n for name, n in names.items()},
        n_features_in_=estimator.n_features_in_ == n_items,
        _known=networks[0].n_features == (n_items if estimator.by == "user" else n_users),
        rating_range_=low <= high,
    )


def _check_imputation(networks: list[FittedNetwork]) -> None:
    _check_no_head(networks)
    _of_networks(filling_rank=all(network.spec.filling_rank is not None for network in networks))


def _check_no_head(networks: list[FittedNetwork]) -> None:
    _require("belongs to classifiers only.", head=all(n.spec.head is None for n in networks))


_SPECIAL = {
    "AutoencoderTransformer": _of_transformer,
    "AutoencoderClassifier": _of_classifier,
    "AutoencoderOutlierDetector": _of_detector,
    "AutoencoderImputer": _of_imputer,
    "AutoencoderRecommender": _of_recommender,
}
