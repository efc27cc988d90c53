"""Autoencoders as scikit-learn estimators."""

from skae.estimators import AutoencoderTransformer

__version__ = "0.1.0.dev0"

__all__ = ["AutoencoderTransformer", "__version__"]
