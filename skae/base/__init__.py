"""What all estimators share: parameters, validation, the path from X to a fitted network."""

from skae.base.autoencoder import BaseAutoencoder

__all__ = ["BaseAutoencoder"]
