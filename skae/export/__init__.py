"""Export of fitted estimators as torch modules, and as ONNX graphs.

ONNX graphs run without skae, scikit-learn and torch. They need packages that
``pip install "skae[onnx]"`` installs; torch modules need none.
"""

from skae.export.onnx_model import to_onnx
from skae.export.skl2onnx_converters import register_skl2onnx
from skae.export.torch_export import to_torch

__all__ = ["register_skl2onnx", "to_onnx", "to_torch"]
