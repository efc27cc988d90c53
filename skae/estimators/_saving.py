"""The method ``save``, and a state without classes of pandas and scipy."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd
import scipy.sparse as sp
from sklearn.base import BaseEstimator


class SavingMixin(BaseEstimator):
    """A fitted estimator as one file that is safe to open."""

    # The name of the class in files; a class that has none of its own can not be saved.
    _stored_as: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return the state with tables as dictionaries of arrays.

        Those of pandas and scipy have states of their own classes, which skops would ask to trust.
        """
        state = super().__getstate__()
        return {name: _WITHOUT.get(name, _same)(value) for name, value in state.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
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
        from skae._persistence.save import save  # it knows the estimators

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
