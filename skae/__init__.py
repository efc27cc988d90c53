"""Autoencoders as scikit-learn estimators."""

from skae.estimators import AutoencoderOutlierDetector, AutoencoderTransformer

__version__ = "0.1.0.dev0"

__all__ = ["AutoencoderOutlierDetector", "AutoencoderTransformer", "__version__"]
