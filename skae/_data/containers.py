"""Conversion of supported containers to arrays and sparse matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils.validation import assert_all_finite

from skae._data.blocks import dense_blocks


def as_matrix_like(X: Any) -> Any:
    """Return `X` as an array, a scipy matrix or a data frame, which scikit-learn can read.

    Lists become arrays, masked entries become NaN, and tensors become arrays or scipy matrices.
    Data frames and scipy matrices stay unchanged.

    Parameters
    ----------
    X : object
        The user's data.

    Raises
    ------
    TypeError
        If `X` cannot be converted to an array.

    ValueError
        If `X` is a list of rows of different shapes.
    """
    if isinstance(X, torch.Tensor):
        return from_tensor(X)
    if isinstance(X, np.ma.MaskedArray):
        return _from_masked(X)
    if sp.issparse(X) and X.ndim != 2:
        raise ValueError(f"A sparse X must have two axes, got {X.ndim}.")
    if sp.issparse(X) or isinstance(X, np.ndarray):
        return X
    if hasattr(type(X), "columns"):
        return _checked_frame(X)
    try:
        return _from_list(X) if isinstance(X, list | tuple) else np.asarray(X)
    except MemoryError:
        raise
    except ValueError as error:
        message = unequal_samples(X) if isinstance(X, list | tuple) else ""
        raise ValueError(
            message or f"X cannot be converted to an array of numbers: {error}"
        ) from error
    except Exception as error:  # conversions of other libraries may raise anything
        raise TypeError(
            f"X cannot be converted to an array of numbers, got {type(X).__name__}: "
            f"{type(error).__name__}: {error}"
        ) from error


def _checked_frame(X: Any) -> Any:
    if not hasattr(type(X), "shape"):
        raise TypeError(
            f"X is a {type(X).__name__}, whose rows are not computed yet: give X.collect() instead."
        )
    return X


def _from_list(X: list | tuple) -> np.ndarray:
    if any(isinstance(row, torch.Tensor | np.ma.MaskedArray) for row in X):
        X = [as_matrix_like(row) for row in X]
    return np.asarray(X)


def unequal_samples(X: Sequence[Any]) -> str:
    """Return a message about the first sample whose shape differs from the first one's, or ""."""
    try:
        shapes = [np.shape(sample) for sample in X]
    except ValueError:  # a sample is itself made of unequal parts
        return ""
    unlike = [i for i, shape in enumerate(shapes) if shape != shapes[0]]
    if not unlike:
        return ""
    return (
        f"X is a list of samples of unequal shape: that of number 0 is {shapes[0]}, that of number "
        f"{unlike[0]} is {shapes[unlike[0]]}. Give all the same shape, for example by padding "
        f"shorter ones with NaN, which counts as missing."
    )


def _from_masked(X: np.ma.MaskedArray) -> np.ndarray:
    """Return an array with NaN in place of masked entries."""
    if not np.ma.is_masked(X):
        return np.asarray(X)
    if X.dtype.kind not in "fiub":  # objects, or no numbers at all
        objects = X.data.astype(object)
        objects[np.ma.getmaskarray(X)] = None
        return objects
    dtype = X.dtype if X.dtype.kind == "f" else np.float64
    return np.ma.filled(X.astype(dtype), np.nan)


def from_tensor(X: torch.Tensor) -> Any:
    """Return an array, or a CSR matrix for a sparse tensor."""
    try:
        X = X.detach()
        if X.layout in (torch.sparse_coo, torch.sparse_csr, torch.sparse_csc):
            X = X.to_sparse_coo().coalesce().cpu()
            index, values = X.indices().numpy(), from_tensor(X.values())
            return sp.csr_array((values, tuple(index)), shape=tuple(X.shape))
        X = X.cpu().resolve_conj().resolve_neg()
        return (X.float() if X.dtype == torch.bfloat16 else X).numpy()
    except (TypeError, RuntimeError, ValueError) as error:
        raise TypeError(
            f"X is a tensor of dtype {X.dtype}, layout {X.layout} on device {X.device}, which "
            f"cannot be converted to an array: convert it first, for example by X.float().cpu()."
        ) from error


def check_finite(X: Any, missing_allowed: bool) -> None:
    """Refuse infinity in a matrix, and NaN unless it is allowed, block by block."""
    values = [(None, X.data)] if sp.issparse(X) else dense_blocks(X)
    for _, block in values:
        assert_all_finite(block, allow_nan=missing_allowed, input_name="X")
