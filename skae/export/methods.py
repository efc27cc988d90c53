"""Which methods of which estimators can be graphs, and the torch modules that compute them."""

from __future__ import annotations

from collections.abc import Callable

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
    Decision,
    Decoded,
    Imputed,
    LogProbabilities,
    MinusAnomalyScore,
    MinusSquaredError,
    Outliers,
    Probabilities,
    Reconstructed,
)


def _network(module: type[nn.Module]) -> Callable:
    """Return what makes a module of the one network of an estimator."""
    return lambda estimator: module(*estimator._fitted_networks())


def _decoded(estimator) -> nn.Module:
    return Decoded(*estimator._fitted_networks(), estimator.sample_shape_)


def _reconstructed(estimator) -> nn.Module:
    return Reconstructed(estimator._fitted_networks(), estimator.sample_shape_)


def _minus_anomaly_score(estimator) -> nn.Module:
    return MinusAnomalyScore(estimator._ensemble)


def _decision(estimator) -> nn.Module:
    return MinusAnomalyScore(estimator._ensemble, float(estimator.offset_))


def _outliers(estimator) -> nn.Module:
    return Outliers(estimator._ensemble, float(estimator.offset_))


def _imputed(estimator) -> nn.Module:
    if estimator.sample_posterior:
        raise ValueError(
            "A graph draws nothing, but this AutoencoderImputer has sample_posterior=True: export "
            "one with sample_posterior=False, which imputes means."
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


def _predicted_ratings(estimator) -> nn.Module:
    if estimator.by == "item":
        raise ValueError(
            "A graph takes rows, which must be users, but this AutoencoderRecommender has "
            "by='item', where rows are items: export one with by='user'."
        )
    networks = estimator._fitted_networks()
    return Clipped(networks, (networks[0].n_features,), *estimator.rating_range_)


_OF_CODES = {
    "transform": _network(Codes),
    "inverse_transform": _decoded,
    "reconstruct": _reconstructed,
    "score_samples": _network(MinusSquaredError),
}
# What a graph can compute: for each estimator its methods, and what makes the module of each.
METHODS: dict[type, dict[str, Callable]] = {
    AutoencoderTransformer: _OF_CODES,
    AutoencoderClassifier: {
        **_OF_CODES,
        "predict": _network(ClassNumbers),
        "predict_proba": _network(Probabilities),
        "predict_log_proba": _network(LogProbabilities),
        "decision_function": _network(Decision),
    },
    AutoencoderOutlierDetector: {
        "reconstruct": _reconstructed,
        "score_samples": _minus_anomaly_score,
        "decision_function": _decision,
        "predict": _outliers,
    },
    AutoencoderImputer: {"transform": _imputed},
    AutoencoderRecommender: {"predict_all": _predicted_ratings},
}


def methods_of(estimator) -> dict[str, Callable]:
    """Return the methods of an estimator that can be graphs.

    Raises
    ------
    TypeError
        If it is no estimator of skae.
    """
    for known, methods in METHODS.items():
        if isinstance(estimator, known):
            return methods
    raise TypeError(
        f"estimator must be a fitted estimator of skae, got {estimator!r}. For a Pipeline that "
        f"ends in one, call skae.export.register_skl2onnx() and then skl2onnx.to_onnx."
    )


def module_of(estimator, method: str) -> nn.Module:
    """Return the torch module that computes a method, from a tensor of rows to one of results.

    Raises
    ------
    ValueError
        If the method is none that a graph can compute.
    """
    methods = methods_of(estimator)
    if method not in methods:
        raise ValueError(
            f"method must be one of {list(methods)} for {type(estimator).__name__}, got {method!r}."
        )
    return methods[method](estimator).eval()


def n_inputs(estimator, method: str) -> int:
    """Return how many columns a graph takes: those of codes to decode, or those of `X`."""
    return estimator.n_components_ if method == "inverse_transform" else estimator.n_features_in_


def takes_float64(estimator) -> bool:
    """Return whether the networks compute in float64."""
    return estimator.precision_ == "float64"


def labels_of(estimator, method: str) -> np.ndarray | None:
    """Return the labels whose numbers the module of a method returns; None where it does not."""
    is_number = methods_of(estimator).get(method) is METHODS[AutoencoderClassifier]["predict"]
    return estimator.classes_ if is_number else None
