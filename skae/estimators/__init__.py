"""What is done with an autoencoder: one file per estimator."""

from skae.estimators.transformer import AutoencoderTransformer

__all__ = ["AutoencoderTransformer"]
