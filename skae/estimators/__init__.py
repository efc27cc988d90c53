"""Estimators: what users want done."""

from skae.estimators.imputer import AutoencoderImputer
from skae.estimators.outlier_detector import AutoencoderOutlierDetector
from skae.estimators.recommender import AutoencoderRecommender
from skae.estimators.transformer import AutoencoderTransformer

__all__ = [
    "AutoencoderImputer",
    "AutoencoderOutlierDetector",
    "AutoencoderRecommender",
    "AutoencoderTransformer",
]
