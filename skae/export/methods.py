"""Table of the methods that can be exported, and the torch modules that compute them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae.export.torch_modules import (
    ClassNumbers,
    Clipped,
    Codes,
    Contributions,
    Decision,
    Decoded,
    Imputed,
    Logits,
    LogProbabilities,
    MinusAnomalyScore,
    MinusSquaredError,
    Outliers,
    Probabilities,
    PValues,
    Reconstructed,
)


def _network(module: type[nn.Module]) -> Callable[[Any], nn.Module]:
    """Return a function that makes a module of the only network of an estimator."""
    return lambda estimator: module(*estimator._fitted_networks())


def _classes(module: type[Logits]) -> Callable[[Any], nn.Module]:
    """Return a function that makes a module of the network and the teachers of a classifier."""
    return lambda estimator: module(estimator._fitted, estimator._teachers)


def _decoded(estimator: Any) -> nn.Module:
    (network,) = estimator._fitted_networks()
    return Decoded(network, estimator.sample_shape_)


def _reconstructed(estimator: Any) -> nn.Module:
    return Reconstructed(estimator._fitted_networks(), estimator.sample_shape_)


def _minus_anomaly_score(estimator: Any) -> nn.Module:
    return MinusAnomalyScore(estimator._ensemble)


def _decision(estimator: Any) -> nn.Module:
    return MinusAnomalyScore(estimator._ensemble, float(estimator.offset_))


def _outliers(estimator: Any) -> nn.Module:
    return Outliers(estimator._ensemble, float(estimator.offset_))


def _p_values(estimator: Any) -> nn.Module:
    return PValues(estimator._ensemble, estimator._calibration)


def _contributions(estimator: Any) -> nn.Module:
    return Contributions(estimator._ensemble)


def _imputed(estimator: Any) -> nn.Module:
    if estimator.sample_posterior:
        raise ValueError(
            "A graph cannot draw random numbers, but this AutoencoderImputer has "
            "sample_posterior=True: export one with sample_posterior=False, which imputes means."
        )
    indicator = estimator.indicator_
    return Imputed(
        estimator._fitted_networks(),
        estimator._kept,
        estimator._bounds,
        estimator.missing_values,
        estimator._imputed_shape(),
        [] if indicator is None else indicator.features_.tolist(),
    )


def _predicted_ratings(estimator: Any) -> nn.Module:
    if estimator.by == "item":
        raise ValueError(
            "The rows of a graph must be users, but this AutoencoderRecommender has by='item', "
            "whose networks take items as rows: export one with by='user'."
        )
    if estimator.feedback == "implicit":
        raise ValueError(
            "A graph cannot tell clicks from counts and from unknown entries, but this "
            "AutoencoderRecommender has feedback='implicit': use predict_all, or export one with "
            "feedback='explicit'."
        )
    networks = estimator._fitted_networks()
    return Clipped(networks, (networks[0].n_features,), *estimator.rating_range_)


_OF_CODES = {
    "transform": _network(Codes),
    "inverse_transform": _decoded,
    "reconstruct": _reconstructed,
    "score_samples": _network(MinusSquaredError),
}
# The exportable methods of each estimator, with the function that makes the module of each.
METHODS: dict[type, dict[str, Callable]] = {
    AutoencoderTransformer: _OF_CODES,
    AutoencoderClassifier: {
        **_OF_CODES,
        "predict": _classes(ClassNumbers),
        "predict_proba": _classes(Probabilities),
        "predict_log_proba": _classes(LogProbabilities),
        "decision_function": _classes(Decision),
    },
    AutoencoderOutlierDetector: {
        "reconstruct": _reconstructed,
        "score_samples": _minus_anomaly_score,
        "decision_function": _decision,
        "predict": _outliers,
        "p_values": _p_values,
        "feature_contributions": _contributions,
    },
    AutoencoderImputer: {"transform": _imputed},
    AutoencoderRecommender: {"predict_all": _predicted_ratings},
}


def _refuse_table(estimator: Any) -> None:
    """Refuse an estimator that was fitted on a table whose columns are not all numbers."""
    table = getattr(estimator, "columns_", None)
    if table is not None:
        named = next(column for column in table.columns if column.role != "number")
        raise ValueError(
            f"This {type(estimator).__name__} was fitted on a table with columns that are no "
            f"numbers, such as {named.name!r}, and an exported graph takes numbers: encode the "
            f"table first, for example by sklearn.preprocessing.OneHotEncoder, and fit on the "
            f"result."
        )


def methods_of(estimator: Any) -> dict[str, Callable]:
    """Return the exportable methods of an estimator.

    Raises
    ------
    TypeError
        If it is not an estimator of skae.
    """
    for known, methods in METHODS.items():
        if isinstance(estimator, known):
            return methods
    raise TypeError(
        f"estimator must be a fitted estimator of skae, got {estimator!r}. For a Pipeline that "
        f"ends in one, call skae.export.register_skl2onnx() and then skl2onnx.to_onnx."
    )


def module_of(estimator: Any, method: str) -> nn.Module:
    """Return the torch module that computes a method for a tensor of rows.

    Raises
    ------
    ValueError
        If the method cannot be exported.
    """
    methods = methods_of(estimator)
    _refuse_table(estimator)
    if method not in methods:
        raise ValueError(
            f"method must be one of {list(methods)} for {type(estimator).__name__}, got {method!r}."
        )
    return methods[method](estimator).eval()


def n_inputs(estimator: Any, method: str) -> int:
    """Return the number of input columns of a graph: latent values to decode, or features."""
    return estimator.n_components_ if method == "inverse_transform" else estimator.n_features_in_


def takes_float64(estimator: Any) -> bool:
    """Return whether the networks compute in float64."""
    return estimator.precision_ == "float64"


def labels_of(estimator: Any, method: str) -> np.ndarray | None:
    """Return the labels to which the module of a method returns indices, else None."""
    is_number = methods_of(estimator).get(method) is METHODS[AutoencoderClassifier]["predict"]
    return estimator.classes_ if is_number else None
