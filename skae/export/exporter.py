"""From a torch module to an ONNX model, by torch's exporter, which is kept silent meanwhile."""

from __future__ import annotations

import contextlib
import importlib
import logging
import warnings
from collections.abc import Iterator

import torch
from torch import nn

# Rows of the example that the exporter follows through the module. Other numbers than one, which
# it would take for all that there can be, and than the sizes of axes.
_EXAMPLE_ROWS = 5
# A single file can not hold more.
_MOST_BYTES = 2**31 - 2**24


def require(name: str):
    """Return a module of the extra that export needs.

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
):
    """Return the graph of a module as an ``onnx.ModelProto``.

    Parameters
    ----------
    module : torch.nn.Module
        From a tensor of shape (n_samples, n_columns) to a tensor.

    n_columns : int
        Size of a row.

    dtype : torch.dtype
        That of the rows.

    output : str
        Name of what comes out; what goes in is `X`.

    opset_version : int or None, default=None
        Version of ONNX's operators; None is torch's default.

    Raises
    ------
    ValueError
        If the weights take more than a file can hold.

    RuntimeError
        If torch can not export the module.
    """
    for name in ("onnx", "onnxscript"):
        require(name)
    _check_size(module)
    example = torch.linspace(-1, 1, _EXAMPLE_ROWS * n_columns, dtype=dtype)
    with _silent():
        # Only here, as it imports onnxscript.
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
        except Exception as error:  # whatever torch, onnxscript or a module of the user raises
            raise RuntimeError(
                f"torch could not export a graph that computes {output!r}: "
                f"{type(error).__name__}: {_first_line(error)} Modules given to "
                f"skae.architectures.Custom must work for any number of rows, and must not "
                f"branch by what is in them; losses and scores of your own neither."
            ) from error
        return program.model_proto


def _check_size(module: nn.Module) -> None:
    tensors = module.state_dict().values()
    n_bytes = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    if n_bytes > _MOST_BYTES:
        raise ValueError(
            f"The weights take {n_bytes / 2**30:.1f} GiB, and an ONNX model in one file can hold "
            f"2 GiB: use fewer or smaller networks."
        )


def _first_line(error: Exception) -> str:
    """Return what happened: the last cause says it best, and the first line of it."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0] if lines else repr(error)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep the warnings and the log of the exporter from the user."""
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
