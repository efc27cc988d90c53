"""Who is told of each epoch: the terminal, and scikit-learn's callbacks where they exist.

``sklearn.callback`` came with scikit-learn 1.9 and is experimental; this module is the only one
that knows of it, and does nothing where it is missing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

from sklearn.base import BaseEstimator

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stand-in without callbacks."""


def without_callbacks(estimator: BaseEstimator) -> BaseEstimator:
    """Return a shallow copy of an estimator that tells nobody, for fits that are no end."""
    silent = copy.copy(estimator)
    for name in ("_skl_callbacks", "_parent_callback_ctx"):
        vars(silent).pop(name, None)
    return silent


class EpochReport:
    """Tell of each epoch, and say whether someone wants to stop.

    Parameters
    ----------
    estimator : BaseAutoencoder
        The estimator that is being fitted.

    n_epochs : int
        How many epochs are planned.

    X : array-like
        The training data, shown to the callbacks.
    """

    def __init__(self, estimator: BaseEstimator, n_epochs: int, X):
        self.estimator, self.n_epochs, self.X = estimator, n_epochs, X
        self.context = None
        # Setting a context up costs nothing much, but callbacks that are propagated from a
        # meta-estimator are only seen through it.
        if hasattr(estimator, "_init_callback_context"):
            self.context = estimator._init_callback_context(max_subtasks=n_epochs)
            self.context.call_on_fit_task_begin(estimator=estimator, X=X)

    def __call__(self, record: dict, fitted_attributes: Callable[[], dict]) -> bool:
        """Tell of one row of the history; return whether a callback wants to stop.

        Parameters
        ----------
        record : dict
            The row.

        fitted_attributes : callable
            Returns the attributes that an estimator would have if the fit ended here; called
            only where a callback asks for the fitted estimator.
        """
        if self.estimator.verbose:
            print(_line(record, self.n_epochs))
        if self.context is None:
            return False
        task = self.context.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(estimator=self.estimator, X=self.X)
        return self._end(task, fitted_attributes)

    def end(self, fitted_attributes: Callable[[], dict]) -> None:
        """Tell that the fit is done."""
        if self.context is not None:
            self._end(self.context, fitted_attributes)

    def _end(self, task, fitted_attributes: Callable[[], dict]) -> bool:
        stop = task.call_on_fit_task_end(
            estimator=self.estimator, X=self.X, reconstruction_attributes=fitted_attributes
        )
        return bool(stop)


def _line(record: dict, n_epochs: int) -> str:
    return (
        f"epoch {record['epoch']:4d}/{n_epochs}  "
        f"train {record['train_loss']:.6f}  valid {record['valid_loss']:.6f}  "
        f"{record['seconds']:.2f} s"
    )
