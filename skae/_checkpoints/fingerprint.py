"""The fingerprint of a fit: short descriptions of its parameters and data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from importlib.metadata import version
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import BaseEstimator

from skae._data.matrix import Matrix
from skae._runtime.device import resolve_device

# Parameters that do not change the weights.
_WITHOUT_EFFECT = {"checkpoint", "verbose", "callbacks"}
# Rows that the digest of X covers, spread evenly over all rows, and their entries.
_MOST_ROWS, _MOST_ENTRIES = 4096, 2**23
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def fingerprint(
    estimator: BaseEstimator, X: Matrix, others: Mapping[str, object]
) -> dict[str, str]:
    """Return a description of a fit that differs from that of other fits, item by item.

    Parameters
    ----------
    estimator : BaseAutoencoder
        The estimator; all parameters count that can change the weights.

    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Validated rows. The digest covers up to 4,096 of them.

    others : mapping of str to ndarray or None
        The other arguments of `fit`.
    """
    kind = type(estimator)
    found = {"estimator": f"{kind.__module__}.{kind.__qualname__}"}
    for name, value in sorted(estimator.get_params(deep=False).items()):
        if name not in _WITHOUT_EFFECT:
            found[name] = described(value)
    found["device"] = str(resolve_device(estimator.device))
    found["X"] = f"{X.shape} {X.dtype} {_digest_of_rows(X)}"
    found["shape of a sample"] = str(tuple(estimator.sample_shape_))
    for name, array in others.items():
        found[name] = described(array)
    return {**found, "skae": version("skae"), "torch": str(torch.__version__)}


def described(value: Any) -> str:
    """Return a description of a value that is the same in every process."""
    if isinstance(value, np.ndarray):
        return f"{value.shape} {value.dtype} {_digest(value)}"
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, Real):
        return repr(value.item() if isinstance(value, np.generic) else value)
    if isinstance(value, np.random.RandomState):
        return "RandomState"  # the checkpoint holds its state
    if isinstance(value, BaseEstimator):
        parameters = value.get_params(deep=False).items()
        inner = ", ".join(f"{name}={described(held)}" for name, held in sorted(parameters))
        return f"{type(value).__qualname__}({inner})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{described(k)}: {described(v)}' for k, v in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(described, value))})"
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return _ADDRESS.sub("", repr(value))


def _digest_of_rows(X: Matrix) -> str:
    n_rows, n_features = X.shape
    most = max(1, min(_MOST_ROWS, _MOST_ENTRIES // max(1, n_features)))
    index = np.unique(np.linspace(0, n_rows - 1, min(n_rows, most)).astype(np.int64))
    rows = X[index]
    if not sp.issparse(rows):
        return _digest(np.asarray(rows))
    return _digest(rows.indptr, rows.indices, rows.data)


def _digest(*arrays: np.ndarray) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for array in arrays:
        if array.dtype.hasobject:
            digest.update(repr(array.tolist()).encode())
        else:
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
