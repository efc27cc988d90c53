"""Autoencoders as scikit-learn estimators."""

import torch  # noqa: F401  (after pandas and scikit-learn, it takes a third of a second longer)

from skae.estimators import (
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderRecommender,
    AutoencoderTransformer,
)

__version__ = "0.1.0.dev0"

__all__ = [
    "AutoencoderImputer",
    "AutoencoderOutlierDetector",
    "AutoencoderRecommender",
    "AutoencoderTransformer",
    "__version__",
]
