"""The trainings of one fit, in order, and their resumption from a checkpoint."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from skae._checkpoints.checkpoint import Checkpoint
from skae._checkpoints.fingerprint import fingerprint
from skae._data.batches import Batches
from skae._data.matrix import Matrix
from skae._network.autoencoder_network import AutoencoderNetwork
from skae._network.fitted_network import FittedNetwork
from skae._replicas.together import one_by_one, train_together
from skae._training.train import TrainingResult, TrainingTask, train
from skae._training.training_plan import TrainingPlan
from skae._utils.messages import announce
from skae._utils.random_state import own_random_state

# Tolerance for moments, which another processor may round differently.
_TOLERANCE = 1e-4


class Trainings:
    """The trainings of one fit: folds, networks or phases, in the order in which they are run.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        The parameter of the estimator.

    Attributes
    ----------
    random_state : int or RandomState instance
        The source of all randomness of the fit.

    interrupted : bool
        Whether Ctrl-C ended the fit.
    """

    # Whether trainings may run side by side.
    joins = True

    def __init__(self, random_state: Any):
        fixed = isinstance(random_state, Integral)
        self.random_state = random_state if fixed else own_random_state(random_state)
        self.interrupted = False

    def train(
        self,
        network: AutoencoderNetwork,
        training: Batches,
        validation: Batches | None,
        plan: TrainingPlan,
        optimizer_state: dict | None = None,
    ) -> TrainingResult:
        """Train a network, as :func:`~skae._training.train.train` does."""
        return train(network, training, validation, plan, optimizer_state)

    def train_all(self, tasks: Sequence[TrainingTask]) -> list[TrainingResult | None]:
        """Return the results of several trainings, None for those that Ctrl-C prevented."""
        return train_together(tasks) if self.joins else one_by_one(tasks, self.train)

    def warn_of_interruption(self, interruption: str | None) -> None:
        """Warn of an interruption by Ctrl-C, if the outcome of a fit states one."""
        if interruption is not None:
            self.interrupt(f"interrupted the training {interruption}")

    def interrupt(self, message: str) -> None:
        """Warn that Ctrl-C interrupted the fit, and say which weights are kept."""
        self.interrupted = True
        warnings.warn(
            f"Ctrl-C {message}.{self._sequel()} A second Ctrl-C within two seconds also ends a "
            f"search or a loop.",
            ConvergenceWarning,
            stacklevel=2,
        )

    def _sequel(self) -> str:
        return ""


class SavedTrainings(Trainings):
    """Trainings with a checkpoint: the results of completed ones, and the state of the current one.

    A resumed fit repeats all computations between trainings, with the same random numbers.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        The parameter of the estimator.

    checkpoint : Checkpoint
        The file.
    """

    joins = False  # a checkpoint holds the state of one training

    def __init__(self, random_state: Any, checkpoint: Checkpoint):
        super().__init__(random_state)
        self.checkpoint = checkpoint
        found = checkpoint.found or {"results": [], "training": None}
        self._results = [_as_result(result) for result in found["results"]]
        self._training = found["training"]
        self._random = None
        if isinstance(self.random_state, np.random.RandomState):
            if checkpoint.found:
                self.random_state.set_state(_with_arrays(found["random"]))
            self._random = self.random_state.get_state(legacy=False)
        self._n_begun = 0

    def train(
        self,
        network: AutoencoderNetwork,
        training: Batches,
        validation: Batches | None,
        plan: TrainingPlan,
        optimizer_state: dict | None = None,
    ) -> TrainingResult:
        """Train a network, resume its training, or return the saved result of it."""
        number, self._n_begun = self._n_begun, self._n_begun + 1
        if number < len(self._results):
            self._check(network, self._results[number].weights)
            return self._results[number]
        state, self._training = self._training, None
        if state is not None:
            self._check(network, state["weights"])
        result = train(
            network, training, validation, plan, optimizer_state, state=state, save=self._save
        )
        if not result.interrupted:
            # Only partial_fit continues with the state of the optimizer.
            self._results.append(replace(result, optimizer_state={}))
        return result

    def end(self) -> None:
        """Remove the file of a complete fit; after Ctrl-C it stays."""
        if not self.interrupted:
            self.checkpoint.remove()

    def _save(self, capture: Callable[[], dict]) -> None:
        self.checkpoint.offer(
            lambda: {
                "random": self._random,
                "results": [_as_dict(result) for result in self._results],
                "training": capture(),
            }
        )

    def _check(self, network: AutoencoderNetwork, weights: dict[str, torch.Tensor]) -> None:
        """Refuse weights fitted to other rows, since the fingerprint covers only some rows."""
        if not _fit_together(network.state_dict(), weights):
            raise ValueError(
                f"checkpoint={str(self.checkpoint.path)!r} belongs to a fit of other rows: their "
                f"means and ranges differ from those of X. Fit the same rows to resume it, delete "
                f"the file to start from the beginning, or give another path."
            )

    def _sequel(self) -> str:
        if not self.checkpoint.path.exists():
            return ""
        path = str(self.checkpoint.path)
        return f" The same call of fit resumes from the checkpoint {path!r}."


@contextlib.contextmanager
def trainings_of(estimator: BaseEstimator, X: Matrix, **others: object) -> Iterator[Trainings]:
    """Yield the trainings of a fit, with a checkpoint if the estimator has one.

    Parameters
    ----------
    estimator : BaseAutoencoder
        The estimator whose parameters are read.

    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Validated rows.

    **others : ndarray or None
        Other arguments that the fit depends on.
    """
    if estimator.checkpoint is None:
        yield Trainings(estimator.random_state)
        return
    checkpoint = Checkpoint(estimator.checkpoint, fingerprint(estimator, X, others))
    if checkpoint.found:
        announce(estimator, f"resuming from checkpoint {str(checkpoint.path)!r}")
    trainings = SavedTrainings(estimator.random_state, checkpoint)
    yield trainings
    trainings.end()


def weights_of(fitted: FittedNetwork) -> np.ndarray:
    """Return the weights that a fit continues from, joined in one array."""
    return np.concatenate([fitted.weights[name].ravel() for name in sorted(fitted.weights)])


def _as_dict(result: TrainingResult) -> dict:
    history = [[name, column.to_numpy()] for name, column in result.history.items()]
    return {
        "weights": result.weights,
        "history": history,
        "best_epoch": result.best_epoch,
        "best_loss": float(result.best_loss),
    }


def _as_result(saved: dict) -> TrainingResult:
    history = pd.DataFrame({name: column.numpy() for name, column in saved["history"]})
    return TrainingResult(
        **{**saved, "history": history, "optimizer_state": {}, "interrupted": False}
    )


def _fit_together(new: dict[str, torch.Tensor], saved: dict[str, torch.Tensor]) -> bool:
    """Return whether two sets of weights have the same shapes and moments of rows."""
    if {name: w.shape for name, w in new.items()} != {name: w.shape for name, w in saved.items()}:
        return False
    for name in ("mean", "deviation", "low", "high"):
        value, other = (of[f"features.{name}"].cpu() for of in (new, saved))
        if ((value - other).abs() > _TOLERANCE * (1 + value.abs())).any():
            return False
    return True


def _with_arrays(state: Any) -> Any:
    """Return the state of a RandomState with arrays instead of tensors."""
    if isinstance(state, dict):
        return {name: _with_arrays(value) for name, value in state.items()}
    return state.numpy() if hasattr(state, "numpy") else state
