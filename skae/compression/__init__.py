"""Lossy compression of rows: quantisation and entropy coding of latent codes.

The entropy coder needs constriction, which ``pip install "skae[compression]"`` installs.
"""

from skae.compression.compressor import Compressor
from skae.compression.curve import rate_distortion_curve

__all__ = ["Compressor", "rate_distortion_curve"]
