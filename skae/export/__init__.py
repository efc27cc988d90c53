"""Fitted estimators as ONNX graphs, which run without skae, scikit-learn and torch.

What it needs comes with ``pip install "skae[onnx]"``.
"""

from skae.export.onnx_model import to_onnx
from skae.export.skl2onnx_converters import register_skl2onnx

__all__ = ["register_skl2onnx", "to_onnx"]
