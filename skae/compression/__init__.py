"""Rows as bytes and back: codes rounded to steps, and coded by how often each of them occurs.

The coder needs constriction, which ``pip install "skae[compression]"`` brings along.
"""

from skae.compression.compressor import Compressor
from skae.compression.curve import rate_distortion_curve

__all__ = ["Compressor", "rate_distortion_curve"]
