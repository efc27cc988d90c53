"""Saving a fitted estimator as one file."""

from __future__ import annotations

import os
import warnings

from sklearn.utils.validation import check_is_fitted

from skae._persistence.attributes import ATTRIBUTES, OPTIONAL, check_estimator
from skae._persistence.classes import parameters_of
from skae._persistence.given import NAMES
from skae._persistence.writing import Writer
from skae._storage import write_file

# The attributes of a fit that hold a parameter as it was resolved.
_RESOLVED = {"kind_": "kind", "architecture_": "architecture", "scoring_": "scoring"}


def save(estimator, path: str | os.PathLike) -> None:
    """Write a fitted estimator to a file, as its method ``save`` does."""
    check_is_fitted(estimator)
    if "_stored_as" not in vars(type(estimator)):
        raise TypeError(
            f"save takes skae's own estimators, and {type(estimator).__name__} is another class: "
            f"a file could not say what it does. Use pickle, joblib or skops."
        )
    parameters, attributes = _parameters(estimator), _attributes(estimator)
    check_estimator(estimator._stored_as, estimator, attributes)
    writer = Writer()
    document = {
        "estimator": estimator._stored_as,
        "parameters": {
            name: writer.write(value, name, name if name in NAMES else "")
            for name, value in sorted(parameters.items())
        },
        "attributes": {
            name: writer.write(value, name, _RESOLVED.get(name, ""))
            for name, value in sorted(attributes.items())
        },
    }
    write_file(path, "model", document, writer.arrays)


def _parameters(estimator) -> dict:
    parameters = parameters_of(estimator)
    if parameters["callbacks"]:
        warnings.warn(
            "callbacks are no part of a fitted model and are left out of the file.",
            UserWarning,
            stacklevel=4,
        )
    # Nor is the path that a fit goes on from.
    return {**parameters, "callbacks": None, "checkpoint": None}


def _attributes(estimator) -> dict:
    """Return what the fit left, and what users may set beside it."""
    known = {*ATTRIBUTES[estimator._stored_as], *OPTIONAL, *getattr(estimator, "_of_kind", ())}
    own = vars(estimator)
    left_out = sorted(set(own) - known - set(vars(type(estimator)())))
    if left_out:
        warnings.warn(
            f"The attributes {left_out} are left out of the file: save knows those of a fit only.",
            UserWarning,
            stacklevel=4,
        )
    return {name: value for name, value in own.items() if name in known}
