"""Cholesky factorisation and solution of linear systems as ONNX loops, as ONNX has no operator.

They replace operators of torch: both the imputation of missing values and the computation of sparse
codes solve a small positive definite system for each row.
"""

from collections.abc import Callable
from typing import Any, TypeVar, Union

import torch
from onnxscript import DOUBLE, FLOAT, script
from onnxscript import opset18 as op

# onnxscript knows unions by this name only.
T = TypeVar("T", bound=Union[FLOAT, DOUBLE])  # noqa: UP007


@script()
def cholesky(matrices: T, upper: bool = False) -> T:
    """Return lower factors, computed column by column on the remainder ``A - l l^T``."""
    size = op.Squeeze(op.Shape(matrices, start=-1))
    places = op.Range(0, size, 1)
    rest = op.Identity(matrices)
    lower = op.Sub(matrices, matrices)
    for j in range(size):
        column = op.Gather(rest, j, axis=-1)
        pivot = op.Unsqueeze(op.Sqrt(op.Gather(column, j, axis=-1)), [-1])
        below = op.CastLike(op.GreaterOrEqual(places, j), column)
        column = op.Mul(op.Div(column, pivot), below)
        rest = op.Sub(rest, op.Mul(op.Unsqueeze(column, [-1]), op.Unsqueeze(column, [-2])))
        lower = op.Where(op.Equal(places, j), op.Unsqueeze(column, [-1]), lower)
    return lower


@script()
def cholesky_solve(right: T, lower: T, upper: bool = False) -> T:
    """Return the solution X of ``L L^T X = right``, by forward and backward substitution."""
    size = op.Squeeze(op.Shape(lower, start=-1))
    places = op.Unsqueeze(op.Range(0, size, 1), [-1])
    rest = op.Identity(right)
    for j in range(size):
        column = op.Unsqueeze(op.Gather(lower, j, axis=-1), [-1])
        value = op.Div(op.Gather(rest, j, axis=-2), op.Gather(column, j, axis=-2))
        value = op.Unsqueeze(value, [-2])
        below = op.Sub(rest, op.Mul(column, value))
        rest = op.Where(op.Greater(places, j), below, op.Where(op.Equal(places, j), value, rest))
    for i in range(size):
        k = op.Sub(op.Sub(size, 1), i)
        row = op.Unsqueeze(op.Gather(lower, k, axis=-2), [-1])
        solved = op.Div(op.Gather(rest, k, axis=-2), op.Gather(row, k, axis=-2))
        solved = op.Unsqueeze(solved, [-2])
        above = op.Sub(rest, op.Mul(row, solved))
        rest = op.Where(op.Less(places, k), above, op.Where(op.Equal(places, k), solved, rest))
    return rest


# Translations of operators that torch's exporter does not support.
TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.ops.aten.linalg_cholesky.default: cholesky,
    torch.ops.aten.cholesky_solve.default: cholesky_solve,
}
