"""Estimators with the kinds and architectures of the registries, and what they return."""

import functools
import itertools

import numpy as np
from support.combinations import pairwise, slow_but

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)
from skae.architectures import ARCHITECTURES
from skae.kinds import KINDS

ESTIMATORS = [
    AutoencoderTransformer,
    AutoencoderOutlierDetector,
    AutoencoderImputer,
    AutoencoderRecommender,
    AutoencoderClassifier,
]
# Those whose kind is "auto" by default.
_TAKE_AUTO = [estimator for estimator in ESTIMATORS if estimator().kind == "auto"]


def _kinds(estimator):
    """Return the kinds that an estimator takes, each estimator's in another order."""
    first = 4 * ESTIMATORS.index(estimator) % len(KINDS)
    kinds = [*KINDS][first:] + [*KINDS][:first]
    return ["auto", *kinds] if estimator in _TAKE_AUTO else kinds


# Every pair of an estimator, a kind and an architecture. The first hold each estimator with each
# architecture, and each kind with several of both: these are what `make test` tries.
PAIRS = pairwise([(e, k, a) for e in ESTIMATORS for k in _kinds(e) for a in ARCHITECTURES])
QUICK = PAIRS[: len(ESTIMATORS) * len(ARCHITECTURES)]
# For tests that fit again and again: each estimator once.
QUICKEST = QUICK[:: len(ARCHITECTURES)]
# Beside the pairs, all kinds and architectures of the transformer, and those that are the defaults
# elsewhere.
MATRIX = list(
    dict.fromkeys(
        [
            *itertools.product([AutoencoderTransformer], KINDS, ARCHITECTURES),
            *[(e, k, "dense") for e in ESTIMATORS for k in _kinds(e)],
            *[(e, _kinds(e)[0], a) for e in _TAKE_AUTO for a in ARCHITECTURES],
            *PAIRS,
        ]
    )
)
X = np.random.RandomState(0).randn(50, 6)
# For a classifier: some rows without a label. Other estimators ignore it.
Y = np.where(np.arange(50) % 3, np.arange(50) % 2 * 5, -1)


def build(estimator, kind, architecture, **parameters):
    if estimator is AutoencoderClassifier:
        # A check asks a classifier to have learned something.
        parameters = {"max_epochs": 5, "unlabelled": -1, **parameters}
    parameters = {"max_epochs": 2, **parameters}
    return estimator(kind=kind, architecture=architecture, **parameters)


@functools.cache
def fitted(combination):
    """Return an estimator fitted to X and Y, for tests that only read it."""
    return build(*combination, random_state=0).fit(X, Y)


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


def matrix(of=MATRIX, quick=QUICK):
    """Return combinations as parameters of a test, slow where they are not among the quick."""
    return slow_but(quick, of, name)
