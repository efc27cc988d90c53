"""Export of a method of a fitted estimator as a torch module."""

from __future__ import annotations

from typing import Any

import pandas as pd
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skae.export.methods import labels_of, methods_of, module_of, n_inputs, takes_float64


class Exported(nn.Module):
    """A method of a fitted estimator as a torch module, which :func:`to_torch` returns.

    Parameters
    ----------
    method : torch.nn.Module
        Module that computes the method.

    n_columns : int
        Number of values in a row.

    dtype : torch.dtype
        Dtype in which the networks compute.

    classes : list or None
        Classes that the results are places of, if the method returns such places.
    """

    def __init__(self, method: nn.Module, n_columns: int, dtype: torch.dtype, classes: Any = None):
        super().__init__()
        self.method, self.n_columns, self.dtype = method, n_columns, dtype
        self.classes = classes

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the result of the method for rows in the units of the training data.

        Parameters
        ----------
        X : torch.Tensor of shape (n_samples, n_columns)
            Rows.
        """
        if X.ndim != 2 or X.shape[1] != self.n_columns:
            raise ValueError(
                f"X must have the shape (n_samples, {self.n_columns}), got {tuple(X.shape)}."
            )
        return self.method(X.to(self.dtype))

    def summary(self) -> pd.DataFrame:
        """Return a table of the layers, in the order in which they are called.

        Returns
        -------
        layers : pandas.DataFrame
            A row for each layer: its name in this module (`layer`), its class (`type`), the shape
            of its output with -1 for the number of rows (`output_shape`), and the numbers of its
            weights (`n_parameters`).
        """
        lines, n_rows = [], 3

        def note(name: str) -> Any:
            def hook(module: nn.Module, inputs: Any, output: Any) -> None:
                first = output[0] if isinstance(output, tuple) else output
                shape = (-1, *first.shape[1:]) if isinstance(first, torch.Tensor) else None
                n_parameters = sum(weights.numel() for weights in module.parameters())
                lines.append((name, type(module).__name__, shape, n_parameters))

            return hook

        layers = [(name, m) for name, m in self.named_modules() if not list(m.children())]
        handles = [module.register_forward_hook(note(name)) for name, module in layers]
        try:
            with torch.no_grad():
                self(torch.zeros(n_rows, self.n_columns, dtype=self.dtype))
        finally:
            for handle in handles:
                handle.remove()
        columns = ["layer", "type", "output_shape", "n_parameters"]
        return pd.DataFrame(lines, columns=columns).drop_duplicates("layer", ignore_index=True)


def to_torch(estimator: Any, method: str = "transform") -> nn.Module:
    """Return a method of a fitted estimator as a torch module.

    The module takes rows in the units of `X`, and includes all preprocessing and postprocessing, as
    the graph of :func:`to_onnx`. It is in evaluation mode, on the CPU, holds copies of the weights,
    and does not train them unless ``module.requires_grad_()`` is called; gradients with respect to
    the rows can be computed. As any module, it can be moved by ``to``, saved by its ``state_dict``,
    or be a part of another module. To run it without skae, use :func:`to_onnx`.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of skae.

    method : str, default="transform"
        Method that the module computes, as for :func:`to_onnx`, or "feature_contributions" of a
        detector, without gradients with respect to the rows.

    Returns
    -------
    module : torch.nn.Module
        The module. Its method ``summary`` returns a table of the layers. For ``predict`` of a
        classifier it returns places in its attribute ``classes``, since tensors hold no text.

    Raises
    ------
    TypeError
        If `estimator` is not an estimator of skae.

    ValueError
        If the estimator has no such method, or draws random numbers.

    See Also
    --------
    to_onnx : Export as a graph that runs without skae and torch.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from sklearn.datasets import load_iris
    >>> from skae import AutoencoderTransformer
    >>> from skae.architectures import Dense
    >>> from skae.export import to_torch
    >>> X = load_iris().data.astype(np.float32)
    >>> ae = AutoencoderTransformer(2, architecture=Dense((8,)), max_epochs=5, random_state=0)
    >>> encoder = to_torch(ae.fit(X), "transform")
    >>> codes = encoder(torch.from_numpy(X))
    >>> codes.shape, bool(np.allclose(codes, ae.transform(X), atol=1e-5))
    (torch.Size([150, 2]), True)
    >>> layers = encoder.summary()
    >>> layers.query("type == 'Linear'")["n_parameters"].tolist()
    [40, 18, 10]
    """
    methods_of(estimator)
    check_is_fitted(estimator)
    dtype = torch.float64 if takes_float64(estimator) else torch.float32
    labels = labels_of(estimator, method)
    classes = None if labels is None else labels.tolist()
    module = module_of(estimator, method)
    return Exported(module, n_inputs(estimator, method), dtype, classes).eval()
