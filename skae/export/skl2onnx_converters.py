"""Converters of skl2onnx for the estimators of skae, for use in pipelines."""

from __future__ import annotations

from typing import Any

import numpy as np

from skae import (
    AutoencoderClassifier,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
)
from skae.export.exporter import require
from skae.export.methods import takes_float64
from skae.export.onnx_model import graph_of

# ONNX domain of the functions of the estimators.
_DOMAIN = "skae"
# The oldest operator set that torch's exporter supports.
_OLDEST_OPSET = 18


def register_skl2onnx() -> None:
    """Let ``skl2onnx.to_onnx`` convert pipelines with estimators of skae.

    For :class:`~skae.AutoencoderTransformer` and :class:`~skae.AutoencoderImputer` the graph
    computes ``transform``. :class:`~skae.AutoencoderOutlierDetector` has the outputs `label`
    (``predict``) and `scores` (``decision_function``), both of shape (n_samples, 1), like
    IsolationForest in skl2onnx. :class:`~skae.AutoencoderClassifier` has the outputs `label` and
    `probabilities`, with the options `zipmap`, `nocl` and `output_class_labels` of skl2onnx. The
    classifier can be converted as the last step of a pipeline, not as a transformer within it.
    Calling this function again has no effect.

    Raises
    ------
    ImportError
        If skl2onnx, onnx or onnxscript is not installed.

    See Also
    --------
    to_onnx : Export of one method of one estimator.

    Examples
    --------
    >>> import numpy as np
    >>> import onnxruntime
    >>> import skl2onnx
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skae import AutoencoderTransformer
    >>> from skae.export import register_skl2onnx
    >>> X = load_iris().data.astype(np.float32)
    >>> ae = AutoencoderTransformer(2, max_epochs=5, random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), ae).fit(X)
    >>> register_skl2onnx()
    >>> model = skl2onnx.to_onnx(pipeline, X[:1])
    >>> session = onnxruntime.InferenceSession(model.SerializeToString())
    >>> (codes,) = session.run(None, {"X": X})
    >>> bool(np.allclose(codes, pipeline.transform(X), atol=1e-4))
    True
    """
    for name in ("onnx", "onnxscript", "skl2onnx"):
        require(name)
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    classes = {
        "nocl": [True, False],
        "output_class_labels": [False, True],
        "zipmap": [True, False, "columns"],
    }
    for estimator, shapes, convert, options in (
        (AutoencoderTransformer, _transformed_shape, _convert_transformer, None),
        (AutoencoderImputer, _transformed_shape, _convert_transformer, None),
        (AutoencoderOutlierDetector, _outlier_shapes, _convert_outlier_detector, None),
        (
            AutoencoderClassifier,
            calculate_linear_classifier_output_shapes,
            _convert_classifier,
            classes,
        ),
    ):
        update_registered_converter(
            estimator, f"Skae{estimator.__name__}", shapes, convert, options=options
        )


def _transformed_shape(operator: Any) -> None:
    """Declare the output of a transformer: a matrix."""
    n_columns = len(operator.raw_operator.get_feature_names_out())
    operator.outputs[0].type = _float_type(operator)(
        [operator.inputs[0].get_first_dimension(), n_columns]
    )


def _outlier_shapes(operator: Any) -> None:
    """Declare the outputs of a detector: a column of labels and a column of scores."""
    from skl2onnx.common.data_types import Int64TensorType

    n_samples = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type = Int64TensorType([n_samples, 1])
    operator.outputs[1].type = _float_type(operator)([n_samples, 1])


def _float_type(operator: Any) -> type:
    from skl2onnx.common.data_types import guess_tensor_type

    return type(guess_tensor_type(operator.inputs[0].type))


def _convert_transformer(scope: Any, operator: Any, container: Any) -> None:
    steps = _Steps(scope, operator, container)
    steps.finish(0, steps.method("transform"))


