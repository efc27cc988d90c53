"""Reports of epochs: on the terminal, and to scikit-learn's callbacks if they exist.

``sklearn.callback`` came with scikit-learn 1.9 and is experimental; this module is the only one
that knows of it, and does nothing where it is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sklearn.base import BaseEstimator

from skae._data.matrix import Matrix

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stand-in without callbacks."""


class EpochReport:
    """Reports each epoch, and says whether someone wants to stop.

    Parameters
    ----------
    estimator : BaseAutoencoder
        The estimator that is being fitted.

    others : dict of str to object, default={}
        Fitted attributes beside those of the network.

    calls_back : bool, default=True
        Whether scikit-learn's callbacks are called; if not, only the terminal shows the epochs.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        others: Mapping[str, Any] = MappingProxyType({}),
        *,
        calls_back: bool = True,
    ):
        self.estimator, self.others, self.calls_back = estimator, others, calls_back
        self.context: Any = None  # of scikit-learn's callbacks

    def on_terminal(self) -> EpochReport:
        """Return a report on the terminal alone, for a fit that is a step of another one."""
        return EpochReport(self.estimator, calls_back=False)

    def begin(self, n_epochs: int, X: Matrix) -> None:
        """Begin the report of a training.

        Parameters
        ----------
        n_epochs : int
            How many epochs are planned.

        X : array-like
            The training data, given to the callbacks.
        """
        self.n_epochs, self.X, self.context = n_epochs, X, None
        # Setting a context up takes next to no time, but callbacks that are propagated from a
        # meta-estimator are only seen through it.
        if self.calls_back and hasattr(self.estimator, "_init_callback_context"):
            self.context = self.estimator._init_callback_context(max_subtasks=n_epochs)
            self.context.call_on_fit_task_begin(estimator=self.estimator, X=X)

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

    def _end(self, task: Any, fitted_attributes: Callable[[], dict]) -> bool:
        stop = task.call_on_fit_task_end(
            estimator=self.estimator,
            X=self.X,
            reconstruction_attributes=lambda: {**fitted_attributes(), **self.others},
        )
        return bool(stop)


def _line(record: dict, n_epochs: int) -> str:
    return (
        f"epoch {record['epoch']:4d}/{n_epochs}  "
        f"train {record['train_loss']:.6f}  valid {record['valid_loss']:.6f}  "
        f"{record['seconds']:.2f} s"
    )
