"""Nested values that hold tensors, as a document and arrays and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

_ARRAY, _INTEGER = "array", "integer"
# Integers that a document can hold as numbers.
_MOST_INTEGER = 2**63


def packed(value: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """Return a document and arrays that hold a value together.

    Parameters
    ----------
    value : dict, list, tuple, torch.Tensor, ndarray, str, bool, int, float or None
        Dictionaries and lists hold the same. Keys are strings.
    """
    arrays: dict[str, np.ndarray] = {}
    return _packed(value, arrays), arrays


def unpacked(document: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return the value that :func:`packed` was given, with tensors for arrays, lists for tuples."""
    if isinstance(document, list):
        return [unpacked(item, arrays) for item in document]
    if not isinstance(document, dict):
        return document
    if document.keys() == {_ARRAY}:
        return torch.tensor(arrays[document[_ARRAY]])  # allocated by torch, as in training
    if document.keys() == {_INTEGER}:
        return int(document[_INTEGER])
    return {name: unpacked(item, arrays) for name, item in document.items()}


def _packed(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = value
        return {_ARRAY: name}
    if isinstance(value, dict):
        return {name: _packed(item, arrays) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_packed(item, arrays) for item in value]
    if isinstance(value, int) and abs(value) >= _MOST_INTEGER:
        return {_INTEGER: str(value)}
    return value
