"""What each fitted estimator has, and what of it must go together."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import scipy.sparse as sp

from skae._detection.calibration import Calibration
from skae._detection.ensemble import Ensemble
from skae._fitting.fit_policy import resolve_parts
from skae._generation.code_density import CodeDensity
from skae._imputation.imputation import Imputation
from skae._network.fitted_network import FittedNetwork
from skae._persistence.checks import (
    Check,
    array,
    check_all,
    choice,
    either,
    finite,
    instance,
    integer,
    no_nan,
    number,
    sequence,
)
from skae._persistence.classes import FITTED_PARTS
from skae._persistence.networks import check_numbers, check_optimizer_state, checked_network
from skae._training.optimizer import resolve_optimizer
from skae._utils.sklearn_private import validate_parameters
from skae.architectures import Architecture
from skae.kinds import Kind
from skae.scores import Latent, Score

_HISTORY = ("epoch", "train_loss", "valid_loss", "learning_rate", "seconds")


def _is_history(value, sizes) -> None:
    columns = list(value.columns) if isinstance(value, pd.DataFrame) else []
    numeric = all(dtype.kind in "fiu" for dtype in value.dtypes) if columns else False
    if not numeric or len(value) == 0 or not set(_HISTORY) <= set(columns):
        raise ValueError("must be a table of numbers with the columns of a history.")


def _is_names(value, sizes) -> None:
    array("OU", "n_features_in")(value, sizes)
    if not all(isinstance(name, str) for name in value):
        raise ValueError("must be names.")


def _is_output(value, sizes) -> None:
    """Check what ``set_output`` leaves."""
    if value not in ({}, *({"transform": name} for name in ("default", "pandas", "polars"))):
        raise ValueError("must be what set_output leaves.")


def _is_indicator(value, sizes) -> None:
    if int(value.n_features_in_) != sizes["n_features_in"]:
        raise ValueError("must belong to the features of the imputer.")


_FINITE = finite()
_SCALE = either(number(positive=True), array("f", "n_features", check=finite(positive=True)))
_COMMON: dict[str, Check] = {
    "n_features_in_": integer(1),
    "sample_shape_": sequence(tuple, integer(1)),
    "n_components_": integer(1),
    "kind_": instance(Kind),
    "architecture_": instance(Architecture),
    "batch_size_": integer(1),
    "learning_rate_": number(positive=True),
    "n_epochs_": integer(0),
    "device_": instance(str),
    "precision_": choice("float32", "float64", "bfloat16"),
    "history_": _is_history,
}
_MOMENTS: dict[str, Check] = {"mean_": array("f", "n_features", check=_FINITE), "scale_": _SCALE}
_ONE_NETWORK: dict[str, Check] = {
    **_COMMON,
    **_MOMENTS,
    "_fitted": instance(FittedNetwork),
    "_n_features_out": integer(1),
    "best_epoch_": integer(0),
    "loss_": instance(float),
    "_optimizer_state": either(None, instance(dict)),
    "_code_density": instance(CodeDensity),
    "_of_kind": sequence(list, instance(str), least=0),
}
ATTRIBUTES: dict[str, dict[str, Check]] = {
    "AutoencoderTransformer": _ONE_NETWORK,
    "AutoencoderClassifier": {**_ONE_NETWORK, "classes_": array("fiubOU", "n_classes")},
    "AutoencoderOutlierDetector": {
        **_COMMON,
        "_ensemble": instance(Ensemble),
        "_calibration": instance(Calibration),
        "_training_scores": array("f", "n_training", check=_FINITE),
        "calibration_scores_": array("f", "n_calibration", check=_FINITE),
        "offset_": number(),
        "scoring_": instance(Score),
    },
    "AutoencoderImputer": {
        **_COMMON,
        **_MOMENTS,
        "_bounds": sequence(tuple, array("f", "n_features", check=no_nan), least=2),
        "_draws_seed": integer(0),
        "_imputation": instance(Imputation),
        "_kept": array("b", "n_features_in"),
        "indicator_": either(None, _is_indicator),
    },
    "AutoencoderRecommender": {
        **_COMMON,
        **_MOMENTS,
        "_imputation": instance(Imputation),
        "_known": instance(sp.csr_matrix),
        "biases_": array("f", "n_features", check=_FINITE),
        "rating_range_": sequence(tuple, number(), least=2),
    },
}
# Attributes that some fits leave, and others do not.
OPTIONAL: dict[str, Check] = {
    "feature_names_in_": _is_names,
    "explained_variance_ratio_": array("f", "n_components", check=_FINITE),
    "_sklearn_output_config": _is_output,
    "active_units_": array("i", "n_active"),
    "dead_units_": array("i", "n_dead"),
    "sparsity_": number(),
    "dictionary_": array("f", "n_components", "n_features", check=_FINITE),
}


def check_estimator(name: str, estimator, attributes: dict) -> None:
    """Refuse a fitted estimator whose parts do not go together.

    Parameters
    ----------
    name : str
        Its class, as in ``ATTRIBUTES``.

    estimator : BaseAutoencoder
        With its parameters and its attributes.

    attributes : dict of str to object
        What is to be looked at.

    Raises
    ------
    ValueError
        In a sentence that names what is wrong.
    """
    validate_parameters(estimator)
    resolve_parts(estimator)
    optimizer = resolve_optimizer(estimator.optimizer)
    optional = {n: check for n, check in OPTIONAL.items() if n in attributes}
    of_kind = set(attributes.get("_of_kind") or ()) - set(optional)
    known = {n: v for n, v in attributes.items() if n not in of_kind}
    check_all(known, {**ATTRIBUTES[name], **optional}, _sizes(known), name)
    networks = _networks(estimator)
    shells = [checked_network(network) for network in networks]
    _check_networks(estimator, networks)
    _SPECIAL[name](estimator, networks)
    if "_optimizer_state" in attributes:
        check_optimizer_state(estimator._optimizer_state, shells[0], optimizer)


def _sizes(attributes: dict) -> dict[str, int]:
    sizes = {"n_features_in": attributes.get("n_features_in_")}
    return {name: size for name, size in sizes.items() if isinstance(size, int)}


def _networks(estimator) -> list[FittedNetwork]:
    if hasattr(estimator, "_ensemble"):
        return [member.network for member in estimator._ensemble.members]
    if hasattr(estimator, "_imputation"):
        return estimator._imputation.networks
    return [estimator._fitted]


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
        if hasattr(estimator, name) and getattr(estimator, name).shape != (n_features,):
            raise ValueError(f"{name} must have an entry for each of {n_features} features.")
    if np.ndim(getattr(estimator, "scale_", 1.0)) and estimator.scale_.shape != (n_features,):
        raise ValueError(f"scale_ must have an entry for each of {n_features} features.")
    if len({network.spec.filling_rank is None for network in networks}) > 1:
        raise ValueError("Some networks take missing values and others do not.")
    if hasattr(estimator, "dictionary_"):
        array("f", estimator.n_components_, n_features)(estimator.dictionary_, {})


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
            raise ValueError(f"{name[:99]!r} can not be an attribute of a kind.")


def _of_transformer(estimator, networks) -> None:
    _of_one_network(estimator, networks)
    if networks[0].spec.head is not None:
        raise ValueError("The network of a transformer has no classes.")


def _of_classifier(estimator, networks) -> None:
    _of_one_network(estimator, networks)
    head = networks[0].spec.head
    if head is None or head.n_classes != len(estimator.classes_):
        raise ValueError("The classes are not those of the network.")


def _of_detector(estimator, networks) -> None:
    if estimator.n_features_in_ != math.prod(estimator.sample_shape_):
        raise ValueError("n_features_in_ is not that of the networks.")
    for member in estimator._ensemble.members:
        member.score.check(member.network.spec.kind)
        check_numbers(member.score)
        _check_score(member)
        _check_no_head(member.network)
    for group in estimator._calibration.groups:
        if max(group.members) >= len(networks):
            raise ValueError("The calibration speaks of a network that is not there.")


def _check_score(member) -> None:
    """Refuse a score that was fitted to rows or codes of other sizes, or not at all."""
    network, score = member.network, member.score
    for name in FITTED_PARTS.get(type(score).__name__, ()):
        scatter = vars(score).get(name)
        of_code = name.startswith("code") or isinstance(score, Latent)
        n_columns = network.n_components if of_code else network.n_features
        if scatter is None or len(scatter.mean) != n_columns:
            raise ValueError(f"{name} of {score!r} is not that of its network.")


def _of_imputer(estimator, networks) -> None:
    _check_imputation(estimator, networks)
    n_features = networks[0].n_features
    if int(estimator._kept.sum()) != n_features or len(estimator._bounds) != 2:
        raise ValueError("The features that are kept are not those of the networks.")
    low, high = estimator._bounds
    if low.shape != (n_features,) or high.shape != (n_features,) or (low > high).any():
        raise ValueError("The bounds are not those of the features.")
    ratio = estimator._imputation.error_ratio
    if ratio is None or ratio.shape != (n_features,):
        raise ValueError("The ratios of errors are not those of the features.")


def _of_recommender(estimator, networks) -> None:
    _check_imputation(estimator, networks)
    n_users, n_items = estimator._known.shape
    n_shown = n_items if estimator.by == "user" else n_users
    low, high = (*estimator.rating_range_, None)[:2]
    if n_items != estimator.n_features_in_ or n_shown != networks[0].n_features or low > high:
        raise ValueError("The ratings are not those of the networks.")
    if estimator._known.dtype.kind != "f" or not np.isfinite(estimator._known.data).all():
        raise ValueError("The ratings must be finite floats.")


def _check_imputation(estimator, networks) -> None:
    for network in networks:
        _check_no_head(network)
        if network.spec.filling_rank is None:
            raise ValueError("The networks of an imputer must take missing values.")
        if network.spec.scaling.centre.shape != networks[0].spec.scaling.centre.shape:
            raise ValueError("The networks of an imputer must have one scaling.")


def _check_no_head(network: FittedNetwork) -> None:
    if network.spec.head is not None:
        raise ValueError("Only the network of a classifier has classes.")


_SPECIAL = {
    "AutoencoderTransformer": _of_transformer,
    "AutoencoderClassifier": _of_classifier,
    "AutoencoderOutlierDetector": _of_detector,
    "AutoencoderImputer": _of_imputer,
    "AutoencoderRecommender": _of_recommender,
}
