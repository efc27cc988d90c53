"""Estimators: what users want done."""

from skae.estimators.classifier import AutoencoderClassifier
from skae.estimators.outlier_detector import AutoencoderOutlierDetector
from skae.estimators.transformer import AutoencoderTransformer

__all__ = ["AutoencoderClassifier", "AutoencoderOutlierDetector", "AutoencoderTransformer"]