def _convert_outlier_detector(scope: Any, operator: Any, container: Any) -> None:
    steps = _Steps(scope, operator, container)
    decision = steps.add("Unsqueeze", steps.method("decision_function"), np.array([1]))
    zero, one = np.zeros(1, np.float64), np.ones(1, np.int64)
    below = steps.add("Less", decision, zero)
    steps.finish(0, steps.add("Where", below, -one, one))
    steps.finish(1, decision)


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    from skl2onnx.common.utils_classifier import get_label_classes

    steps = _Steps(scope, operator, container)
    probabilities = steps.method("predict_proba")
    classes = get_label_classes(scope, operator.raw_operator)
    classes = classes.astype(object if classes.dtype.kind in "OUS" else np.int64)
    number = steps.add("ArgMax", probabilities, axis=1, keepdims=0)
    steps.finish(0, steps.add("Gather", classes, number))
    steps.finish(1, probabilities)


def _function_body(model: Any) -> Any:
    """Return a model as the body of a function of skl2onnx."""
    from skl2onnx.common._container import ModelComponentContainer

    class Body(ModelComponentContainer):
        def ensure_topological_order(self) -> None:
            """Keep the order of the nodes, which is already correct."""

    body = Body({"": model.opset_import[0].version, _DOMAIN: 1}, as_function=True)
    body.inputs.extend(model.graph.input)
    body.outputs.extend(model.graph.output)
    body.nodes.extend(model.graph.node)
    body.initializers.extend(model.graph.initializer)
    body.node_domain_version_pair_sets.add(("", model.opset_import[0].version))
    return body


class _Steps:
    """Builder that adds nodes to a graph of skl2onnx, one after the other.

    Parameters
    ----------
    scope, operator, container : objects of skl2onnx
        Arguments of a converter.
    """

    def __init__(self, scope: Any, operator: Any, container: Any):
        self.scope, self.operator, self.container = scope, operator, container

    def add(
        self, op_type: str, *inputs: str | np.ndarray, output: str = "", **attributes: Any
    ) -> str:
        """Add a node, whose inputs are names or constants, and return the name of its output."""
        from onnx import helper

        names = [self._constant(i) if isinstance(i, np.ndarray) else i for i in inputs]
        output = output or self._unique(op_type)
        self.container.nodes.append(
            helper.make_node(op_type, names, [output], name=self._unique(op_type), **attributes)
        )
        return output

    def method(self, method: str) -> str:
        """Add the graph of a method of the estimator, and return the name of its output.

        The graph becomes a function of the model, since skl2onnx would sort the nodes of the main
        graph again, and supports neither optional inputs nor loops that use outer values.
        """
        from onnx import TensorProto

        estimator = self.operator.raw_operator
        model = graph_of(estimator, method, self._opset_version())
        dtype = TensorProto.DOUBLE if takes_float64(estimator) else TensorProto.FLOAT
        rows = self.add("Cast", self.operator.inputs[0].full_name, to=dtype)
        name = self._unique(f"{type(estimator).__name__}_{method}")
        self.container.make_local_function(_DOMAIN, name, _function_body(model))
        self.container.node_domain_version_pair_sets.add((_DOMAIN, 1))
        return self.add(name, rows, domain=_DOMAIN)

    def finish(self, place: int, value: str) -> None:
        """Assign a value to an output of the estimator, cast to the declared type."""
        from skl2onnx.common.data_types import guess_proto_type

        output = self.operator.outputs[place]
        self.add("Cast", value, output=output.full_name, to=guess_proto_type(output.type))

    def _constant(self, array: np.ndarray) -> str:
        from onnx import numpy_helper

        name = self._unique("constant")
        self.container.initializers.append(numpy_helper.from_array(array, name))
        return name

    def _unique(self, name: str) -> str:
        return self.scope.get_unique_variable_name(name)

    def _opset_version(self) -> int:
        """Return the requested operator set, which the whole graph must use."""
        version = self.container.target_opset_any_domain("")
        if version < _OLDEST_OPSET:
            raise RuntimeError(
                f"Estimators of skae need opset {_OLDEST_OPSET} or newer, but target_opset="
                f"{version} was requested: use target_opset={_OLDEST_OPSET} or newer."
            )
        self.container.node_domain_version_pair_sets.add(("", version))
        return version
