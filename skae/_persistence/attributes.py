"""Attributes of each fitted estimator: their types, and what must hold between them."""

from __future__ import annotations

import math
from numbers import Real
from typing import Literal

import numpy as np
from sklearn.impute import MissingIndicator

from skae._detection.calibration import Calibration
from skae._detection.ensemble import Ensemble
from skae._fitting.start import resolve_parts
from skae._generation.code_density import CodeDensity
from skae._imputation.imputation import Imputation
from skae._network.fitted_network import FittedNetwork
from skae._persistence.checks import ABOVE_ZERO, SIZE, Array, check_values
from skae._persistence.networks import check_numbers, check_optimizer_state, checked_network
from skae._training.optimizer import resolve_optimizer
from skae._utils.sklearn_private import validate_parameters
from skae.architectures import Architecture
from skae.kinds import Kind
from skae.scores import Score
from skae.scores.scatter import Scatter

_FLOATS = Array()
_COLUMNS = {"epoch", "train_loss", "valid_loss", "learning_rate", "seconds"}
_MOST_COLUMNS = 1000
# Types by name, in the state that is pickled and saved: tables are dictionaries of arrays there.
_COMMON = {
    "n_features_in_": SIZE,
    "sample_shape_": tuple[SIZE, ...],
    "n_components_": SIZE,
    "kind_": Kind,
    "architecture_": Architecture,
    "batch_size_": SIZE,
    "learning_rate_": ABOVE_ZERO,
    "n_epochs_": int,
    "device_": str,
    "precision_": Literal["float32", "float64", "bfloat16"],
    "history_": dict[str, Array("fiu", finite=False)],
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
        "_bounds": tuple[Array(finite=False), ...],
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
# Attributes that some fits leave and others do not.
OPTIONAL = {
    "feature_names_in_": Array("OU"),
    "explained_variance_ratio_": _FLOATS,
    "_sklearn_output_config": dict,
}


def names_of(estimator) -> set[str]:
    """Return the names of the attributes that a file holds of an estimator."""
    of_kind = getattr(estimator, "_of_kind", ())
    return {*ATTRIBUTES[estimator._stored_as], *OPTIONAL, *of_kind}


def check_state(name: str, state: dict) -> None:
    """Refuse attributes that a fit of an estimator does not leave.

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


def _check_ratings(data, indices, indptr, shape) -> None:
    # Checked before scipy does, whose own check of places is in compiled code that trusts them.
    places = all(Array("i").matches(values) for values in (indices, indptr))
    sizes = type(shape) is tuple and len(shape) == 2 and all(type(n) is int for n in shape)
    if not (places and sizes and _FLOATS.matches(data)):
        raise ValueError("The ratings must be a sparse matrix of finite floats.")
    if {indices.dtype, indptr.dtype} - {np.dtype(np.int32), np.dtype(np.int64)}:
        raise ValueError("The places of the ratings must be integers of 32 or 64 bits.")
    if len(indptr) != shape[0] + 1 or indptr[0] != 0 or indptr[-1] != len(data):
        raise ValueError("The rows of the ratings do not add up.")
    if len(indices) != len(data) or (np.diff(indptr) < 0).any():
        raise ValueError("The rows of the ratings do not add up.")
    if len(indices) and not (indices.min() >= 0 and indices.max() < shape[1]):
        raise ValueError("The ratings must not be outside of their columns.")


def check_estimator(estimator) -> None:
    """Refuse a fitted estimator whose parameters and attributes do not go together.

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
    optimizer = resolve_optimizer(estimator.optimizer)
    networks = estimator._fitted_networks()
    empty = [checked_network(network) for network in networks]
    _check_networks(estimator, networks)
    _SPECIAL[estimator._stored_as](estimator, networks)
    if hasattr(estimator, "_optimizer_state"):
        check_optimizer_state(estimator._optimizer_state, empty[0], optimizer)


def _check_networks(estimator, networks: list[FittedNetwork]) -> None:
    """Refuse networks of other sizes than the estimator's."""
    n_features = math.prod(estimator.sample_shape_)
    for network in networks:
        if network.n_features != n_features or network.n_components != estimator.n_components_:
            raise ValueError(
                f"The networks have {network.n_features} features and codes of "
                f"{network.n_components} values, the estimator {n_features} and "
                f"{estimator.n_components_}."
            )
    for name in ("mean_", "biases_"):
        _check_length(name, getattr(estimator, name, None), n_features)
    scale = getattr(estimator, "scale_", 1.0)
    _check_length("scale_", scale if np.ndim(scale) else None, n_features)
    if not (np.isfinite(scale) & (np.asarray(scale) > 0)).all():
        raise ValueError("scale_ must be finite and above zero.")
    if len({network.filling_rank is None for network in networks}) > 1:
        raise ValueError("Either all networks or none must take missing values.")


def _check_length(name: str, values, length: int) -> None:
    if values is not None and len(values) != length:
        raise ValueError(f"{name} must have {length} entries, got {len(values)}.")


def _of_one_network(estimator, networks) -> None:
    network = networks[0]
    if estimator.n_features_in_ != network.n_features:
        raise ValueError("n_features_in_ is not that of the network.")
    if estimator._n_features_out != network.n_components:
        raise ValueError("_n_features_out is not that of the network.")
    if estimator._code_density.codes.shape[1:] != (network.n_components,):
        raise ValueError("The codes of the density are not those of the network.")
    if not len(estimator._code_density.codes):
        raise ValueError("The density has no codes.")
    for name in estimator._of_kind:
        if not name.endswith("_") or name.startswith("_") or hasattr(type(estimator), name):
            raise ValueError(f"{name[:99]!r} is no name for an attribute of a kind.")


def _of_transformer(estimator, networks) -> None:
    _of_one_network(estimator, networks)
    _check_no_head(networks[0])


def _of_classifier(estimator, networks) -> None:
    _of_one_network(estimator, networks)
    head = networks[0].head
    if head is None or head.n_classes != len(estimator.classes_):
        raise ValueError("The classes are not those of the network.")


def _of_detector(estimator, networks) -> None:
    if estimator.n_features_in_ != math.prod(estimator.sample_shape_):
        raise ValueError("n_features_in_ is not that of the networks.")
    for member in estimator._ensemble.members:
        member.score.check(member.network.kind)
        check_numbers(member.score)
        _check_score(member.score, member.network)
        _check_no_head(member.network)
    for group in estimator._calibration.groups:
        if max(group.members) >= len(networks):
            raise ValueError("The calibration names a network that the file does not hold.")


def _check_score(score: Score, network: FittedNetwork) -> None:
    """Refuse a score that was not fitted, or to rows or codes of other sizes."""
    sizes = {"features": network.n_features, "code": network.n_components}
    for name, columns in score.scatters.items():
        scatter = vars(score).get(name)
        if not isinstance(scatter, Scatter) or len(scatter.mean) != sizes[columns]:
            raise ValueError(f"{name} of {score!r} must have {sizes[columns]} columns.")


def _of_imputer(estimator, networks) -> None:
    _check_imputation(estimator, networks)
    n_features = networks[0].n_features
    if len(estimator._kept) != estimator.n_features_in_ or estimator._kept.sum() != n_features:
        raise ValueError("The features that are kept are not those of the networks.")
    indicator = estimator.indicator_
    if indicator is not None and indicator.n_features_in_ != estimator.n_features_in_:
        raise ValueError("The indicator is not that of the features of the imputer.")
    low, high = estimator._bounds
    if low.shape != (n_features,) or high.shape != (n_features,) or not (low <= high).all():
        raise ValueError("The bounds are not those of the features.")
    ratio = estimator._imputation.error_ratio
    if ratio is None or ratio.shape != (n_features,) or not _FLOATS.matches(ratio):
        raise ValueError("The ratios of errors are not those of the features.")


def _of_recommender(estimator, networks) -> None:
    _check_imputation(estimator, networks)
    n_users, n_items = estimator._known.shape
    n_shown = n_items if estimator.by == "user" else n_users
    low, high = estimator.rating_range_
    if n_items != estimator.n_features_in_ or n_shown != networks[0].n_features or low > high:
        raise ValueError("The ratings are not those of the networks.")


def _check_imputation(estimator, networks) -> None:
    for network in networks:
        _check_no_head(network)
        if network.filling_rank is None:
            raise ValueError("The networks of an imputer must take missing values.")
        if network.scaling.centre.shape != networks[0].scaling.centre.shape:
            raise ValueError("The networks of an imputer must have one scaling.")


def _check_no_head(network: FittedNetwork) -> None:
    if network.head is not None:
        raise ValueError("Only the network of a classifier has classes.")


_SPECIAL = {
    "AutoencoderTransformer": _of_transformer,
    "AutoencoderClassifier": _of_classifier,
    "AutoencoderOutlierDetector": _of_detector,
    "AutoencoderImputer": _of_imputer,
    "AutoencoderRecommender": _of_recommender,
}
