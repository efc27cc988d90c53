"""Export of a method of a fitted estimator as an ONNX model."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

import skae
from skae._storage.atomic import atomic_file
from skae.export.exporter import exported, require
from skae.export.methods import labels_of, methods_of, module_of, n_inputs, takes_float64
from skae.export.torch_modules import Contributions


def to_onnx(
    estimator: Any, method: str = "transform", path: str | os.PathLike | None = None
) -> Any:
    """Return a method of a fitted estimator as an ONNX model, which runs without skae and torch.

    The graph takes any number of rows in the units of `X`, and returns the result of the method. It
    has one input `X` of shape (n_samples, n_features), and one output with the name of the method.
    Both are float32, or float64 for estimators with ``precision="float64"``; scores are float64,
    and integer labels int64. Export needs onnx and onnxscript: ``pip install "skae[onnx]"``.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of skae.

    method : str, default="transform"
        Method that the graph computes. The choices are, for

        - :class:`~skae.AutoencoderTransformer`: "transform" (the encoder), "inverse_transform"
          (the decoder, from codes), "reconstruct" or "score_samples";
        - :class:`~skae.AutoencoderClassifier`: these, "predict", "predict_proba",
          "predict_log_proba" or "decision_function";
        - :class:`~skae.AutoencoderOutlierDetector`: "score_samples", "decision_function",
          "predict", "p_values" or "reconstruct", of the whole ensemble;
        - :class:`~skae.AutoencoderImputer`: "transform";
        - :class:`~skae.AutoencoderRecommender`: "predict_all", with ``by="user"``.

    path : str or os.PathLike or None, default=None
        File to write the model to. An existing file is replaced only when the model is complete.

    Returns
    -------
    model : onnx.ModelProto
        The model, validated by ``onnx.checker``. Its metadata are "skae_version", "estimator",
        "method", and, as JSON, "feature_names" and "classes" if there are any.

    Raises
    ------
    ImportError
        If onnx or onnxscript is not installed.

    TypeError
        If `estimator` is not an estimator of skae.

    ValueError
        If the estimator has no such method, draws random numbers, or is too large for one file; or
        for "feature_contributions", which need gradients.

    RuntimeError
        If torch cannot export the network, for example because of your own modules.

    See Also
    --------
    register_skl2onnx : Export of whole pipelines.
    to_torch : Export as a torch module.

    Examples
    --------
    >>> import numpy as np
    >>> import onnxruntime
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> from skae.export import to_onnx
    >>> X = load_iris().data.astype(np.float32)
    >>> ae = AutoencoderTransformer(2, max_epochs=5, random_state=0).fit(X)
    >>> model = to_onnx(ae, "transform")
    >>> session = onnxruntime.InferenceSession(model.SerializeToString())
    >>> (codes,) = session.run(None, {"X": X})
    >>> codes.shape, bool(np.allclose(codes, ae.transform(X), atol=1e-5))
    ((150, 2), True)
    """
    model = graph_of(estimator, method)
    labels = labels_of(estimator, method)
    if labels is not None:
        _gather_labels(model, method, labels)
    _describe(model, estimator, method)
    require("onnx").checker.check_model(model, full_check=True)
    if path is not None:
        with atomic_file(path) as file:
            file.write(model.SerializeToString())
    return model


def graph_of(estimator: Any, method: str, opset_version: int | None = None) -> Any:
    """Return the graph of a method; that of a classifier's ``predict`` returns class indices.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of skae.

    method : str
        Method that the graph computes.

    opset_version : int or None, default=None
        Version of ONNX's operators; None means torch's default.
    """
    methods_of(estimator)
    check_is_fitted(estimator)
    dtype = torch.float64 if takes_float64(estimator) else torch.float32
    n_columns, module = n_inputs(estimator, method), module_of(estimator, method)
    if isinstance(module, Contributions):
        raise ValueError(
            "A graph cannot compute feature_contributions, which needs gradients of the score: "
            "export 'score_samples', and explain the rows that matter with skae.load and "
            "feature_contributions, or with skae.export.to_torch, which takes this method."
        )
    return exported(module, n_columns, dtype, method, opset_version)


def _gather_labels(model: Any, output: str, labels: np.ndarray) -> None:
    """Make a graph that returns indices return the labels themselves, which may be strings."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    numbers, names = f"{output}_number", f"{output}_labels"
    for node in graph.node:
        node.output[:] = [numbers if name == output else name for name in node.output]
    is_text = labels.dtype.kind in "OUS"
    array = labels.astype(object) if is_text else labels
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), names))
    graph.node.append(helper.make_node("Gather", [names, numbers], [output], name="labels"))
    kind = TensorProto.STRING if is_text else helper.np_dtype_to_tensor_dtype(labels.dtype)
    graph.output[0].type.tensor_type.elem_type = kind


def _describe(model: Any, estimator: Any, method: str) -> None:
    """Add metadata to a model."""
    metadata = {
        "skae_version": skae.__version__,
        "estimator": type(estimator).__name__,
        "method": method,
    }
    for key, name in (("feature_names", "feature_names_in_"), ("classes", "classes_")):
        if hasattr(estimator, name):
            metadata[key] = json.dumps(getattr(estimator, name).tolist())
    model.producer_name, model.producer_version = "skae", skae.__version__
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
