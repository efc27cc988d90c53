"""Reports of epochs, on the terminal, in the log and to scikit-learn's callbacks.

``sklearn.callback`` is new in scikit-learn 1.9, and experimental. No other module imports it. With
older versions, no callbacks are called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sklearn.base import BaseEstimator

from skae._data.matrix import Matrix
from skae._utils.messages import announce, is_heard

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Placeholder for older versions, which have no callbacks."""


class EpochReport:
    """Reports each epoch, and returns whether a callback asks to stop.

    Parameters
    ----------
    estimator : BaseAutoencoder
        The estimator that is being fitted.

    others : dict of str to object, default={}
        Fitted attributes in addition to those of the network.

    calls_back : bool, default=True
        Whether to call scikit-learn's callbacks; if not, epochs are only printed.
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

    @property
    def is_heard(self) -> bool:
        """Whether anybody follows the epochs, which then are those of one network at a time."""
        # Where scikit-learn keeps its callbacks, those that a meta-estimator hands on included.
        callbacks = getattr(self.estimator, "_skl_callbacks", ())
        return (self.calls_back and bool(callbacks)) or is_heard(self.estimator)

    def on_terminal(self) -> EpochReport:
        """Return a report that only prints, for a fit that is a step of another one."""
        return EpochReport(self.estimator, calls_back=False)

    def again(self) -> EpochReport:
        """Return a report like this one for another network."""
        return self.also()

    def also(self, **others: Any) -> EpochReport:
        """Return a report with further fitted attributes."""
        merged = {**self.others, **others}
        return EpochReport(self.estimator, merged, calls_back=self.calls_back)

    def begin(self, n_epochs: int, X: Matrix) -> None:
        """Begin the report of a training.

        Parameters
        ----------
        n_epochs : int
            Number of planned epochs.

        X : array-like
            The training data, passed to the callbacks.
        """
        self.n_epochs, self.X, self.context = n_epochs, X, None
        # Callbacks that are propagated from a meta-estimator are only visible in a context; setting
        # one up takes almost no time.
        if self.calls_back and hasattr(self.estimator, "_init_callback_context"):
            self.context = self.estimator._init_callback_context(max_subtasks=n_epochs)
            self.context.call_on_fit_task_begin(estimator=self.estimator, X=X)

    def __call__(self, record: dict, fitted_attributes: Callable[[], dict]) -> bool:
        """Report one row of the history; return whether a callback asks to stop.

        Parameters
        ----------
        record : dict
            The row of the history.

        fitted_attributes : callable
            Returns the attributes that the estimator would have if the fit ended now. It is only
            called if a callback asks for the fitted estimator.
        """
        announce(self.estimator, _line(record, self.n_epochs))
        if self.context is None:
            return False
        task = self.context.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(estimator=self.estimator, X=self.X)
        return self._end(task, fitted_attributes)

    def start_is_kept(self) -> None:
        """Report that no epoch was better than the start, which is the result."""
        announce(
            self.estimator,
            "no epoch had a lower validation loss than the start, which is kept: best_epoch_ is 0",
        )

    def end(self, fitted_attributes: Callable[[], dict]) -> None:
        """Report that the fit is complete."""
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
