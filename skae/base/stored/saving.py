"""``save``, which all estimators have."""

from __future__ import annotations

import os
import warnings

import pandas as pd
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from skae.base.stored.attributes import ATTRIBUTES, OPTIONAL, check_estimator
from skae.base.stored.classes import parameters_of
from skae.base.stored.given import NAMES
from skae.base.stored.writing import Writer
from skae.storage import write_file

# The attributes of a fit that hold a parameter as it was resolved.
_RESOLVED = {"kind_": "kind", "architecture_": "architecture", "scoring_": "scoring"}


class SavingMixin:
    """A fitted estimator as one file that is safe to open."""

    # The name of the class in files; a class that has none of its own can not be saved.
    _stored_as: str | None = None

    def __getstate__(self):
        """Return the state with tables as dictionaries of arrays.

        Those of pandas and scipy have states of their own classes, which skops would ask to trust.
        """
        state = super().__getstate__()
        return {name: _WITHOUT.get(name, _same)(value) for name, value in state.items()}

    def __setstate__(self, state):
        """Take a state, with tables as they were."""
        super().__setstate__({name: _WITH.get(name, _same)(v) for name, v in state.items()})

    def save(self, path: str | os.PathLike) -> None:
        """Save the fitted estimator as one file, which :func:`skae.load` reads.

        The file holds JSON and safetensors, and no code. It takes the place of `path` when all
        of it is written: whatever happens meanwhile, there is the old file or the new one.

        Parameters
        ----------
        path : str or path-like
            Where to; the usual suffix is ``.skae``.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it holds what no file can hold, or is of a class of your own.
        ValueError
            If parameters were set, after the fit, to what they can not be.
        OSError
            If the file can not be written.

        See Also
        --------
        skae.load : Read such a file.

        Notes
        -----
        `callbacks` are no part of the file: after loading they are None, and `save` warns. The
        modules of a ``Custom`` architecture, and functions and classes of your own, are given
        again to :func:`skae.load`.
        """
        check_is_fitted(self)
        if "_stored_as" not in vars(type(self)):
            raise TypeError(
                f"save takes skae's own estimators, and {type(self).__name__} is another class: "
                f"a file could not say what it does. Use pickle, joblib or skops."
            )
        parameters, attributes = _parameters(self), _attributes(self)
        check_estimator(self._stored_as, self, attributes)
        writer = Writer()
        document = {
            "estimator": self._stored_as,
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


def _same(value):
    return value


def _without_frame(history):
    if not isinstance(history, pd.DataFrame):
        return history
    return {name: history[name].to_numpy() for name in history.columns}


def _with_frame(columns):
    return pd.DataFrame(columns) if isinstance(columns, dict) else columns


def _without_csr(known: sp.csr_matrix) -> dict:
    parts = {name: getattr(known, name) for name in ("data", "indices", "indptr")}
    return {**parts, "shape": tuple(map(int, known.shape))}


def _with_csr(parts: dict) -> sp.csr_matrix:
    places = (parts["data"], parts["indices"], parts["indptr"])
    return sp.csr_matrix(places, shape=parts["shape"])


_WITHOUT = {"history_": _without_frame, "_known": _without_csr}
_WITH = {"history_": _with_frame, "_known": _with_csr}


def _parameters(estimator) -> dict:
    parameters = parameters_of(estimator)
    if parameters["callbacks"]:
        warnings.warn(
            "callbacks are no part of a fitted model and are left out of the file.",
            UserWarning,
            stacklevel=3,
        )
    return {**parameters, "callbacks": None}


def _attributes(estimator) -> dict:
    """Return what the fit left, and what users may set beside it."""
    known = {*ATTRIBUTES[estimator._stored_as], *OPTIONAL, *getattr(estimator, "_of_kind", ())}
    own = vars(estimator)
    left_out = sorted(set(own) - known - set(vars(type(estimator)())))
    if left_out:
        warnings.warn(
            f"The attributes {left_out} are left out of the file: save knows those of a fit only.",
            UserWarning,
            stacklevel=3,
        )
    return {name: value for name, value in own.items() if name in known}
