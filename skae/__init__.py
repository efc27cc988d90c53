"""Autoencoders as scikit-learn estimators."""

import torch  # noqa: F401  (after pandas and scikit-learn, it takes a third of a second longer)

from skae._persistence.load import load
from skae._storage import FileFormatError
from skae.estimators import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)

__version__ = "0.1.0.dev0"

__all__ = [
    "AutoencoderClassifier",
    "AutoencoderImputer",
    "AutoencoderOutlierDetector",
    "AutoencoderRecommender",
    "AutoencoderTransformer",
    "FileFormatError",
    "__version__",
    "load",
]
