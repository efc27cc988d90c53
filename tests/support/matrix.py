"""Estimators with the kinds and architectures of the registries, and what they return."""

import itertools

import numpy as np

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae.architectures import ARCHITECTURES
from skae.kinds import KINDS

# All parts meet in the transformer. Others fit several networks, or one of them twice, so that each
# kind is tried with one architecture, and each architecture with one kind.
MATRIX = [
    *itertools.product([AutoencoderTransformer], KINDS, ARCHITECTURES),
    *itertools.product([AutoencoderOutlierDetector], KINDS, ["dense"]),
    *[(AutoencoderOutlierDetector, "denoising", name) for name in ARCHITECTURES if name != "dense"],
    *itertools.product([AutoencoderImputer], [*KINDS, "auto"], ["dense"]),
    *[(AutoencoderImputer, "auto", name) for name in ARCHITECTURES if name != "dense"],
    *itertools.product([AutoencoderRecommender], [*KINDS, "auto"], ["dense"]),
    *itertools.product([AutoencoderClassifier], KINDS, ["dense"]),
    *[(AutoencoderClassifier, "undercomplete", name) for name in ARCHITECTURES if name != "dense"],
]
X = np.random.RandomState(0).randn(50, 6)
# For a classifier: some rows without a label. Other estimators ignore it.
Y = np.where(np.arange(50) % 3, np.arange(50) % 2 * 5, -1)


def build(estimator, kind, architecture, **parameters):
    # A check asks a classifier to have learned something.
    max_epochs = 5 if estimator is AutoencoderClassifier else 2
    return estimator(kind=kind, architecture=architecture, max_epochs=max_epochs, **parameters)


def outcome(estimator, X):
    """Return what the estimator is there for: codes, scores, or probabilities, or values."""
    if isinstance(estimator, AutoencoderTransformer):
        return estimator.transform(X)
    if isinstance(estimator, AutoencoderClassifier):
        return estimator.predict_proba(X)
    if isinstance(estimator, AutoencoderImputer):
        return estimator.transform(np.where(np.abs(X) > 1, np.nan, X))
    if isinstance(estimator, AutoencoderRecommender):
        return estimator.predict_all(np.where(np.abs(X) > 1, np.nan, X))
    return estimator.score_samples(X)


def name(combination):
    estimator, *parts = combination
    return "-".join([estimator.__name__.removeprefix("Autoencoder"), *parts])
