"""Saving a fitted estimator as one file."""

from __future__ import annotations

import os
import warnings
from typing import Any

from sklearn.utils.validation import check_is_fitted

from skae._persistence.attributes import check_estimator, check_state, names_of
from skae._persistence.encode import Encoder
from skae._persistence.given import NAMES
from skae._persistence.parts import parameters_of
from skae._persistence.versions import VERSION
from skae._storage import write_file

# Fitted attributes that hold a resolved parameter.
_RESOLVED = {"kind_": "kind", "architecture_": "architecture", "scoring_": "scoring"}


def save(estimator: Any, path: str | os.PathLike) -> None:
    """Write a fitted estimator to a file, as its method ``save`` does."""
    check_is_fitted(estimator)
    if "_stored_as" not in vars(type(estimator)):
        raise TypeError(
            f"save takes skae's own estimators, and {type(estimator).__name__} is another class: "
            f"a file could not say what it does. Use pickle, joblib or skops."
        )
    parameters, state = _parameters(estimator), _state(estimator)
    check_state(estimator._stored_as, state)
    check_estimator(estimator)
    encoder = Encoder()
    document = {
        "version": VERSION,
        "estimator": estimator._stored_as,
        "parameters": {
            name: encoder.encode(value, name, name if name in NAMES else "")
            for name, value in sorted(parameters.items())
        },
        "attributes": {
            name: encoder.encode(value, name, _RESOLVED.get(name, ""))
            for name, value in sorted(state.items())
        },
    }
    write_file(path, "model", document, encoder.arrays)


def _parameters(estimator: Any) -> dict:
    parameters = parameters_of(estimator)
    if parameters["callbacks"]:
        warnings.warn(
            "callbacks are not part of a fitted model: the file does not contain them.",
            UserWarning,
            stacklevel=4,
        )
    # The path of a checkpoint belongs to one fit as well.
    return {**parameters, "callbacks": None, "checkpoint": None}


def _state(estimator: Any) -> dict:
    """Return the fitted attributes, and other attributes that users may set."""
    state, known = estimator.__getstate__(), names_of(estimator)
    left_out = sorted(set(state) - known - set(vars(type(estimator)())))
    if left_out:
        warnings.warn(
            f"The attributes {left_out} are left out of the file, since no fit sets them.",
            UserWarning,
            stacklevel=4,
        )
    return {name: value for name, value in state.items() if name in known}
