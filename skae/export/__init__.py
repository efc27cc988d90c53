"""Export of fitted estimators as ONNX graphs, which run without skae, scikit-learn and torch.

It needs packages that ``pip install "skae[onnx]"`` installs.
"""

from skae.export.onnx_model import to_onnx
from skae.export.skl2onnx_converters import register_skl2onnx

__all__ = ["register_skl2onnx", "to_onnx"]
