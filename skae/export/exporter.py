"""Export of a torch module as an ONNX model, with the output of torch's exporter silenced."""

from __future__ import annotations

import contextlib
import importlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

# Number of rows of the example that the exporter traces. It must be neither one, which the exporter
# would treat as a fixed size, nor the size of another axis.
_EXAMPLE_ROWS = 5
# Largest size of a model in a single file.
_MOST_BYTES = 2**31 - 2**24


def require(name: str) -> Any:
    """Import and return a module of the extra "onnx".

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f'skae.export needs {name}, which is not installed: pip install "skae[onnx]".'
        ) from error


def exported(
    module: nn.Module,
    n_columns: int,
    dtype: torch.dtype,
    output: str,
    opset_version: int | None = None,
) -> Any:
    """Return the graph of a module as an ``onnx.ModelProto``.

    Parameters
    ----------
    module : torch.nn.Module
        Module that maps a tensor of shape (n_samples, n_columns) to a tensor.

    n_columns : int
        Number of values in a row.

    dtype : torch.dtype
        Dtype of the rows.

    output : str
        Name of the output; the name of the input is `X`.

    opset_version : int or None, default=None
        Version of ONNX's operators; None means torch's default.

    Raises
    ------
    ValueError
        If the weights are too large for one file.

    RuntimeError
        If torch cannot export the module.
    """
    for name in ("onnx", "onnxscript"):
        require(name)
    _check_size(module)
    example = torch.linspace(-1, 1, _EXAMPLE_ROWS * n_columns, dtype=dtype)
    with _silent():
        # Imported here, since it needs onnxscript.
        from skae.export.cholesky import TRANSLATIONS

        try:
            program = torch.onnx.export(
                module,
                (example.reshape(_EXAMPLE_ROWS, n_columns),),
                dynamo=True,
                input_names=["X"],
                output_names=[output],
                dynamic_shapes=({0: torch.export.Dim("n_samples", min=1)},),
                custom_translation_table=TRANSLATIONS,
                opset_version=opset_version,
                verbose=False,
            )
        except Exception as error:  # any error of torch, onnxscript or a module of the user
            raise RuntimeError(
                f"torch could not export a graph that computes {output!r}: "
                f"{type(error).__name__}: {_first_line(error)} Your own modules, losses and "
                f"scores must work for any number of rows, and must not branch on the values in "
                f"them."
            ) from error
        assert program is not None  # as dynamo=True
        return program.model_proto


def _check_size(module: nn.Module) -> None:
    tensors = module.state_dict().values()
    n_bytes = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    if n_bytes > _MOST_BYTES:
        raise ValueError(
            f"The weights take {n_bytes / 2**30:.1f} GiB, but an ONNX model in one file is limited "
            f"to 2 GiB: use fewer or smaller networks."
        )


def _first_line(error: BaseException) -> str:
    """Return the first line of the original error, which is the most specific."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0] if lines else repr(error)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Hide the warnings and log messages of the exporter."""
    logger = logging.getLogger("torch")
    disabled = [logging.getLogger(name) for name in ("onnxscript", "onnx_ir")]
    levels = [(log, log.level) for log in (logger, *disabled)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for log, _ in levels:
                log.setLevel(logging.CRITICAL)
            yield
        finally:
            for log, level in levels:
                log.setLevel(level)
