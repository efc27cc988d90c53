"""The method ``save``, and a pickled state without classes of pandas and scipy."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd
import scipy.sparse as sp
from sklearn.base import BaseEstimator


class SavingMixin(BaseEstimator):
    """Saves a fitted estimator as one file that is safe to open."""

    # The name of the class in files. A subclass that does not set its own cannot be saved.
    _stored_as: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return the state with tables as dictionaries of arrays.

        For the internal classes in the states of pandas and scipy, skops would require trust.
        """
        state = super().__getstate__()
        return {name: _WITHOUT.get(name, _same)(value) for name, value in state.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state, with tables of pandas and scipy."""
        super().__setstate__({name: _WITH.get(name, _same)(v) for name, v in state.items()})

    def save(self, path: str | os.PathLike) -> None:
        """Save the fitted estimator as one file, which :func:`skae.load` reads.

        The file holds JSON and safetensors, and no code. It replaces a file at `path` only once it
        is complete: if writing fails, the old file remains.

        Parameters
        ----------
        path : str or path-like
            Path of the file; the usual suffix is ``.skae``.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it holds an object that cannot be saved, or is of a class of your own.
        ValueError
            If parameters were set to invalid values after the fit.
        OSError
            If the file cannot be written.

        See Also
        --------
        skae.load : Read such a file.

        Notes
        -----
        The file does not contain `callbacks`: after loading they are None, and `save` warns. Pass
        the modules of a ``Custom`` architecture, and your own functions and classes, to
        :func:`skae.load`.
        """
        from skae._persistence.save import save  # imported late, since it imports the estimators

        save(self, path)


def _same(value: Any) -> Any:
    return value


def _without_frame(history: Any) -> Any:
    if not isinstance(history, pd.DataFrame):
        return history
    return {name: history[name].to_numpy() for name in history.columns}


def _with_frame(columns: Any) -> Any:
    return pd.DataFrame(columns) if isinstance(columns, dict) else columns


def _without_csr(known: sp.csr_matrix) -> dict:
    parts = {name: getattr(known, name) for name in ("data", "indices", "indptr")}
    return {**parts, "shape": tuple(map(int, known.shape))}


def _with_csr(parts: dict) -> sp.csr_matrix:
    places = (parts["data"], parts["indices"], parts["indptr"])
    return sp.csr_matrix(places, shape=parts["shape"])


_WITHOUT = {"history_": _without_frame, "_known": _without_csr}
_WITH = {"history_": _with_frame, "_known": _with_csr}
